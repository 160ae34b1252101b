/** hls.js' loader interface over `Source`: playlists are read on their way, fragments may have been fetched ahead. */

import type {
	FragmentLoaderConstructor,
	FragmentLoaderContext,
	HlsConfig,
	Loader,
	LoaderCallbacks,
	LoaderConfiguration,
	LoaderContext,
	LoaderStats,
	PlaylistLoaderConstructor,
	PlaylistLoaderContext
} from 'hls.js';
import type { Fetched } from './ahead';
import { renditionOf } from './peers';
import { HttpError, type Source } from './source';

/** hls.js takes the time to the first byte for delay; a hinted part's wait for its making is none. */
const NOMINAL_DELAY_MS = 30;
/**
 * A part at the edge that has not come by then will be missed anyway; hls.js' own limit of 120 s is for whole segments.
 * Long enough for a keyframe's part on a link that just carries the stream.
 */
const PART_DEADLINE_MS = 6_000;

/**
 * What hls.js is told when there was no answer at all. It takes status 0 for a CORS error and gives up; a server that
 * restarts, or a network that changes, is worth trying again.
 */
const UNREACHABLE = 503;

function freshStats(): LoaderStats {
	return {
		aborted: false,
		loaded: 0,
		retry: 0,
		total: 0,
		chunkCount: 0,
		bwEstimate: 0,
		loading: { start: 0, first: 0, end: 0 },
		parsing: { start: 0, end: 0 },
		buffering: { start: 0, first: 0, end: 0 }
	};
}

abstract class SourceLoader<T extends LoaderContext> implements Loader<T> {
	context: T | null = null;
	stats: LoaderStats = freshStats();
	protected controller = new AbortController();
	#callbacks: LoaderCallbacks<T> | null = null;
	#timer: ReturnType<typeof setTimeout> | undefined;

	/** Runs the request; `deadline_ms` without an answer is a timeout. */
	protected run(context: T, callbacks: LoaderCallbacks<T>, deadline_ms: number, request: () => Promise<() => void>): void {
		this.context = context;
		this.#callbacks = callbacks;
		this.stats.loading.start = performance.now();
		this.#timer = setTimeout(() => {
			const waiting = this.#finish();
			this.controller.abort();
			waiting?.onTimeout(this.stats, context, null);
		}, deadline_ms);
		request().then(
			(succeed) => {
				if (this.#finish()) succeed();
			},
			(error: unknown) => {
				const waiting = this.#finish();
				const status = error instanceof HttpError ? error.status : UNREACHABLE;
				waiting?.onError({ code: status, text: String(error) }, context, null, this.stats);
			}
		);
	}

	abstract load(context: T, config: LoaderConfiguration, callbacks: LoaderCallbacks<T>): void;

	abort(): void {
		const waiting = this.#finish();
		if (!waiting || !this.context) return;
		this.stats.aborted = true;
		this.controller.abort();
		waiting.onAbort?.(this.stats, this.context, null);
	}

	destroy(): void {
		if (this.#finish()) {
			this.stats.aborted = true;
			this.controller.abort();
		}
		this.context = null;
	}

	#finish(): LoaderCallbacks<T> | null {
		clearTimeout(this.#timer);
		const callbacks = this.#callbacks;
		this.#callbacks = null;
		return callbacks;
	}
}

function concatenate(answers: readonly Fetched[]): Fetched {
	const data = new Uint8Array(answers.reduce((sum, answer) => sum + answer.data.byteLength, 0));
	let at = 0;
	for (const answer of answers) {
		data.set(new Uint8Array(answer.data), at);
		at += answer.data.byteLength;
	}
	return {
		data: data.buffer,
		start_ms: Math.min(...answers.map((answer) => answer.start_ms)),
		first_ms: Math.min(...answers.map((answer) => answer.first_ms)),
		end_ms: Math.max(...answers.map((answer) => answer.end_ms))
	};
}

/** The `pLoader` and `fLoader` classes for `source`. */
export function loadersFor(source: Source): { pLoader: PlaylistLoaderConstructor; fLoader: FragmentLoaderConstructor } {
	class PlaylistLoader extends SourceLoader<PlaylistLoaderContext> {
		#age_s: number | null = null;

		constructor(_config: HlsConfig) {
			super();
		}

		load(context: PlaylistLoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<PlaylistLoaderContext>): void {
			const policy = config.loadPolicy;
			// A blocking request has its answer at once when it is ready: the time to the first byte is the whole time.
			const deadline_ms = Math.min(policy.maxTimeToFirstByteMs || Infinity, policy.maxLoadTimeMs);
			this.run(context, callbacks, Number.isFinite(deadline_ms) ? deadline_ms : 20_000, async () => {
				const known = source.takeEarly(context.url);
				const answer = known ?? (await source.loadPlaylist(context.url, this.controller.signal));
				this.#age_s = answer.age_s;
				const { loading } = this.stats;
				loading.start = Math.min(loading.start, answer.start_ms);
				loading.first = answer.first_ms;
				loading.end = answer.end_ms;
				this.stats.loaded = this.stats.total = answer.text.length;
				if (!known) source.handlePlaylist(answer);
				const data = source.shown(answer);
				return () => callbacks.onSuccess({ url: answer.url, data, code: 200 }, this.stats, context, null);
			});
		}

		getCacheAge(): number | null {
			return this.#age_s;
		}

		getResponseHeader(): string | null {
			return null;
		}
	}

	class FragmentLoader extends SourceLoader<FragmentLoaderContext> {
		constructor(_config: HlsConfig) {
			super();
		}

		load(context: FragmentLoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<FragmentLoaderContext>): void {
			const { part, url } = context;
			const deadline_ms = part ? Math.min(PART_DEADLINE_MS, config.loadPolicy.maxLoadTimeMs) : config.loadPolicy.maxLoadTimeMs;
			this.run(context, callbacks, deadline_ms, async () => {
				const answer = await this.#fetch(context, url);
				const { stats } = this;
				stats.loading.start = Math.max(answer.start_ms, answer.first_ms - NOMINAL_DELAY_MS);
				stats.loading.first = answer.first_ms;
				stats.loading.end = answer.end_ms;
				stats.loaded = stats.total = answer.data.byteLength;
				return () => {
					if (part) source.onpart?.();
					callbacks.onSuccess({ url, data: answer.data, code: 200 }, stats, context, null);
				};
			});
		}

		async #fetch(context: FragmentLoaderContext, url: string): Promise<Fetched> {
			const { rangeStart, rangeEnd } = context;
			if (rangeEnd) {
				const range = { start: rangeStart ?? 0, end: rangeEnd };
				const { frag } = context;
				// Of a recording; its initialization sections, too, are ranges, but not worth sharing.
				if (source.playlist?.ended && typeof frag.sn === 'number' && frag.type === 'main') {
					return source.loadSegment(renditionOf(frag.baseurl), frag.sn, url, range, this.controller.signal);
				}
				return source.fetchBytes(url, this.controller.signal, range);
			}
			const parts = source.join?.parts(url);
			return parts ? concatenate(await Promise.all(parts.map((part) => this.#one(part)))) : this.#one(url);
		}

		async #one(url: string): Promise<Fetched> {
			const ahead = source.ahead.take(url);
			if (ahead) {
				this.controller.signal.addEventListener('abort', ahead.abort, { once: true });
				try {
					return await ahead.promise;
				} catch (error) {
					if (this.controller.signal.aborted) throw error;
				}
			}
			return source.loadPart(url, this.controller.signal);
		}
	}

	return {
		pLoader: PlaylistLoader as unknown as PlaylistLoaderConstructor,
		fLoader: FragmentLoader as unknown as FragmentLoaderConstructor
	};
}
