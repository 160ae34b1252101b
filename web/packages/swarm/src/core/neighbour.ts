/** Another peer of the swarm, as the scheduler knows it. */

import { MAX_BROKEN_PROMISES } from './state';
import type { PeerId, Place } from './types';

export class Neighbour {
	/** `connecting`: asked for; `open`: the channel is there */
	state: 'none' | 'connecting' | 'open' = 'none';
	/** it has introduced itself */
	greeted = false;
	banned = false;
	/** do not try to connect before */
	retry_ms = 0;
	/** do not take it for a parent of one's own accord before */
	suspect_until_ms = 0;
	/** needed by nobody since */
	idle_since_ms = 0;
	/** something pushed has not left since */
	busy_since_ms: number | null = null;
	/** slices it said it has, by part */
	have = new Map<Place, Uint8Array>();
	/** slices sent to it, by part */
	sent = new Map<Place, Uint8Array>();
	/** parts whose manifests were sent to it */
	manifests = new Set<Place>();
	/** requests that it did not answer in time, though it said it had what was asked for */
	broken_promises = 0;
	/** a slice has come from it */
	brought = false;

	constructor(readonly id: PeerId) {}

	/** A new channel knows nothing of the one before. */
	reset(state: 'none' | 'connecting' | 'open'): void {
		this.state = state;
		this.greeted = false;
		this.busy_since_ms = null;
		this.have.clear();
		this.sent.clear();
		this.manifests.clear();
	}

	/** It promised something and did not give it, then or ever. */
	isShunned(now: number): boolean {
		return !this.brought && now < this.suspect_until_ms;
	}

	/** Nothing is asked of it. */
	breaksPromises(now: number): boolean {
		return this.broken_promises >= MAX_BROKEN_PROMISES || this.isShunned(now);
	}

	/** Forgets what concerns parts before `place`. */
	prune(place: Place): void {
		for (const map of [this.have, this.sent, this.manifests]) {
			for (const known of [...map.keys()]) if (known < place) map.delete(known);
		}
	}
}
