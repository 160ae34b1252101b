/** Another viewer of the recording: what it says it holds, what it was asked for, and how it delivers. */

import type { PeerId } from './types';

/** Slices asked for and not yet delivered: at first, and at most (three quarters of a megabyte). */
const FIRST_WINDOW = 4;
const MAX_WINDOW = 32;
/** A slice that comes within this shows that more could be asked for... */
const PROMPT_MS = 1_500;
/** ...and one that takes longer than this, that less should be. */
const SLOW_MS = 3_000;
/** Nothing of what was asked comes for this long: it is asked no more for a while. */
const SILENCE_MS = 4_000;
/** No single answer takes longer. */
const ANSWER_MS = 12_000;
/** The while, doubled with each time that it was silent. */
const REST_MS = 2_000;
const MAX_REST_MS = 240_000;
/** So many slices make one silence forgotten. */
const ATONEMENT = 32;
/** What comes too late is known as asked for: some round trips' worth. */
const MAX_LATE = 128;
/** A cache of 48 MB holds no more of sensible segments. */
export const MAX_HELD = 4_096;

export class Neighbour {
	/** `connecting`: asked for; `open`: the channel is there */
	state: 'connecting' | 'open' = 'connecting';
	/** it has introduced itself */
	greeted = false;
	/** opened or asked for */
	since_ms: number;
	/** segments it said it has, with their number of slices */
	readonly have = new Map<number, number>();
	/** index of the segment that it told last, per rendition it is near to */
	newest: { rendition: number; index: number } | null = null;
	/** slices asked for: when */
	readonly #pending = new Map<string, number>();
	/** given up, but perhaps on their way */
	readonly #late = new Set<string>();
	#window = FIRST_WINDOW;
	#growing = true;
	#heard_ms = 0;
	#silences = 0;
	#delivered = 0;
	/** ask for nothing before */
	rests_until_ms = -Infinity;
	/** slices that nobody asked it for */
	unasked = 0;
	/** answers that it got this second to requests for what is not here */
	denied = 0;

	constructor(
		readonly id: PeerId,
		now: number
	) {
		this.since_ms = now;
	}

	get ready(): boolean {
		return this.state === 'open' && this.greeted;
	}

	/** How many slices more it may be asked for. */
	room(now: number): number {
		if (!this.ready || now < this.rests_until_ms) return 0;
		return Math.floor(this.#window) - this.#pending.size;
	}

	get pending(): number {
		return this.#pending.size;
	}

	holds(key: number, slices: number): boolean {
		return this.have.get(key) === slices;
	}

	asked(now: number, key: number, index: number): void {
		if (this.#pending.size === 0) this.#heard_ms = now;
		const slice = `${key} ${index}`;
		this.#late.delete(slice);
		this.#pending.set(slice, now);
	}

	/** Whether a slice that came is one that it was asked for. */
	expects(key: number, index: number): boolean {
		const slice = `${key} ${index}`;
		return this.#pending.has(slice) || this.#late.has(slice);
	}

	/** What it was asked for came. */
	delivered(now: number, key: number, index: number): void {
		const slice = `${key} ${index}`;
		const asked_ms = this.#pending.get(slice);
		this.#pending.delete(slice);
		this.#late.delete(slice);
		this.#heard_ms = now;
		if (asked_ms === undefined) return;
		const took_ms = now - asked_ms;
		if (took_ms > PROMPT_MS) this.#growing = false;
		if (took_ms <= PROMPT_MS) this.#window = Math.min(MAX_WINDOW, this.#window + (this.#growing ? 1 : 1 / this.#window));
		else if (took_ms > SLOW_MS) this.#window = Math.max(1, this.#window * 0.9);
		if (++this.#delivered % ATONEMENT === 0) this.#silences = Math.max(0, this.#silences - 1);
	}

	/** It is not to send that slice any more; it may be on its way. */
	cancelled(key: number, index: number): void {
		const slice = `${key} ${index}`;
		if (!this.#pending.delete(slice)) return;
		this.#late.add(slice);
		if (this.#late.size <= MAX_LATE) return;
		for (const oldest of this.#late) {
			this.#late.delete(oldest);
			break;
		}
	}

	/** When silence becomes too long; `Infinity` with nothing asked. */
	get silent_at_ms(): number {
		let oldest_ms = Infinity;
		for (const asked_ms of this.#pending.values()) {
			oldest_ms = asked_ms;
			break;
		}
		return Math.min(this.#pending.size > 0 ? this.#heard_ms + SILENCE_MS : Infinity, oldest_ms + ANSWER_MS);
	}

	/** It did not keep what it promised. */
	silent(now: number): void {
		this.#growing = false;
		this.#window = Math.max(1, this.#window / 2);
		this.rests_until_ms = now + Math.min(MAX_REST_MS, REST_MS * 2 ** this.#silences);
		this.#silences = Math.min(16, this.#silences + 1);
	}
}
