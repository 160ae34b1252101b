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

export class Join {
	#bites: Map<number, Bite> | null = null;
	#urls = new Map<string, string[]>();

	/** `distance_s`: join at the last independent part at least this far behind the end. */
	constructor(private readonly distance_s: number) {}

	/** The playlist as hls.js is to see it. The first call decides what is drawn together. */
	rewrite(text: string, url: string): string {
		const lines = text.split('\n');
		const parts = listParts(lines);
		this.#bites ??= this.#plan(parts);
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

	#plan(parts: readonly ListedPart[]): Map<number, Bite> {
		const bites = new Map<number, Bite>();
		let behind_s = 0;
		let from = -1;
		for (let i = parts.length - 1; i >= 0 && from < 0; i--) {
			const part = parts[i];
			if (!part || part.gap) return bites;
			behind_s += part.duration_s;
			if (part.independent && behind_s >= this.distance_s) from = i;
		}
		if (from < 0) return bites;
		for (const part of parts.slice(from)) {
			const bite = bites.get(part.msn);
			if (bite) bite.end = part.index + 1;
			else bites.set(part.msn, { first: part.index, end: part.index + 1 });
		}
		for (const [msn, bite] of bites) if (bite.end - bite.first < 2) bites.delete(msn);
		return bites;
	}
}
