/**
 * Joining in one bite: for hls.js, the parts that lie behind the live edge when the player joins become one part.
 *
 * hls.js loads and appends parts strictly one after the other; behind a keyframe eight seconds old that is forty
 * turns before the first picture. So the first playlist is shown to it with the parts of each segment from the
 * joining point on drawn together into a single one; whoever loads that gets all their bytes in order. Later
 * playlists show the same picture, and the part numbers in hls.js' requests are translated back. Pure.
 */

/** Parts `first` up to but not including `end` of a segment are drawn together. */
interface Bite {
	first: number;
	end: number;
}

const DURATION = /DURATION=([0-9.]+)/;
const URI = /URI="([^"]+)"/;

interface ListedPart {
	/** line in the playlist */
	line: number;
	msn: number;
	index: number;
	uri: string;
	duration_s: number;
	independent: boolean;
	gap: boolean;
}

function listParts(lines: readonly string[]): ListedPart[] {
	const parts: ListedPart[] = [];
	let msn = 0;
	let index = 0;
	lines.forEach((text, line) => {
		if (text.startsWith('#EXT-X-MEDIA-SEQUENCE:')) msn = Number(text.slice(22)) || 0;
		else if (text.startsWith('#EXT-X-SKIP:')) msn += Number(/SKIPPED-SEGMENTS=(\d+)/.exec(text)?.[1] ?? 0);
		else if (text.startsWith('#EXT-X-PART:')) {
			parts.push({
				line,
				msn,
				index: index++,
				uri: URI.exec(text)?.[1] ?? '',
				duration_s: Number(DURATION.exec(text)?.[1] ?? 0),
				independent: text.includes('INDEPENDENT=YES'),
				gap: text.includes('GAP=YES')
			});
		} else if (text !== '' && !text.startsWith('#')) {
			msn++;
			index = 0;
		}
	});
	return parts;
}

/**
 * Gives each EXT-X-GAP segment before the first listed part a GAP part of its own. hls.js loads parts only when the
 * list of parts reaches back beyond the newest segment; a live that has just begun (behind the GAP segments that
 * players of Apple's want) would otherwise be played only when its first segment is whole.
 */
export function withGapParts(text: string): string {
	const first = text.indexOf('#EXT-X-PART:');
	const head = first < 0 ? '' : text.slice(0, first);
	if (!head.includes('#EXT-X-GAP')) return text;
	return (
		head.replaceAll(
			/#EXT-X-GAP(\r?\n(?:#.*\r?\n)*?)#EXTINF:([0-9.]+)/g,
			'#EXT-X-PART:URI="gap",DURATION=$2,GAP=YES\n#EXT-X-GAP$1#EXTINF:$2'
		) + text.slice(first)
	);
}

export class Join {
	#bites: Map<number, Bite> | null = null;
	#urls = new Map<string, string[]>();

	/** `from_url`: the first part to load. */
	constructor(private readonly from_url: string) {}

	/** The playlist as hls.js is to see it. The first call decides what is drawn together. */
	rewrite(text: string, url: string): string {
		const lines = text.split('\n');
		const parts = listParts(lines);
		this.#bites ??= this.#plan(parts, url);
		if (this.#bites.size === 0) return text;
		this.#urls.clear();
		const dropped = new Set<number>();
		for (const [msn, bite] of this.#bites) {
			const bitten = parts.filter((part) => part.msn === msn && part.index >= bite.first && part.index < bite.end);
			const first = bitten[0];
			if (!first || bitten.length !== bite.end - bite.first) continue;
			const duration_s = bitten.reduce((sum, part) => sum + part.duration_s, 0);
			lines[first.line] =
				`#EXT-X-PART:URI="${first.uri}#${bitten.length}",DURATION=${duration_s.toFixed(5)}${first.independent ? ',INDEPENDENT=YES' : ''}`;
			for (const part of bitten.slice(1)) dropped.add(part.line);
			this.#urls.set(
				new URL(`${first.uri}#${bitten.length}`, url).href,
				bitten.map((part) => new URL(part.uri, url).href)
			);
		}
		return lines.filter((_, line) => !dropped.has(line)).join('\n');
	}

	/** hls.js' request for a playlist, with the part number as the server counts. */
	request(url: string): string {
		if (!this.#bites) return url;
		const parsed = new URL(url);
		const bite = this.#bites.get(Number(parsed.searchParams.get('_HLS_msn') ?? NaN));
		const part = Number(parsed.searchParams.get('_HLS_part') ?? NaN);
		if (!bite || !(part > bite.first)) return url;
		parsed.searchParams.set('_HLS_part', String(part + bite.end - bite.first - 1));
		return parsed.href;
	}

	/** The parts behind a drawn-together one, null for an ordinary URL. */
	parts(url: string): string[] | null {
		return this.#urls.get(url) ?? null;
	}

	#plan(parts: readonly ListedPart[], url: string): Map<number, Bite> {
		const bites = new Map<number, Bite>();
		const from = parts.findIndex((part) => part.uri !== '' && new URL(part.uri, url).href === this.from_url);
		if (from < 0) return bites;
		for (const part of parts.slice(from)) {
			if (part.gap) return new Map();
			const bite = bites.get(part.msn);
			if (bite) bite.end = part.index + 1;
			else bites.set(part.msn, { first: part.index, end: part.index + 1 });
		}
		for (const [msn, bite] of bites) if (bite.end - bite.first < 2) bites.delete(msn);
		return bites;
	}
}
