/**
 * The few facts the player itself needs from HLS playlists (draft-pantos-hls-rfc8216bis), read beside hls.js:
 * what to fetch before hls.js asks for it, and whether the newest media is missing. No I/O.
 */

/** One EXT-X-PART. */
export interface PlaylistPart {
	url: string;
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
		hint_url: null,
		hint_init_url: null,
		ended: false
	};
	for (const line of text.split(/\r?\n/)) {
		if (!line.startsWith('#EXT-X-')) continue;
		const colon = line.indexOf(':');
		const tag = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? '' : line.slice(colon + 1);
		switch (tag) {
			case '#EXT-X-PART': {
				const part = attributes(value);
				const part_url = resolve(part.get('URI'), url);
				if (!part_url) break;
				playlist.parts.push({
					url: part_url,
					duration_s: number(part.get('DURATION')),
					independent: part.get('INDEPENDENT') === 'YES',
					gap: part.get('GAP') === 'YES'
				});
				break;
			}
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

/**
 * The parts a join needs: from the last independent part that lies at least `distance_s` before the end, to the end.
 * Empty when the newest media is missing (GAP) or no such part is listed.
 */
export function joinParts(playlist: MediaPlaylist, distance_s: number): PlaylistPart[] {
	let behind_s = 0;
	for (let i = playlist.parts.length - 1; i >= 0; i--) {
		const part = playlist.parts[i];
		if (!part || part.gap) return [];
		behind_s += part.duration_s;
		if (part.independent && behind_s >= distance_s) return playlist.parts.slice(i);
	}
	return [];
}

/** Nearer than this a join has too little data to begin to play on. */
const JOIN_MIN_S = 0.6;

/**
 * How far behind the end to join when `target_s` is aimed at: at a keyframe that is a little nearer, if there is one,
 * as that saves fetching and decoding all of the interval before it.
 */
export function joinDistance(playlist: MediaPlaylist, target_s: number): number {
	let behind_s = 0;
	for (let i = playlist.parts.length - 1; i >= 0 && behind_s < target_s; i--) {
		const part = playlist.parts[i];
		if (!part || part.gap) break;
		behind_s += part.duration_s;
		if (part.independent && behind_s >= JOIN_MIN_S) return Math.min(target_s, behind_s);
	}
	return target_s;
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
