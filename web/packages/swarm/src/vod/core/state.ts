/** What the scheduler knows, and the times and bounds that it goes by. */

import { HttpTimes } from '../../core/http';
import type { Neighbour } from './neighbour';
import type { Segment } from './segment';
import { Serving } from './serving';
import { shortId, type PeerId, type Span, type VodConfig, type VodOutput } from './types';

/** What lies further ahead of the playhead is of no interest yet. */
export const WINDOW_MS = 60_000;
/** ...nor what would fill this much: two thirds of the cache. */
export const WINDOW_BYTES = 32_000_000;
/** Bytes kept for others and oneself. */
export const CACHE_BYTES = 48_000_000;
/** Segments known: what the window, a cache of small ones and a good deal of both hold. */
export const MAX_SEGMENTS = 1_024;
/** What is needed within this is taken in order of time, later things rarest first. */
export const SOON_MS = 15_000;
/** What nobody has comes by HTTP this long before it is needed: the peer whose hash is the smallest, the next, all others. */
export const EARLY_MS = [40_000, 20_000] as const;
export const OTHERS_MS = 6_000;
/** What was not asked of anybody, or not delivered, comes by HTTP this long before it is needed. */
export const RESCUE_MS = 5_000;
/** Even what is on its way is taken by HTTP, when there is just time for it: the 95th percentile of fetches, and this. */
export const HTTP_MARGIN_MS = 1_500;
/** Fetches of what is needed now, and of other things: the former must not wait for the latter. */
export const MAX_FETCHES = 3;
export const MAX_EARLY_FETCHES = 1;
/** Slices that are here already are fetched again rather than asking twice. */
export const MAX_HOLE = 2;
/** After a fetch that failed, doubled each time. */
export const FETCH_AGAIN_MS = 1_000;
export const MAX_FETCH_AGAIN_MS = 16_000;
/** Manifests asked for at once: a minute of segments of two seconds, and a reserve. */
export const MANIFESTS = 48;
export const MANIFESTS_AGAIN_MS = 5_000;
/** A neighbour that holds something this near to a segment may want that one too. */
export const NEAR_MS = 60_000;
/** Connections that are sought. */
export const MAX_SOUGHT = 12;
/** Neighbours that are remembered: those sought and those that came by themselves. */
export const MAX_NEIGHBOURS = 24;
/** Whoever does not introduce itself by then is no peer of ours. */
export const GREETING_MS = 10_000;
/** A peer that could not be connected to is not tried again for this long. */
export const RETRY_MS = 60_000;
export const MAX_REMEMBERED = 256;
export const MAX_UNASKED = 64;
/** "That is not here" at most this often per second to one peer. */
export const MAX_DENIALS = 32;
export const REPORT_MS = 10_000;
export const TICK_MS = 250;
/** What is heard within this is considered together. */
export const SOONER_MS = 40;
export const SECOND_MS = 1_000;

export interface Fetch {
	segment: Segment;
	early: boolean;
}

/** Worked upon by the files beside this one. */
export class State {
	readonly neighbours = new Map<PeerId, Neighbour>();
	readonly serving: Serving;
	readonly segments = new Map<number, Segment>();
	/** asked for, and the origin does not share them */
	readonly unshared = new Set<number>();
	readonly fetches = new Map<number, Fetch>();
	/** segments that the player waits for: until when it can */
	readonly wanted = new Map<number, number>();
	/** segments that the player fetches by itself */
	readonly own = new Set<number>();
	/** not to be tried before */
	readonly avoid = new Map<PeerId, number>();
	readonly banned = new Set<PeerId>();
	readonly times = new HttpTimes();
	readonly outputs: VodOutput[] = [];
	readonly short: number;
	assigned: PeerId[] = [];
	rendition = -1;
	first = 0;
	spans: readonly Span[] = [];
	position_ms: number | null = null;
	buffered_ms = 0;
	fetch_id = 0;
	fetch_again_ms = -Infinity;
	fetch_failures = 0;
	/** some are asked for */
	manifests = false;
	manifests_again_ms = -Infinity;
	active = false;
	cached_bytes = 0;
	tick_ms = 0;
	second_ms = 0;
	report_ms = 0;
	unreachable: PeerId[] = [];
	accused: PeerId[] = [];
	stats = { http_bytes: 0, p2p_bytes: 0, upload_bytes: 0, duplicate_bytes: 0, rescued: 0, failovers: 0 };
	/** of the player's own fetches: the tracker is told, as they came by HTTP as well */
	own_bytes = 0;
	reported = { http_bytes: 0, p2p_bytes: 0, upload_bytes: 0 };

	constructor(readonly config: VodConfig) {
		this.short = shortId(config.peer);
		this.serving = new Serving(config.upload, config.ceiling_tenths);
	}

	emit(output: VodOutput): void {
		this.outputs.push(output);
	}
}
