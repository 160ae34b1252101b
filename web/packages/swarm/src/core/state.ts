/** What the scheduler knows, and the times and bounds that it goes by. */

import { HttpTimes } from './http';
import type { Neighbour } from './neighbour';
import { PartWindow } from './part';
import { Stripe } from './stripe';
import { shortId, type CoreConfig, type Output, type PeerId, type Place, type Report } from './types';
import { Uplink } from './uplink';

/** A channel is open by then, or never. */
export const OPEN_MS = 5_000;
/** SUBSCRIBE is answered by then. */
export const ANSWER_MS = 1_500;
/** Not connected to again before, after a failure. */
export const RECONNECT_MS = 10_000;
/** A parent that fell silent is not chosen again before. */
export const SUSPECT_MS = 30_000;
/**
 * A parent that was heard before and has been silent for this long is given up for the standby; before that others are
 * asked for what is missing, as what holds it up may lie further up and will pass.
 */
export const SILENT_MS = 600;
/** A parent that accepted brings something within this (it may be looking for a source itself), or it is none. */
export const FIRST_SLICE_MS = 1_200;
/** A connection that serves nothing is kept this long. */
export const IDLE_MS = 15_000;
/** Longest path from a root: what a hop costs (80 to 180 ms) times this is what the latency target leaves. */
export const MAX_PATH = 8;
/** HAVE, slots and housekeeping. */
export const TICK_MS = 1_000;
/** What HAVE speaks of. */
export const HAVE_MS = 4_000;
/** Reports to the tracker: at least, and at most so often. */
export const REPORT_MS = 10_000;
export const URGENT_MS = 500;
/** The slice is needed this much before its picture is shown. */
export const SAFETY_MS = 300;
/** Added to what fetches take. */
export const FETCH_MARGIN_MS = 50;
/** A stripe that nobody brings is taken by HTTP this soon after its manifest, so that others can have it from here. */
export const ORPHAN_FETCH_MS = 50;
/** ...and as a stream of its own after it has been like that for this long. */
export const SELF_ROOT_MS = 2_000;
/** The player waits for a part although nobody knows the playhead. */
export const WANTED_MS = 200;
export const RETRY_MS = 200;
/** A peer that said it has a slice sends it within this. */
export const PROMISE_MS = 500;
/** Once is enough: there are others, and HTTP. A promise kept makes up for it. */
export const MAX_BROKEN_PROMISES = 1;
/** HTTP had to help out this often within this time: the source is not good enough. */
export const MAX_RESCUES = 3;
export const RESCUES_MS = 5_000;
/** Runs of missing slices fetched apart; more are fetched as one with what lies between. */
export const MAX_RUNS = 2;
/** Without any flowing stripe for this long, playback takes its parts itself again. */
export const DRY_MS = 5_000;
/**
 * Where the tracker does not send manifests to everybody they come down the trees of the first stripes: a tree has no
 * cycles, so that everybody in it gets them, which two peers that rely on each other would not.
 */
export const MANIFEST_STRIPES = 2;
/** A channel that has been waiting for this long cannot carry what it was given. */
export const SHED_MS = 1_000;
/** Peers in mind: connections are bounded by the driver, this bounds what is remembered of others. */
export const MAX_NEIGHBOURS = 200;

/** All of it belongs to the one scheduler whose functions are in the files beside this one. */
export class State {
	readonly short: number;
	readonly stripes: Stripe[] = [];
	readonly window = new PartWindow();
	readonly neighbours = new Map<PeerId, Neighbour>();
	readonly uplink: Uplink;
	readonly times = new HttpTimes();
	readonly outputs: Output[] = [];
	/** how many of them have been taken: that is cheaper than taking them out one by one */
	drained = 0;
	rendition = 0;
	sharable = false;
	tracker_manifests = true;
	/** playback reaches programme time `t` at `t + offset` */
	offset_ms: number | null = null;
	playhead_ms = 0;
	/** what the player took before it asked here is not needed; null: it has not asked yet */
	needed_from: Place | null = null;
	active = false;
	flowing_ms = 0;
	next_tick_ms = 0;
	streamed = '';
	fetches = 0;
	reported_ms = 0;
	urgent = false;
	report: Report;
	stats = { http_bytes: 0, p2p_bytes: 0, upload_bytes: 0, duplicate_bytes: 0, rescued: 0, failovers: 0, banned: 0 };

	constructor(readonly config: CoreConfig) {
		this.short = shortId(config.peer);
		for (let i = 0; i < config.stripes; i++) this.stripes.push(new Stripe(i));
		this.uplink = new Uplink(config.upload, config.ceiling_tenths, config.stripes);
		this.report = freshReport(0, this.uplink.slots, config.upload);
	}

	emit(output: Output): void {
		this.outputs.push(output);
	}
}

export function freshReport(rendition: number, slots: number, upload: boolean): Report {
	return {
		rendition,
		slots,
		upload,
		unreachable: [],
		lost: [],
		accused: [],
		http_bytes: 0,
		p2p_bytes: 0,
		upload_bytes: 0
	};
}
