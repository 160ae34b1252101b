/** Slices that came before their manifest: kept for a moment. No I/O. */

import type { Slice } from './channel';
import type { PeerId, Place } from './wire';

const MAX_HELD = 64;
/** One peer cannot push out what the others sent. */
const MAX_HELD_OF_ONE = 24;
const HELD_MS = 1_000;

export interface HeldSlice {
	from: PeerId | 'origin';
	slice: Slice;
	since_ms: number;
}

export class HeldSlices {
	#held: HeldSlice[] = [];

	hold(from: PeerId | 'origin', slice: Slice, now_ms: number): void {
		this.#held = this.#held.filter((held) => now_ms - held.since_ms < HELD_MS);
		if (this.#held.filter((held) => held.from === from).length >= MAX_HELD_OF_ONE) return;
		if (this.#held.length >= MAX_HELD) this.#held.shift();
		this.#held.push({ from, slice, since_ms: now_ms });
	}

	/** Those of the part at `place`, whose manifest is here now. */
	release(place: Place): HeldSlice[] {
		const released = this.#held.filter((held) => held.slice.place === place);
		if (released.length > 0) this.#held = this.#held.filter((held) => held.slice.place !== place);
		return released;
	}

	clear(): void {
		this.#held.length = 0;
	}
}
