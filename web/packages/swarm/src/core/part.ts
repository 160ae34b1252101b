/** The parts that the scheduler knows: which of their slices are here. */

import type { PartFacts, Place } from './types';

/** Where slice `index` of `slices` begins in a part of `size` bytes. */
export function sliceStart(size: number, slices: number, index: number): number {
	return Math.floor((index * size) / slices);
}

export class Part {
	readonly have: Uint8Array;
	missing: number;
	/** id of the fetch that is to bring the slice, 0: none */
	readonly fetching: Uint32Array;
	/** the player waits for it since; -1: it does not */
	wanted_ms = -1;
	/** no fetch before this, after one that failed */
	retry_ms = 0;
	/** stripes (bits) that were declared late for this part */
	late = 0;
	/** peers asked for slices: id and when */
	readonly asked: { peer: string; at_ms: number }[] = [];

	constructor(
		readonly facts: PartFacts,
		/** when its manifest came */
		readonly seen_ms: number
	) {
		this.have = new Uint8Array(facts.slices);
		this.fetching = new Uint32Array(facts.slices);
		this.missing = facts.slices;
	}

	get place(): Place {
		return this.facts.place;
	}

	get complete(): boolean {
		return this.missing === 0;
	}

	bytes(index: number): number {
		const { size, slices } = this.facts;
		return sliceStart(size, slices, index + 1) - sliceStart(size, slices, index);
	}

	/** Whether slices of `stripe` are missing. */
	lacks(stripe: number, stripes: number): boolean {
		for (let i = stripe; i < this.have.length; i += stripes) if (!this.have[i]) return true;
		return false;
	}

	/** Whether slices of `stripe` are missing that nobody fetches. */
	unfetched(stripe: number, stripes: number): boolean {
		for (let i = stripe; i < this.have.length; i += stripes) if (!this.have[i] && this.fetching[i] === 0) return true;
		return false;
	}

	/** The slices that are here, or with `missing` those that are not. */
	bits(missing: boolean): Uint8Array {
		const bits = new Uint8Array((this.have.length + 7) >> 3);
		for (let i = 0; i < this.have.length; i++) {
			if ((this.have[i] !== 0) !== missing) bits[i >> 3]! |= 1 << (i & 7);
		}
		return bits;
	}
}

export function bit(bits: Uint8Array, index: number): boolean {
	return ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
}

/** Parts kept: some ten seconds of 200 ms. */
export const MAX_PARTS = 64;

/** The newest parts of one rendition, oldest first. */
export class PartWindow {
	readonly parts: Part[] = [];

	get newest(): Place {
		return this.parts.at(-1)?.place ?? 0;
	}

	find(place: Place): Part | null {
		for (let i = this.parts.length - 1; i >= 0; i--) {
			const part = this.parts[i]!;
			if (part.place === place) return part;
			if (part.place < place) return null;
		}
		return null;
	}

	/** Adds a part in its place; false when it is known, or older than the window. */
	add(part: Part): boolean {
		let at = this.parts.length;
		while (at > 0 && this.parts[at - 1]!.place > part.place) at--;
		if (at > 0 && this.parts[at - 1]!.place === part.place) return false;
		if (at === 0 && this.parts.length === MAX_PARTS) return false;
		this.parts.splice(at, 0, part);
		if (this.parts.length > MAX_PARTS) this.parts.shift();
		return true;
	}

	clear(): void {
		this.parts.length = 0;
	}
}
