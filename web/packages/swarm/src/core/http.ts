/** How long a fetch takes, and when the last moment for it has come. */

const SAMPLES = 32;
/** Before anything was measured. */
const FIRST_MS = 200;

/** The newest durations of fetches. */
export class HttpTimes {
	#durations: number[] = [];

	add(duration_ms: number): void {
		this.#durations.push(Math.min(duration_ms, 2_000));
		if (this.#durations.length > SAMPLES) this.#durations.shift();
	}

	get p95_ms(): number {
		const { length } = this.#durations;
		if (length === 0) return FIRST_MS;
		const sorted = this.#durations.slice().sort((a, b) => a - b);
		return sorted[Math.min(length - 1, Math.floor((length * 95) / 100))]!;
	}
}

/** Spreads peers over 100 ms, each part anew, so that what all of them miss is not asked for by all at once. */
export function stagger(short_id: number, place: number): number {
	let x = (short_id ^ Math.imul(place, 0x9e3779b1)) >>> 0;
	x = Math.imul(x ^ (x >>> 15), 0x85ebca6b) >>> 0;
	return ((x ^ (x >>> 13)) >>> 0) % 100;
}
