/**
 * Fetching ahead: the bytes of a part are on their way (or here) before hls.js asks for them.
 *
 * hls.js reads EXT-X-PRELOAD-HINT but never fetches it, and loads parts one after the other, each only once a
 * playlist named it: one round trip more per part than needed, and a slow join. The player reads each playlist first
 * and keeps a short list of wanted URLs here; the fragment loader takes what it needs out of it. Whatever goes wrong
 * is forgotten: the loader then fetches for itself, as if nothing had been fetched ahead.
 */

/** One answer with its timing; times in milliseconds of the page's monotonic clock. */
export interface Fetched {
	data: ArrayBuffer;
	/** request sent */
	start_ms: number;
	/** response headers here */
	first_ms: number;
	/** last byte here */
	end_ms: number;
}

export type FetchBytes = (url: string, signal: AbortSignal) => Promise<Fetched>;

/** At the edge: the hinted part, and the one named a moment ago while it still streams in. */
export const STEADY_IN_FLIGHT = 2;
/** On joining: enough to fill the link, and below HTTP/1.1's six connections so that the playlist is not held up. */
export const JOIN_IN_FLIGHT = 4;
/** Most answers kept for hls.js. A join behind a keyframe every ten seconds needs 50 parts of 200 ms, and the init. */
export const MAX_HELD = 64;

/** Taken URLs that are remembered, so that they are not fetched a second time: more than a playlist has parts. */
const MAX_TAKEN = 256;

interface Entry {
	controller: AbortController;
	/** undefined until the request was sent */
	promise: Promise<Fetched> | undefined;
	failed: boolean;
}

/** The wanted URLs with their requests and answers. Bounded by `MAX_HELD`. */
export class FetchAhead {
	#entries = new Map<string, Entry>();
	#active = new Set<Entry>();
	#taken = new Set<string>();
	#limit = STEADY_IN_FLIGHT;

	constructor(private readonly fetch: FetchBytes) {}

	/** Requests under way or waiting, and answers not yet taken. */
	get size(): number {
		return this.#entries.size;
	}

	/** Requests under way, those handed over included. */
	get in_flight(): number {
		return this.#active.size;
	}

	/**
	 * Replaces the list of wanted URLs, most urgent first. What is no longer wanted is aborted and forgotten;
	 * a URL that failed stays failed as long as it is wanted, so that a missing part is not asked for again and again.
	 */
	want(urls: readonly string[], in_flight: number = STEADY_IN_FLIGHT): void {
		this.#limit = in_flight;
		const wanted = new Set(urls.filter((url) => !this.#taken.has(url)).slice(0, MAX_HELD));
		for (const [url, entry] of this.#entries) {
			if (!wanted.has(url)) entry.controller.abort();
		}
		const ordered = new Map<string, Entry>();
		for (const url of wanted) {
			ordered.set(
				url,
				this.#entries.get(url) ?? { controller: new AbortController(), promise: undefined, failed: false }
			);
		}
		this.#entries = ordered;
		this.#fill();
	}

	/**
	 * Hands over the answer (or the request under way) for `url` and forgets it; the bytes belong to the caller alone,
	 * as hls.js may detach the buffer. Null when nothing was fetched ahead. `abort` ends a request under way.
	 */
	take(url: string): { promise: Promise<Fetched>; abort: () => void } | null {
		const entry = this.#entries.get(url);
		this.#entries.delete(url);
		this.#taken.add(url);
		if (this.#taken.size > MAX_TAKEN) {
			for (const oldest of this.#taken) {
				this.#taken.delete(oldest);
				break;
			}
		}
		if (!entry?.promise || entry.failed) return null;
		return { promise: entry.promise, abort: () => entry.controller.abort() };
	}

	/** Whether `url` was handed over (or asked for in vain) since the last `clear`. */
	wasTaken(url: string): boolean {
		return this.#taken.has(url);
	}

	/** Aborts everything and forgets what was taken: a seek, another quality, the end. */
	clear(): void {
		this.#taken.clear();
		this.want([]);
	}

	#fill(): void {
		for (const [url, entry] of this.#entries) {
			if (this.#active.size >= this.#limit) return;
			if (entry.promise) continue;
			this.#active.add(entry);
			entry.promise = this.fetch(url, entry.controller.signal);
			entry.promise
				.catch(() => {
					entry.failed = true;
				})
				.finally(() => {
					this.#active.delete(entry);
					this.#fill();
				});
		}
	}
}
