/**
 * The few facts the player itself needs from HLS playlists (draft-pantos-hls-rfc8216bis), read beside hls.js:
 * what to fetch before hls.js asks for it, and whether the newest media is missing. No I/O.
 */

/** One EXT-X-PART. */
export interface PlaylistPart {
	url: string;
	/** media sequence number of the segment it belongs to */
	msn: number;
	/** from the beginning of the playlist; of no use in a delta update */
	start_s: number;
	duration_s: number;
	independent: boolean;
	/** GAP=YES: announced to keep the cadence, but there is nothing to fetch */
	gap: boolean;
}

/** What a media playlist says about its newest end. */
export interface MediaPlaylist {
	target_duration_s: number;
	/** 0 when the playlist has no parts */
	part_target_s: number;
	part_hold_back_s: number;
	/** EXT-X-MAP that applies to the newest part */
	init_url: string | null;
	/** All parts listed, oldest first */
	parts: PlaylistPart[];
	/** the newest segment that is complete */
	segment_url: string | null;
	/** EXT-X-PRELOAD-HINT:TYPE=PART */
	hint_url: string | null;
	/** EXT-X-PRELOAD-HINT:TYPE=MAP: the hinted part needs another initialization section */
	hint_init_url: string | null;
	/** EXT-X-ENDLIST */
	ended: boolean;
}

/** One EXT-X-STREAM-INF of a multivariant playlist. */
export interface Variant {
	url: string;
	bandwidth_bps: number;
	/** has RESOLUTION or a video codec */
	video: boolean;
}

const ATTRIBUTE = /([A-Z0-9-]+)=("[^"]*"|[^,]*)/g;

function attributes(text: string): Map<string, string> {
	const found = new Map<string, string>();
	for (const match of text.matchAll(ATTRIBUTE)) {
		found.set(match[1] ?? '', (match[2] ?? '').replace(/^"|"$/g, ''));
	}
	return found;
}

function resolve(uri: string | undefined, base: string): string | null {
	if (!uri) return null;
	try {
		return new URL(uri, base).href;
	} catch {
		return null;
	}
}

function number(text: string | undefined): number {
	const value = Number(text);
	return Number.isFinite(value) && value >= 0 ? value : 0;
}

/** Reads a media playlist; unknown lines are skipped, as section 6.3.1 asks of clients. */
export function parseMediaPlaylist(text: string, url: string): MediaPlaylist {
	const playlist: MediaPlaylist = {
		target_duration_s: 0,
		part_target_s: 0,
		part_hold_back_s: 0,
		init_url: null,
		parts: [],
		segment_url: null,
		hint_url: null,
		hint_init_url: null,
		ended: false
	};
	let msn = 0;
	let segment_s = 0;
	let end_s = 0;
	for (const line of text.split(/\r?\n/)) {
		if (line.startsWith('#EXTINF:')) {
			segment_s += number(line.slice(8).split(',', 1)[0]);
			end_s = segment_s;
		} else if (line !== '' && !line.startsWith('#')) {
			msn++;
			playlist.segment_url = resolve(line, url);
		}
		if (!line.startsWith('#EXT-X-')) continue;
		const colon = line.indexOf(':');
		const tag = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? '' : line.slice(colon + 1);
		switch (tag) {
			case '#EXT-X-PART': {
				const part = attributes(value);
				const part_url = resolve(part.get('URI'), url);
				if (!part_url) break;
				const duration_s = number(part.get('DURATION'));
				playlist.parts.push({
					url: part_url,
					msn,
					start_s: end_s,
					duration_s,
					independent: part.get('INDEPENDENT') === 'YES',
					gap: part.get('GAP') === 'YES'
				});
				end_s += duration_s;
				break;
			}
			case '#EXT-X-MEDIA-SEQUENCE':
				msn = number(value);
				break;
			case '#EXT-X-SKIP':
				msn += number(attributes(value).get('SKIPPED-SEGMENTS'));
				break;
			case '#EXT-X-PRELOAD-HINT': {
				const hint = attributes(value);
				if (hint.has('BYTERANGE-START')) break;
				if (hint.get('TYPE') === 'PART') playlist.hint_url = resolve(hint.get('URI'), url);
				else if (hint.get('TYPE') === 'MAP') playlist.hint_init_url = resolve(hint.get('URI'), url);
				break;
			}
			case '#EXT-X-MAP':
				playlist.init_url = resolve(attributes(value).get('URI'), url);
				break;
			case '#EXT-X-TARGETDURATION':
				playlist.target_duration_s = number(value);
				break;
			case '#EXT-X-PART-INF':
				playlist.part_target_s = number(attributes(value).get('PART-TARGET'));
				break;
			case '#EXT-X-SERVER-CONTROL':
				playlist.part_hold_back_s = number(attributes(value).get('PART-HOLD-BACK'));
				break;
			case '#EXT-X-ENDLIST':
				playlist.ended = true;
				break;
		}
	}
	return playlist;
}

/** Reads the variants of a multivariant playlist, in their order. */
export function parseVariants(text: string, url: string): Variant[] {
	const variants: Variant[] = [];
	let pending: Map<string, string> | null = null;
	for (const line of text.split(/\r?\n/)) {
		if (line.startsWith('#EXT-X-STREAM-INF:')) {
			pending = attributes(line.slice('#EXT-X-STREAM-INF:'.length));
		} else if (pending && line.trim() !== '' && !line.startsWith('#')) {
			const variant_url = resolve(line.trim(), url);
			if (variant_url) {
				variants.push({
					url: variant_url,
					bandwidth_bps: number(pending.get('BANDWIDTH')),
					video: pending.has('RESOLUTION') || /avc|hvc|hev|av01|vp0?9/.test(pending.get('CODECS') ?? '')
				});
			}
			pending = null;
		}
	}
	return variants;
}

/** Part of the measured throughput that a rendition may take at the start: a start must not stall. */
const START_SHARE = 0.7;

/** The variant to begin with: the best one with video that the expected throughput carries, else the smallest. */
export function startVariant(variants: readonly Variant[], throughput_bps: number): Variant | null {
	const candidates = variants.some((variant) => variant.video) ? variants.filter((variant) => variant.video) : variants;
	let best: Variant | null = null;
	let smallest: Variant | null = null;
	for (const variant of candidates) {
		if (!smallest || variant.bandwidth_bps < smallest.bandwidth_bps) smallest = variant;
		if (variant.bandwidth_bps > throughput_bps * START_SHARE) continue;
		if (!best || variant.bandwidth_bps > best.bandwidth_bps) best = variant;
	}
	return best ?? smallest;
}

/** Where to join. */
export interface JoinPoint {
	/** index in `parts` of the first part to load: a keyframe */
	from: number;
	/** where to begin to play, from the beginning of the playlist */
	position_s: number;
}

/**
 * A keyframe that lies this much nearer than the target will do: it saves fetching and decoding all of the interval
 * before it, so the first picture is there sooner. What is missing of the distance passes until then, by holding the
 * first picture for a moment, and by playing a little slower.
 */
const JOIN_SLACK_S = 0.95;
/** Rounding must not put the position before its part. */
const INSIDE_S = 0.02;

/**
 * Where to join `target_s` behind the end: at the newest keyframe that is far enough behind, else (a live that has
 * just begun, or is back after a gap) at the oldest one there is. Null while nothing can be played.
 */
export function joinPoint(playlist: MediaPlaylist, target_s: number): JoinPoint | null {
	const { parts } = playlist;
	const last = parts.at(-1);
	if (!last) return null;
	const end_s = last.start_s + last.duration_s;
	let from: number | null = null;
	for (let i = parts.length - 1; i >= 0; i--) {
		const part = parts[i];
		if (!part || part.gap) break;
		if (!part.independent) continue;
		from = i;
		if (end_s - part.start_s >= target_s - JOIN_SLACK_S) break;
	}
	const part = from === null ? undefined : parts[from];
	if (from === null || !part) return null;
	const begin_s = part.start_s + INSIDE_S;
	const goal_s = end_s - target_s;
	// hls.js finds the fragment by the position: it must lie in the keyframe's own segment.
	const own = parts.findLast((other) => other.msn === part.msn);
	const inside = own !== undefined && goal_s < own.start_s + own.duration_s - INSIDE_S;
	return { from, position_s: inside ? Math.max(begin_s, goal_s) : begin_s };
}

/** How long the newest media has been missing: the length of the GAP parts at the end, 0 when the last part is there. */
export function gapAtEnd(playlist: MediaPlaylist): number {
	let gap_s = 0;
	for (let i = playlist.parts.length - 1; i >= 0; i--) {
		const part = playlist.parts[i];
		if (!part?.gap) break;
		gap_s += part.duration_s;
	}
	return gap_s;
}
