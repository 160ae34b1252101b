/**
 * Where the live edge is, and how to stay close behind it. Pure: times come in as arguments.
 *
 * Positions are in seconds of the media timeline, which the server keeps continuous for a whole broadcast (gaps and
 * reconnects included); clock times are milliseconds of the page's monotonic clock.
 */

/** PeerTube's `latencyMode` of a live. */
export type LatencyMode = 1 | 2 | 3;

/** How far behind the edge to play, in seconds: small and default 1.2 s glass to glass with encoder and delivery, high 4 s. */
export const TARGET_S: Record<LatencyMode, number> = { 3: 0.95, 1: 0.95, 2: 3.8 };
/**
 * The same while in a swarm. The default gives peers 0.65 s to pass parts on and to repair what is missing: three hops at
 * 80 to 130 ms, and a slice asked for again. About 1.7 s glass to glass.
 */
export const SWARM_TARGET_S: Record<LatencyMode, number> = { 3: 0.95, 1: 1.6, 2: 3.8 };

/** Catching up: above this rate pitch-corrected speech is heard as hurried. */
export const MAX_RATE = 1.1;
/** Falling back: slower is seen. */
export const MIN_RATE = 0.95;

/** Samples of the edge that count: with parts of 200 ms the last ten seconds, long enough to hold a fast delivery. */
const EDGE_SAMPLES = 50;

/**
 * Estimates the media position that is live "now" from the arrivals of playlists. The fastest delivery of late
 * counts, so that one playlist that was held up somewhere does not pull the estimate back.
 */
export class EdgeClock {
	#offsets: number[] = [];
	#last_edge_s = -1;
	#last_advance_ms = 0;

	/** A playlist that ends at `edge_s` arrived at `now_ms`. */
	add(now_ms: number, edge_s: number): void {
		if (edge_s <= this.#last_edge_s) {
			// Smaller: another timeline (the source was loaded afresh). Equal: nothing new.
			if (edge_s < this.#last_edge_s - 1) this.reset();
			else return;
		}
		this.#last_edge_s = edge_s;
		this.#last_advance_ms = now_ms;
		this.#offsets.push(now_ms / 1000 - edge_s);
		if (this.#offsets.length > EDGE_SAMPLES) this.#offsets.shift();
	}

	/** The live position, or null before the first playlist. */
	live(now_ms: number): number | null {
		if (this.#offsets.length === 0) return null;
		return now_ms / 1000 - Math.min(...this.#offsets);
	}

	/** The end of the newest playlist. */
	get edge_s(): number | null {
		return this.#last_edge_s < 0 ? null : this.#last_edge_s;
	}

	/** How long ago the edge last moved. */
	age_ms(now_ms: number): number {
		return this.#offsets.length === 0 ? 0 : now_ms - this.#last_advance_ms;
	}

	reset(): void {
		this.#offsets = [];
		this.#last_edge_s = -1;
	}
}

/** One contiguous buffered range. */
export interface Range {
	start: number;
	end: number;
}

/** What the controller looks at, ten times a second. */
export interface Playhead {
	now_ms: number;
	position_s: number;
	/** `EdgeClock.live` */
	live_s: number;
	/** buffered ranges, ascending */
	buffered: readonly Range[];
	/** playing, not paused, not seeking */
	moving: boolean;
	/** wants to move but cannot: the browser ran out of data */
	starved: boolean;
}

export interface Decision {
	rate: number;
	/** jump to here: always inside a buffered range */
	seek_s: number | null;
}

/** Debt from which catching up at 1.1 x takes too long (more than ten seconds), so that a jump is the lesser evil. */
const SEEK_DEBT_S = 1.0;
/** A smaller debt is worth a jump in the first moments, when the picture has hardly begun to move. */
const SEEK_DEBT_AT_START_S = 0.4;
/** "The first moments" after the first picture. */
const START_MS = 2_500;
/** After a jump leave the buffer time to settle before the next one. */
const SEEK_PAUSE_MS = 2_000;
/** Data that must lie ahead of a jump's goal: two parts, so that the jump does not end in a stall. */
const SEEK_MARGIN_S = 0.45;
/** Never speed up with less than this ahead. */
const RATE_MARGIN_S = 0.4;
/** A browser that starves may still hold this much that it cannot show. */
const HELD_S = 0.3;
/** Start to correct beyond this error, and stop below the smaller one: no flutter of the rate around the target. */
const ENGAGE_S = 0.06;
const RELEASE_S = 0.015;
/** Slow down only from this error: being nearer than asked is no fault while there is data. */
const ENGAGE_SLOW_S = -0.2;
/** Begun with less than this distance, hold the first picture... */
const HOLD_BELOW_S = 0.6;
/** ...until there is this much: parts every 200 ms and their way to the player. */
const HOLD_UNTIL_S = 0.75;
/** Rate per second of error. */
const GAIN = 0.25;
/** Each stall moves the target away from the edge by this much, from where it is... */
const STALL_STEP_S = 0.25;
/** ...up to this much in total... */
const STALL_MAX_S = 2.0;
/** ...and every quiet period takes a step back. */
const STALL_FORGET_MS = 30_000;
const STALL_FORGET_S = 0.1;

/** Sharing's distance is given up so slowly that catching up by rate keeps pace: never a debt to jump over. */
const FLOOR_FALL_PER_S = (MAX_RATE - 1) / 2;

/** Keeps the playhead at the target distance behind the edge. */
export class LatencyController {
	#penalty_s = 0;
	#penalty_at_ms = 0;
	#correcting: -1 | 0 | 1 = 0;
	#started_at_ms: number | null = null;
	#seek_at_ms = -Infinity;
	#holding = false;
	#floor_s = 0;
	#floor_at_ms = 0;

	constructor(public base_target_s: number) {}

	/** The distance aimed at now: the mode's, or more after stalls or for sharing. */
	target(now_ms: number): number {
		while (this.#penalty_s > 0 && now_ms - this.#penalty_at_ms >= STALL_FORGET_MS) {
			this.#penalty_s = Math.max(0, this.#penalty_s - STALL_FORGET_S);
			this.#penalty_at_ms += STALL_FORGET_MS;
		}
		return Math.max(this.#floor_s, this.base_target_s + this.#penalty_s);
	}

	/** Sharing with others needs this distance, whatever the link to the origin allows. To be told ten times a second. */
	setFloor(now_ms: number, floor_s: number): void {
		const fallen_s = this.#floor_s - (Math.max(0, now_ms - this.#floor_at_ms) / 1000) * FLOOR_FALL_PER_S;
		this.#floor_s = Math.max(floor_s, fallen_s);
		this.#floor_at_ms = now_ms;
	}

	/** The first picture is there, or the first after a gap in the stream; `behind_s` behind the live position. */
	handleStart(now_ms: number, behind_s: number): void {
		this.#started_at_ms = now_ms;
		this.#holding = behind_s < Math.min(HOLD_BELOW_S, this.base_target_s);
	}

	/** Playback ran dry although the stream goes on. */
	handleStall(now_ms: number): void {
		this.#penalty_s = Math.min(STALL_MAX_S, this.target(now_ms) + STALL_STEP_S - this.base_target_s);
		this.#penalty_at_ms = now_ms;
	}

	/** What to do now, while following the live edge. */
	decide(playhead: Playhead): Decision {
		const { now_ms, position_s, live_s, buffered } = playhead;
		const goal_s = live_s - this.target(now_ms);
		const debt_s = goal_s - position_s;
		const here = buffered.find((range) => range.start <= position_s + 0.05 && position_s < range.end);
		const ahead_s = here ? here.end - position_s : 0;

		// Out of data, but there is some further on (a gap in the stream, a part that was lost): go there.
		if (ahead_s < (playhead.starved ? HELD_S : 0.05) && (playhead.starved || playhead.moving)) {
			const next = buffered.find((range) => range.start > position_s && range.end - range.start >= 0.1);
			if (next) return this.#jump(now_ms, Math.max(next.start + 0.01, Math.min(goal_s, next.end - SEEK_MARGIN_S)));
		}
		if (!playhead.moving) return { rate: 1, seek_s: null };

		// A live that has only just begun: rather a still for half a second than stall after stall.
		if (this.#holding && live_s - position_s < HOLD_UNTIL_S) return { rate: 0, seek_s: null };
		this.#holding = false;

		const at_start = this.#started_at_ms !== null && now_ms - this.#started_at_ms < START_MS;
		if (debt_s > (at_start ? SEEK_DEBT_AT_START_S : SEEK_DEBT_S) && now_ms - this.#seek_at_ms >= SEEK_PAUSE_MS) {
			const last = buffered[buffered.length - 1];
			const to_s = last ? Math.min(goal_s, last.end - SEEK_MARGIN_S) : position_s;
			if (last && to_s >= last.start && to_s - position_s > SEEK_DEBT_AT_START_S) return this.#jump(now_ms, to_s);
		}

		if (this.#correcting > 0 ? debt_s < RELEASE_S : this.#correcting < 0 ? debt_s > -RELEASE_S : false) this.#correcting = 0;
		if (this.#correcting === 0) this.#correcting = debt_s > ENGAGE_S ? 1 : debt_s < ENGAGE_SLOW_S ? -1 : 0;
		let rate = 1;
		if (this.#correcting > 0 && ahead_s >= RATE_MARGIN_S) rate = Math.min(MAX_RATE, 1 + Math.max(0.02, debt_s * GAIN));
		else if (this.#correcting < 0) rate = Math.max(MIN_RATE, 1 + Math.min(-0.02, debt_s * GAIN));
		// In steps, as each change of the rate costs the browser's audio a re-synchronisation.
		return { rate: Math.round(rate * 50) / 50, seek_s: null };
	}

	#jump(now_ms: number, to_s: number): Decision {
		this.#seek_at_ms = now_ms;
		this.#correcting = 0;
		return { rate: 1, seek_s: to_s };
	}
}
