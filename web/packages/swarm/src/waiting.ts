/** Those who wait for something about a part. No I/O. */

import type { Place } from './wire';

export class Waiting<T> {
	#waiting = new Map<Place, Set<(value: T | null) => void>>();

	/** Resolves to what is settled for `place`; null when `signal` is aborted before. */
	wait(place: Place, signal: AbortSignal): Promise<T | null> {
		if (signal.aborted) return Promise.resolve(null);
		return new Promise((resolve) => {
			const done = (value: T | null): void => {
				signal.removeEventListener('abort', stop);
				const those = this.#waiting.get(place);
				those?.delete(done);
				if (those?.size === 0) this.#waiting.delete(place);
				resolve(value);
			};
			const stop = (): void => done(null);
			signal.addEventListener('abort', stop, { once: true });
			const those = this.#waiting.get(place);
			if (those) those.add(done);
			else this.#waiting.set(place, new Set([done]));
		});
	}

	/** `value` is made anew for each of them. */
	settle(place: Place, value: () => T | null): void {
		for (const done of [...(this.#waiting.get(place) ?? [])]) done(value());
	}

	/** Nothing will come. */
	giveUp(): void {
		for (const place of [...this.#waiting.keys()]) this.settle(place, () => null);
	}
}
