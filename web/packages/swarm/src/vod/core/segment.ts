/** One segment on its way: which slices are here, and who was asked for the others. */

import { sliceStart } from '../../wire';
import type { PeerId, SegmentFacts } from './types';

/** One number for rendition and index: indices have 22 bits in a place. */
export function keyOf(rendition: number, index: number): number {
	return rendition * 2 ** 22 + index;
}

/** A peer, a fetch by its number, or nobody. */
export type Asked = PeerId | number | null;

export class Segment {
	readonly key: number;
	readonly index: number;
	readonly #here: Uint8Array;
	readonly #asked: Asked[];
	#missing: number;
	/** of the slices that are here */
	bytes = 0;
	/** the player fetches it by itself */
	own = false;

	constructor(readonly facts: SegmentFacts) {
		this.index = facts.place >>> 10;
		this.key = keyOf(facts.rendition, this.index);
		this.#here = new Uint8Array(facts.slices);
		this.#asked = new Array<Asked>(facts.slices).fill(null);
		this.#missing = facts.slices;
	}

	get complete(): boolean {
		return this.#missing === 0;
	}

	has(index: number): boolean {
		return this.#here[index] === 1;
	}

	/** Slice `index` has come; false when it was here already. */
	put(index: number): boolean {
		if (this.#here[index] !== 0) return false;
		this.#here[index] = 1;
		this.#asked[index] = null;
		this.#missing--;
		this.bytes += this.sizeOf(index);
		return true;
	}

	asked(index: number): Asked {
		return this.#asked[index] ?? null;
	}

	ask(index: number, whom: Asked): void {
		this.#asked[index] = whom;
	}

	/** Nobody is asked any more of what `whom` was asked for. */
	release(whom: PeerId | number): void {
		this.#asked.forEach((asked, index) => {
			if (asked === whom) this.#asked[index] = null;
		});
	}

	/** Slices that are not here and for which `wanted` holds of whom was asked. */
	missing(wanted: (asked: Asked) => boolean): number[] {
		const found: number[] = [];
		for (let index = 0; index < this.#here.length; index++) {
			if (this.#here[index] === 0 && wanted(this.#asked[index] ?? null)) found.push(index);
		}
		return found;
	}

	sizeOf(index: number): number {
		const { size, slices } = this.facts;
		return sliceStart(size, slices, index + 1) - sliceStart(size, slices, index);
	}
}

/** A bitmap of `slices` bits with those of `indices` set. */
export function bitmap(slices: number, indices: Iterable<number>): Uint8Array {
	const bits = new Uint8Array(Math.ceil(slices / 8));
	for (const index of indices) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
	return bits;
}

/** The bits that are set, in order. */
export function* bitsOf(slices: number, bits: Uint8Array): Generator<number> {
	for (let index = 0; index < slices; index++) if ((bits[index >> 3] ?? 0) & (1 << (index & 7))) yield index;
}
