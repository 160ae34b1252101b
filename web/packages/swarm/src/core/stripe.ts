/** Where one stripe comes from, and who takes it from here. */

import type { Part } from './part';
import type { PeerId, Place } from './types';

/** A way to get a stripe. */
export interface Link {
	/** null: the origin */
	peer: PeerId | null;
	/** `opening`: no channel yet; `asked`: SUBSCRIBE was sent; `flowing`: accepted */
	state: 'opening' | 'asked' | 'flowing';
	since_ms: number;
	/** a slice came by it last; null: none has */
	heard_ms: number | null;
	/** asked to send manifests too */
	manifests: boolean;
}

/** Whether a part became known while the link was there: what was there before cannot come by it. */
export const owes = (link: Link, part: Part): boolean => part.seen_ms >= link.since_ms;

export interface Child {
	peer: PeerId;
	from: Place;
	manifests: boolean;
	since_ms: number;
}

/** Peers that refuse may point at each other: their advice is taken once in this time. */
export const DETOUR_MS = 1_000;

export class Stripe {
	/** where it comes from now */
	source: Link | null = null;
	/** what is being tried to replace it, while it still flows */
	next: Link | null = null;
	/** as the tracker wishes */
	root = false;
	parent: PeerId | null = null;
	standby: PeerId | null = null;
	/** Root by its own decision: nobody else brings it. */
	self_root = false;
	/** without any source since; null while there is one */
	orphan_since_ms: number | null = 0;
	/** short ids from the root to the parent; empty: not known, or the origin is the source */
	path: number[] = [];
	readonly children: Child[] = [];
	/** how long after a part's manifest its slices come, smoothed, times 8 */
	lag8_ms = 0;
	/** last went where somebody who refused it had pointed */
	detour_ms = -DETOUR_MS;
	/** moments at which HTTP had to help out, newest last */
	readonly rescues_ms: number[] = [];

	constructor(readonly index: number) {}

	get from_origin(): boolean {
		return this.source !== null && this.source.peer === null;
	}

	child(peer: PeerId): Child | null {
		return this.children.find((child) => child.peer === peer) ?? null;
	}

	/** Whether `peer` is, or is to become, where this stripe comes from. */
	uses(peer: PeerId): boolean {
		return this.source?.peer === peer || this.next?.peer === peer;
	}

	addLag(lag_ms: number): void {
		const before = Math.floor(this.lag8_ms / 8);
		this.lag8_ms += lag_ms - before;
	}

	get lag_ms(): number {
		return Math.floor(this.lag8_ms / 8);
	}

	remove(peer: PeerId): boolean {
		const at = this.children.findIndex((child) => child.peer === peer);
		if (at >= 0) this.children.splice(at, 1);
		return at >= 0;
	}
}
