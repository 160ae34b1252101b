/** What goes into the scheduler of a recording's swarm and what comes out of it. Times are integer milliseconds of one monotonic clock. */

import type { Message, PeerId, Place, Report } from '../../core/types';

export { Refusal, shortId, type Message, type PeerId, type Place } from '../../core/types';

export interface VodConfig {
	peer: PeerId;
	/** Whether this viewer lends its uplink at all. */
	upload: boolean;
	/** Most that it sends, in tenths of the stream's rate: 20 is twice the rate. */
	ceiling_tenths: number;
}

/** One segment as the media playlist tells it. */
export interface Span {
	/** since the beginning of the video */
	start_ms: number;
	duration_ms: number;
	/** bytes; null when the playlist does not say */
	size: number | null;
}

/** What the scheduler needs of a manifest; its signature was checked. */
export interface SegmentFacts {
	rendition: number;
	place: Place;
	/** bytes */
	size: number;
	/** slices */
	slices: number;
}

/** Who a slice came from; `player`: it fetched the whole segment by itself. */
export type SliceOrigin = PeerId | 'http' | 'player';

export interface VodReport extends Report {
	/** open connections */
	neighbours: number;
}

export type VodOutput =
	| { type: 'send'; peer: PeerId; message: Message }
	/** the bytes of a slice, as SLICE and DATA; then `handleBuffered` */
	| { type: 'push'; peer: PeerId; rendition: number; place: Place; index: number }
	| { type: 'connect'; peer: PeerId }
	| { type: 'disconnect'; peer: PeerId }
	/** drop the pair and never take it up again */
	| { type: 'ban'; peer: PeerId }
	/** slices `first` to `last` (inclusive) by HTTP; each by `handleSlice`, then `handleFetched` */
	| { type: 'fetch'; id: number; rendition: number; place: Place; first: number; last: number }
	/** that fetch is of no use any more; no answer is needed */
	| { type: 'abort'; id: number }
	/** manifests of `count` segments from index `from` on; each by `handleManifest`, then `handleManifests` */
	| { type: 'manifests'; rendition: number; from: number; count: number }
	/** every slice of the segment is there */
	| { type: 'complete'; rendition: number; place: Place }
	/** nobody brings the segment in time: whoever waits for it has to fetch it */
	| { type: 'failed'; rendition: number; place: Place }
	/** its slices and its manifest are of no use any more */
	| { type: 'drop'; rendition: number; place: Place }
	/** whether playback should take its segments from here */
	| { type: 'active'; active: boolean }
	| { type: 'report'; report: VodReport };

/** Numbers for whoever is curious. */
export interface VodStats {
	active: boolean;
	/** open connections */
	peers: number;
	/** peers that are asked for something */
	givers: number;
	/** peers that ask for something */
	takers: number;
	/** in units of a quarter of the stream's rate */
	slots: number;
	/** useful bytes by source; what the player fetched by itself is not among them */
	http_bytes: number;
	p2p_bytes: number;
	upload_bytes: number;
	duplicate_bytes: number;
	/** slices that had to come by HTTP because they were late */
	rescued: number;
	/** peers that fell silent with something asked */
	failovers: number;
	banned: number;
	/** held for oneself and others */
	cached_bytes: number;
}
