/**
 * Other viewers as a second place to take the stream from, as `Source` sees them. The origin stays the place that
 * always answers: whatever peers do not give in time comes from there.
 */

/** Which state of a playlist a blocking reload asks for (`_HLS_msn`, `_HLS_part`, `_HLS_skip`). */
export interface PlaylistRequest {
	msn: number;
	part: number | null;
	/** a delta update will do; `v2`: one without date ranges too */
	skip: boolean | 'v2';
}

/** A part that came through the swarm, and how. */
export interface SharedPart {
	data: ArrayBuffer;
	http_bytes: number;
	p2p_bytes: number;
}

/** A segment of a recording that came through the swarm. */
export interface SharedSegment extends SharedPart {
	/** how long those of its bytes took that came by HTTP */
	http_ms: number;
}

export interface Peers {
	/** whether to ask at all */
	readonly active: boolean;
	/** The origin's playlist of `rendition`. */
	handleOriginPlaylist(rendition: string, url: string, text: string): void;
	/** The playlist once it has what is asked for; null: ask the origin. */
	playlist(rendition: string, request: PlaylistRequest, signal: AbortSignal): Promise<string | null>;
	/** null: fetch it yourself. */
	part(url: string, signal: AbortSignal): Promise<SharedPart | null>;
	/** Segment `index` (media sequence number) of a recording, if it is here within `within_ms`; null: fetch it yourself. */
	segment(rendition: string, index: number, within_ms: number, signal: AbortSignal): Promise<SharedSegment | null>;
	/** Says that the player fetches that segment by itself. What is returned takes its bytes, for others to have; null: there are none. */
	fetching(rendition: string, index: number): (data: ArrayBuffer | null) => void;
}

/** The request for a playlist that waits for its answer; null for any other, which only the origin can answer. */
export function playlistRequest(url: string): PlaylistRequest | null {
	const query = new URL(url).searchParams;
	const msn = query.get('_HLS_msn');
	const part = query.get('_HLS_part');
	if (!msn || !/^\d+$/.test(msn) || (part !== null && !/^\d+$/.test(part))) return null;
	const skip = query.get('_HLS_skip');
	return { msn: Number(msn), part: part === null ? null : Number(part), skip: skip === 'v2' ? 'v2' : skip === 'YES' };
}

/** A rendition's name is its playlist's: `.../source.m3u8` is `source`. */
export function renditionOf(url: string): string {
	const { pathname } = new URL(url);
	return decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1)).replace(/\.m3u8$/, '');
}

/**
 * What `first` answers, unless that is null, an error, or takes longer than `patience_ms`: then `second` is asked too,
 * and whichever has something first is taken. The other one is aborted.
 */
export async function hedged<T>(
	signal: AbortSignal,
	patience_ms: number,
	first: (signal: AbortSignal) => Promise<T | null>,
	second: (signal: AbortSignal) => Promise<T>
): Promise<T> {
	const done = new AbortController();
	const stop = (): void => done.abort();
	if (signal.aborted) stop();
	signal.addEventListener('abort', stop, { once: true });
	let timer: ReturnType<typeof setTimeout> | undefined;
	try {
		const shared = first(done.signal).catch(() => null);
		const patience = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), patience_ms)));
		const early = await Promise.race([shared, patience]);
		if (early !== null) return early;
		if (signal.aborted) throw new DOMException('aborted', 'AbortError');
		const own = second(done.signal);
		return await Promise.race([shared.then((late) => late ?? own), own]);
	} finally {
		clearTimeout(timer);
		signal.removeEventListener('abort', stop);
		done.abort();
	}
}
