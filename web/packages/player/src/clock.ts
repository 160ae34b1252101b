/**
 * The difference between the server's wall clock and this device's, from the `Date` headers of answers.
 *
 * The header has whole seconds, but each answer bounds the difference from both sides, and the bounds of many
 * answers that fall on different fractions of a second close in on it. Pure.
 */

/** A device clock that drifts or is set must not be held against old bounds: they widen by this much per second. */
const WIDEN_PER_S = 0.0005;

export class ServerClock {
	#low_ms = -Infinity;
	#high_ms = Infinity;
	#at_ms = 0;

	/**
	 * An answer with `Date: date` (milliseconds since 1970, whole seconds) was asked for at `sent_ms` and here at
	 * `received_ms` (this device's wall clock).
	 */
	add(sent_ms: number, received_ms: number, date_ms: number): void {
		if (!Number.isFinite(date_ms)) return;
		this.#widen(received_ms);
		// The server wrote the header at some time t, sent <= t - difference <= received, and date <= t < date + 1 s.
		const low_ms = date_ms - received_ms;
		const high_ms = date_ms + 1000 - sent_ms;
		if (low_ms > this.#high_ms || high_ms < this.#low_ms) {
			// A clock was set: begin again.
			this.#low_ms = low_ms;
			this.#high_ms = high_ms;
			return;
		}
		this.#low_ms = Math.max(this.#low_ms, low_ms);
		this.#high_ms = Math.min(this.#high_ms, high_ms);
	}

	/**
	 * Milliseconds to add to this device's clock for the server's time. 0 while "no difference" is possible: most
	 * devices are synchronised better than this can measure.
	 */
	get difference_ms(): number {
		if (this.#low_ms <= 0 && this.#high_ms >= 0) return 0;
		if (!Number.isFinite(this.#low_ms) || !Number.isFinite(this.#high_ms)) return 0;
		return (this.#low_ms + this.#high_ms) / 2;
	}

	#widen(now_ms: number): void {
		const by_ms = Math.max(0, now_ms - this.#at_ms) * WIDEN_PER_S;
		if (this.#at_ms > 0) {
			this.#low_ms -= by_ms;
			this.#high_ms += by_ms;
		}
		this.#at_ms = now_ms;
	}
}

/** A throughput measured from answers, favouring the recent ones; too small or too quick answers tell nothing. */
export class Throughput {
	#bytes = 0;
	#ms = 0;

	/** `bytes` arrived between the first byte and the last. */
	add(bytes: number, ms: number): void {
		if (bytes < 8_000) return;
		// Half of what was known fades with each second of transfer or megabyte, whichever a link reaches first.
		const keep = Math.max(0, 1 - Math.max(ms / 2_000, bytes / 2_000_000));
		this.#bytes = this.#bytes * keep + bytes;
		this.#ms = this.#ms * keep + Math.max(1, ms);
	}

	/** Bits per second, null before the first useful answer. */
	get bps(): number | null {
		return this.#ms > 0 ? (this.#bytes * 8_000) / this.#ms : null;
	}
}
