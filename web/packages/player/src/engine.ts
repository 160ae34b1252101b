/// <reference path="./hls-light.d.ts" />
/** hls.js over `Source`: one attachment of a broadcast to a media element. */

import type Hls from 'hls.js';
import type { ErrorData, HlsConfig, LevelDetails } from 'hls.js';
import { loadersFor } from './loaders';
import { renditionOf } from './peers';
import type { Source } from './source';

/** One rendition to choose from. */
export interface Quality {
	/** position in the list; stable while the source is loaded */
	id: number;
	height: number | null;
	bitrate_bps: number;
	/** what to show, such as "720p" */
	label: string;
}

export type Fault =
	/** requests fail, or answers are no playlists: worth trying again */
	| 'network'
	/** the media pipeline choked: worth a fresh one */
	| 'media'
	/** this browser cannot decode the stream: trying again does not help */
	| 'unsupported';

export interface EngineEvents {
	/** a newer playlist: media up to `edge_s` is announced */
	edge(now_ms: number, edge_s: number): void;
	/** after missing media there is media again, from `position_s` on */
	resumed(position_s: number): void;
	/** the playlist is final */
	final(): void;
	qualities(): void;
	fault(fault: Fault, detail: string): void;
	/** more media is buffered */
	appended(): void;
}

type HlsModule = typeof import('hls.js/light');
let module: Promise<HlsModule> | null = null;

/** Starts loading hls.js; a page calls this early so that it is there when the playlist is. */
export function loadHls(): Promise<HlsModule> {
	module ??= import('hls.js/light').catch((error: unknown) => {
		module = null;
		throw error;
	});
	return module;
}

/** Whether Media Source Extensions (or Apple's managed ones) are there at all; cheaper than asking hls.js. */
export function mseAvailable(): boolean {
	return 'MediaSource' in globalThis || 'ManagedMediaSource' in globalThis;
}

const RETRY_FOREVER = { maxNumRetry: 1_000_000, retryDelayMs: 300, maxRetryDelayMs: 3_000, backoff: 'exponential' as const };
/** DVR: what was seen stays this long, so that a short step back costs nothing. */
const BACK_BUFFER_S = 30;
/** Far from the edge, buffer this far ahead... */
const FORWARD_BUFFER_S = 20;
/** ...or, of what takes little memory, as far as this, unless other viewers may bring it: what they give is not to be fetched before they could. */
const MAX_FORWARD_BUFFER_S = 40;

/** How to begin. */
export interface Start {
	/** this far behind the live edge... */
	distance_s: number;
	/** ...or here; -1 for the edge */
	position_s: number;
	throughput_bps: number | null;
	/** others may bring what lies further ahead */
	shared: boolean;
	/** takes each line that hls.js logs */
	log?: ((line: string) => void) | undefined;
}

function hlsConfig(source: Source, start: Start): Partial<HlsConfig> {
	const { log } = start;
	const write = log && ((...words: unknown[]) => log(words.join(' ')));
	return {
		...loadersFor(source),
		debug: write ? { trace: write, debug: write, log: write, warn: write, info: write, error: write } : false,
		lowLatencyMode: true,
		// fMP4 passes through unchanged; a worker would only add two hops to each part and its own start-up time.
		enableWorker: false,
		startPosition: start.position_s,
		// Distance to begin at. From then on `LatencyController` alone steers: hls.js' own catch-up and jumps are off.
		liveSyncDuration: start.distance_s,
		maxLiveSyncPlaybackRate: 1,
		liveSyncOnStallIncrease: 0,
		liveDurationInfinity: true,
		backBufferLength: BACK_BUFFER_S,
		maxBufferLength: FORWARD_BUFFER_S,
		maxMaxBufferLength: start.shared ? FORWARD_BUFFER_S : MAX_FORWARD_BUFFER_S,
		// A stall is dealt with by `LatencyController` within a tick or two; hls.js' nudges are the net below.
		detectStallWithCurrentTimeMs: 1_000,
		// The level to begin with is chosen by `Source.begin`, which fetches it ahead: no test download.
		testBandwidth: false,
		abrEwmaDefaultEstimate: start.throughput_bps ?? 5_000_000,
		capLevelToPlayerSize: true,
		manifestLoadPolicy: {
			default: { maxTimeToFirstByteMs: 8_000, maxLoadTimeMs: 15_000, timeoutRetry: null, errorRetry: null }
		},
		playlistLoadPolicy: {
			default: { maxTimeToFirstByteMs: 8_000, maxLoadTimeMs: 15_000, timeoutRetry: RETRY_FOREVER, errorRetry: RETRY_FOREVER }
		},
		fragLoadPolicy: {
			default: {
				maxTimeToFirstByteMs: 10_000,
				maxLoadTimeMs: 60_000,
				timeoutRetry: { ...RETRY_FOREVER, maxNumRetry: 20 },
				errorRetry: { ...RETRY_FOREVER, maxNumRetry: 20 }
			}
		}
	};
}

export class Engine {
	#hls: Hls | null = null;
	#destroyed = false;
	#gap_seen = false;
	#final = false;
	/** level that `hold` has set */
	#held: number | null = null;

	constructor(
		private readonly video: HTMLVideoElement,
		private readonly source: Source,
		private readonly events: EngineEvents
	) {}

	/**
	 * Attaches at once, and loads as soon as `ready` is there (the multivariant playlist was fetched): the media source
	 * takes as long to open as that takes to come. Rejects when `ready` does or hls.js cannot be loaded.
	 */
	async start(begin: Start, ready: Promise<unknown>): Promise<void> {
		// Whoever started `ready` hears of its failure here, after hls.js is there: no unhandled rejection meanwhile.
		ready.catch(() => undefined);
		const { default: HlsClass, Events, ErrorTypes, ErrorDetails } = await loadHls();
		if (this.#destroyed) return;
		if (!HlsClass.isSupported()) {
			this.events.fault('unsupported', 'no Media Source Extensions');
			return;
		}
		const hls = new HlsClass(hlsConfig(this.source, begin));
		this.#hls = hls;
		hls.on(Events.MANIFEST_PARSED, () => {
			const start = hls.levels.findIndex((level) => level.url.includes(this.source.start_url ?? ''));
			if (start >= 0 && this.source.start_url) hls.startLevel = start;
			this.events.qualities();
		});
		hls.on(Events.LEVEL_SWITCHED, () => this.events.qualities());
		hls.on(Events.LEVEL_UPDATED, (_, { details }) => this.#handleDetails(details));
		hls.on(Events.BUFFER_APPENDED, () => this.events.appended());
		hls.on(Events.ERROR, (_, data: ErrorData) => {
			if (!data.fatal) return;
			const detail = `${data.details}: ${data.error?.message ?? ''}`;
			if (
				data.details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR ||
				data.details === ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR ||
				data.details === ErrorDetails.BUFFER_ADD_CODEC_ERROR
			) {
				this.events.fault('unsupported', detail);
			} else {
				this.events.fault(data.type === ErrorTypes.MEDIA_ERROR ? 'media' : 'network', detail);
			}
		});
		const attached = new Promise<void>((resolve) => hls.once(Events.MEDIA_ATTACHED, () => resolve()));
		hls.attachMedia(this.video);
		await Promise.all([ready, attached]);
		if (this.#destroyed) return;
		// Only a position, not hls.js' distance from the edge, can lie in a segment that has hardly begun.
		if (begin.position_s < 0 && this.source.start_position_s !== null) hls.config.startPosition = this.source.start_position_s;
		hls.loadSource(this.source.master_url);
	}

	#handleDetails(details: LevelDetails): void {
		if (!details.live) {
			if (!this.#final) {
				this.#final = true;
				this.events.final();
			}
			return;
		}
		// `age` counts from the answer's arrival: the playlist may have waited for hls.js.
		const arrival_ms = performance.now() - Math.max(0, details.age) * 1000;
		this.events.edge(arrival_ms, details.partList?.length ? details.partEnd : details.edge);
		const parts = details.partList;
		const last = parts?.[parts.length - 1];
		if (!parts || !last) return;
		if (last.gap) {
			this.#gap_seen = true;
		} else if (this.#gap_seen) {
			this.#gap_seen = false;
			let first = parts.length - 1;
			while (first > 0 && !parts[first - 1]?.gap) first--;
			const start_s = parts[first]?.start;
			if (start_s !== undefined) this.events.resumed(start_s);
		}
	}

	/** A fresh pipeline for a media fault; what is on the network goes on. */
	recoverMedia(): void {
		this.#hls?.recoverMediaError();
	}

	get qualities(): Quality[] {
		return (this.#hls?.levels ?? []).map((level, id) => ({
			id,
			height: level.height || null,
			bitrate_bps: level.bitrate,
			label: level.height ? `${level.height}p${level.frameRate > 35 ? Math.round(level.frameRate) : ''}` : `${Math.round(level.bitrate / 1000)} kbit/s`
		}));
	}

	/** The rendition on screen, null before the first. */
	get playing(): Quality | null {
		const hls = this.#hls;
		if (!hls) return null;
		return this.qualities[hls.currentLevel >= 0 ? hls.currentLevel : hls.loadLevel] ?? null;
	}

	/** What the viewer chose; -1: left to the player. */
	get chosen(): number {
		return this.#held === null ? (this.#hls?.manualLevel ?? -1) : -1;
	}

	choose(id: number): void {
		if (!this.#hls || id === this.chosen) return;
		this.#held = null;
		this.source.ahead.clear();
		this.#hls.nextLevel = id;
	}

	/** The renditions, worst first; which of them is being loaded (-1: none yet), and the best that suits the size of the picture. */
	get ladder(): { level: number; cap: number; bitrates_bps: number[] } {
		const hls = this.#hls;
		return { level: hls?.loadLevel ?? -1, cap: hls?.maxAutoLevel ?? -1, bitrates_bps: (hls?.levels ?? []).map((level) => level.bitrate) };
	}

	/** Of the rendition with that name; null: not known. */
	bitrate(rendition: string): number | null {
		return this.#hls?.levels.find((level) => renditionOf(level.uri) === rendition)?.bitrate ?? null;
	}

	/** Loads `level` from here on, whatever hls.js measures; what is buffered is played. Null: hls.js chooses again. */
	hold(level: number | null): void {
		const hls = this.#hls;
		if (!hls || (level === null && this.#held === null)) return;
		this.#held = level;
		if (hls.manualLevel !== (level ?? -1)) hls.loadLevel = level ?? -1;
	}

	/** Whether others may bring what lies further ahead. */
	set shared(shared: boolean) {
		if (this.#hls) this.#hls.config.maxMaxBufferLength = shared ? FORWARD_BUFFER_S : MAX_FORWARD_BUFFER_S;
	}

	/** Wall-clock time (milliseconds since 1970) of the picture on screen, by EXT-X-PROGRAM-DATE-TIME. */
	get playing_date_ms(): number | null {
		return this.#hls?.playingDate?.getTime() ?? null;
	}

	get throughput_bps(): number | null {
		return this.#hls?.bandwidthEstimate ?? null;
	}

	/** PART-TARGET and PART-HOLD-BACK of the playing playlist, seconds. */
	get part_target_s(): number {
		return this.source.playlist?.part_target_s ?? 0;
	}

	destroy(): void {
		this.#destroyed = true;
		this.#hls?.destroy();
		this.#hls = null;
	}
}
