/** The newest parts of one rendition: manifests and the slices that are here, each checked before it came in. No I/O. */

import { sliceSpan, type Manifest } from './manifest';
import type { Place } from './wire';

/** As many as the scheduler keeps in mind: some ten seconds of 200 ms. */
export const MAX_PARTS = 64;
/** Ten seconds of a 25 Mbit/s stream. */
export const MAX_STORED_BYTES = 32 << 20;

export class StoredPart {
	readonly #slices: (Uint8Array | null)[];
	#missing: number;
	http_bytes = 0;
	p2p_bytes = 0;
	/** how long those of its bytes took that came by HTTP */
	http_ms = 0;

	constructor(readonly manifest: Manifest) {
		this.#slices = new Array<Uint8Array | null>(manifest.slices).fill(null);
		this.#missing = manifest.slices;
	}

	get complete(): boolean {
		return this.#missing === 0;
	}

	get bytes(): number {
		return this.http_bytes + this.p2p_bytes;
	}

	slice(index: number): Uint8Array | null {
		return this.#slices[index] ?? null;
	}

	/** `data` is slice `index`; its hash was right. */
	put(index: number, data: Uint8Array, source: 'http' | 'p2p'): void {
		if (index >= this.#slices.length || this.#slices[index]) return;
		this.#slices[index] = data;
		this.#missing--;
		if (source === 'http') this.http_bytes += data.length;
		else this.p2p_bytes += data.length;
	}

	/** A copy of the whole part; null while slices are missing. */
	whole(): ArrayBuffer | null {
		if (!this.complete) return null;
		const data = new Uint8Array(this.manifest.size);
		this.#slices.forEach((slice, index) => {
			if (slice) data.set(slice, sliceSpan(this.manifest, index).start);
		});
		return data.buffer;
	}
}

export class PartStore {
	#parts: StoredPart[] = [];

	constructor(private readonly evicted: (place: Place) => void = () => undefined) {}

	get newest(): Place {
		return this.#parts.at(-1)?.manifest.place ?? 0;
	}

	/** What lies before this will not be kept. */
	get oldest(): Place {
		return this.#parts[0]?.manifest.place ?? 0;
	}

	get full(): boolean {
		return this.#parts.length >= MAX_PARTS;
	}

	find(place: Place): StoredPart | null {
		for (let i = this.#parts.length - 1; i >= 0; i--) {
			const part = this.#parts[i];
			if (!part || part.manifest.place < place) return null;
			if (part.manifest.place === place) return part;
		}
		return null;
	}

	/** Adds a part in its place; null when it is known already, or too old to be kept. */
	add(manifest: Manifest): StoredPart | null {
		let at = this.#parts.length;
		while (at > 0 && (this.#parts[at - 1]?.manifest.place ?? 0) > manifest.place) at--;
		if (at > 0 && this.#parts[at - 1]?.manifest.place === manifest.place) return null;
		if (at === 0 && this.full) return null;
		const part = new StoredPart(manifest);
		this.#parts.splice(at, 0, part);
		// What is announced counts, so that memory is bounded whatever of it comes.
		let announced = this.#parts.reduce((sum, { manifest: { size } }) => sum + size, 0);
		while (this.#parts.length > MAX_PARTS || (announced > MAX_STORED_BYTES && this.#parts.length > 1)) {
			const oldest = this.#parts.shift();
			if (!oldest) break;
			announced -= oldest.manifest.size;
			this.evicted(oldest.manifest.place);
		}
		return part;
	}

	clear(): void {
		const gone = this.#parts;
		this.#parts = [];
		for (const { manifest } of gone) this.evicted(manifest.place);
	}
}
