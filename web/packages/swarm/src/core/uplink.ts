/**
 * How many child stripes this viewer's uplink carries: one at first, twice as many after each two seconds in which
 * what was sent left at once, one more at a time after the first congestion, back by four tenths at each one.
 */

/** Without congestion for this long: more. */
const CLEAN_MS = 2_000;
/**
 * What was pushed should have left by then. A part with a keyframe is several times as large as others, and a channel
 * that is new needs some round trips for it: two or three parts' time is no congestion yet.
 */
const LAG_MS = 500;
/** Congestion is acted upon no more often. */
const REACT_MS = 1_000;

export class Uplink {
	slots: number;
	/** Before the first congestion the number doubles. */
	#doubling = true;
	#clean_since_ms: number | null = null;
	#reacted_ms = -REACT_MS;
	readonly #most: number;

	constructor(upload: boolean, ceiling_tenths: number, stripes: number) {
		this.#most = upload ? Math.max(1, Math.floor((ceiling_tenths * stripes) / 10)) : 0;
		this.slots = Math.min(1, this.#most);
	}

	/** Once a second. `oldest_ms`: since when something that was pushed waits, null when all has left. True when `slots` changed. */
	handleTick(now: number, in_use: number, oldest_ms: number | null): boolean {
		if (oldest_ms !== null && now - oldest_ms > LAG_MS) return this.handleLag(now, in_use);
		this.#clean_since_ms ??= now;
		// Slots that nobody uses say nothing about the link.
		if (in_use * 2 <= this.slots || now - this.#clean_since_ms < CLEAN_MS || this.slots >= this.#most) return false;
		this.#clean_since_ms = now;
		this.slots = Math.min(this.#most, this.#doubling ? this.slots * 2 : this.slots + 1);
		return true;
	}

	/** What was pushed did not leave in time. */
	handleLag(now: number, in_use: number): boolean {
		this.#clean_since_ms = now;
		if (now - this.#reacted_ms < REACT_MS) return false;
		this.#reacted_ms = now;
		this.#doubling = false;
		const before = this.slots;
		this.slots = Math.max(Math.min(1, this.#most), Math.floor((Math.min(this.slots, in_use) * 6) / 10));
		return this.slots !== before;
	}

	/** Whether a channel has been waiting for too long. */
	static lags(now: number, since_ms: number | null): boolean {
		return since_ms !== null && now - since_ms > LAG_MS;
	}
}
