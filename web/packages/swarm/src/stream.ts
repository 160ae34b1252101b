/** One streaming response from the origin, for the stripes that this peer is root of; opened again when it breaks. */

import type { Origin } from './origin';
import { OriginError } from './origin';
import { sleep } from './sleep';
import type { Message, Place } from './wire';

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 4_000;

export interface StreamEvents {
	/** a token that opens the swarm; `refused`: the one given before did not */
	token(refused: boolean): Promise<string>;
	opened(open: boolean): void;
	message(message: Message): void;
	/** the newest part that is known */
	newest(): Place;
	log(line: string): void;
}

export class StripeStream {
	#wanted = '';
	#ended = new AbortController();

	constructor(
		private readonly origin: Origin,
		private readonly events: StreamEvents
	) {}

	/** Which stripes to take, parts from `from` on; none: no stream. What is open for the same stripes stays open. */
	set(rendition: number, stripes: readonly number[], from: Place): void {
		const wanted = stripes.length > 0 ? `${rendition}:${stripes.join(',')}` : '';
		if (wanted === this.#wanted) return;
		this.#ended.abort();
		this.#wanted = wanted;
		this.#ended = new AbortController();
		if (wanted !== '') void this.#keep(rendition, stripes, from, this.#ended.signal);
	}

	close(): void {
		this.set(0, [], 0);
	}

	async #keep(rendition: number, stripes: readonly number[], from: Place, signal: AbortSignal): Promise<void> {
		const { events } = this;
		let retry_ms = FIRST_RETRY_MS;
		let first = from;
		let refused = false;
		while (!signal.aborted) {
			let open = false;
			try {
				const token = await events.token(refused);
				if (signal.aborted) return;
				refused = false;
				const opened = (): void => {
					open = true;
					retry_ms = FIRST_RETRY_MS;
					events.opened(true);
				};
				await this.origin.stream({ rendition, stripes, from: first, token }, signal, opened, (message) => {
					if (!signal.aborted) events.message(message);
				});
			} catch (error) {
				if (signal.aborted) return;
				events.log(`stream: ${String(error)}`);
				refused = error instanceof OriginError && (error.status === 401 || error.status === 403);
			}
			if (signal.aborted) return;
			if (open) events.opened(false);
			first = Math.max(first, events.newest());
			await sleep(retry_ms * (1 + Math.random()), signal);
			retry_ms = Math.min(LAST_RETRY_MS, retry_ms * 2);
		}
	}
}
