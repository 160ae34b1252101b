/** What goes into the scheduler and what comes out of it. Times are integer milliseconds of one monotonic clock. */

/** Twenty bytes as 40 lower-case hexadecimal digits. */
export type PeerId = string;

/** `msn << 10 | part`. */
export type Place = number;

/** Who a slice came from. */
export type Origin = PeerId | 'origin' | 'http';

export interface CoreConfig {
	peer: PeerId;
	/** K */
	stripes: number;
	/** Whether this viewer lends its uplink at all. */
	upload: boolean;
	/** Most that it sends, in tenths of the stream's rate: 20 is twice the rate. */
	ceiling_tenths: number;
}

/** What the scheduler needs of a manifest; its signature was checked. */
export interface PartFacts {
	rendition: number;
	place: Place;
	/** programme date-time of its start */
	time_ms: number;
	duration_ms: number;
	/** bytes */
	size: number;
	/** slices */
	slices: number;
}

/** One stripe's place in the trees, as the tracker assigns it. */
export type Assigned =
	| { rendition: number; stripe: number; root: true }
	| { rendition: number; stripe: number; root: false; parent: PeerId; standby: PeerId | null };

export interface Assignment {
	/** the tracker sends manifests to this peer */
	manifests: boolean;
	stripes: Assigned[];
}

/** Why a subscription was refused. */
export const Refusal = { full: 1, deep: 2, loop: 3, no_source: 4, overloaded: 5, not_shared: 6 } as const;

/** The peers' messages that the scheduler deals with. SLICE, DATA and MANIFEST are the driver's. */
export type Message =
	| { type: 'hello'; slots: number; newest: Place }
	| { type: 'have'; rendition: number; parts: { place: Place; slices: number; bits: Uint8Array }[] }
	| { type: 'subscribe'; rendition: number; stripe: number; from: Place; manifests: boolean }
	| { type: 'accept'; rendition: number; stripe: number; path: number[] }
	| { type: 'reject'; rendition: number; stripe: number; reason: number; alternatives: PeerId[] }
	| { type: 'path'; rendition: number; stripe: number; path: number[] }
	| { type: 'request'; rendition: number; place: Place; slices: number; bits: Uint8Array }
	| { type: 'cancel'; rendition: number; place: Place; slices: number; bits: Uint8Array }
	| { type: 'unsubscribe'; rendition: number; stripe: number }
	| { type: 'ping'; nonce: number }
	| { type: 'pong'; nonce: number }
	| { type: 'bye' };

/** What the tracker is told. Bytes count since the report before. */
export interface Report {
	rendition: number;
	slots: number;
	upload: boolean;
	unreachable: PeerId[];
	/** parents that fell silent, left, or would not have this peer (`refused`) */
	lost: { rendition: number; stripe: number; peer: PeerId; refused: boolean }[];
	accused: PeerId[];
	http_bytes: number;
	p2p_bytes: number;
	upload_bytes: number;
}

export type Output =
	| { type: 'send'; peer: PeerId; message: Message }
	/** the bytes of a slice, as SLICE and DATA; then `handleBuffered` */
	| { type: 'push'; peer: PeerId; rendition: number; place: Place; index: number }
	/** the signed manifest of a part */
	| { type: 'manifest'; peer: PeerId; rendition: number; place: Place }
	| { type: 'connect'; peer: PeerId }
	| { type: 'disconnect'; peer: PeerId }
	/** drop the pair and never take it up again */
	| { type: 'ban'; peer: PeerId }
	/** slices `first` to `last` (inclusive) by HTTP; each by `handleSlice`, then `handleFetched` */
	| { type: 'fetch'; id: number; rendition: number; place: Place; first: number; last: number }
	/** keep one streaming response open for these stripes; none: close it */
	| { type: 'stream'; rendition: number; stripes: number[]; from: Place }
	/** every slice of the part is there */
	| { type: 'complete'; rendition: number; place: Place }
	/** whether playback should take its parts from here */
	| { type: 'active'; active: boolean }
	| { type: 'report'; report: Report };

/** Numbers for whoever is curious. */
export interface CoreStats {
	active: boolean;
	/** open connections */
	peers: number;
	/** peers that this one receives stripes from */
	parents: number;
	/** subscriptions of others, in stripes */
	children: number;
	slots: number;
	/** longest path to a root, hops */
	depth: number;
	/** useful bytes by source */
	http_bytes: number;
	p2p_bytes: number;
	upload_bytes: number;
	duplicate_bytes: number;
	/** slices that had to come by HTTP because they were late */
	rescued: number;
	failovers: number;
	banned: number;
}

/** The number that stands for a peer in paths: the last four of its bytes, most significant first. */
export function shortId(peer: PeerId): number {
	return parseInt(peer.slice(32), 16);
}
