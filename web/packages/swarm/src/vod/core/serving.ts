/** What others asked for: in the order in which they asked, as fast as the uplink allows. */

import { Uplink } from '../../core/uplink';
import type { PeerId } from './types';

/** Slices that one peer may wait for: twice what a peer of ours asks for at once. */
const MAX_WAITING = 64;
/** Slices in the channel of one peer at a time: the next follow when they have left. */
const MAX_IN_CHANNEL = 2;
/** What may be sent at once after a pause, and at first, as time of the stream: a segment or so. */
const BURST_MS = 2_000;
/** ...but two slices at least. */
const MIN_BURST_BYTES = 49_152;
const TICK_MS = 1_000;
/** Uplink is counted in stripes, as in lives. */
const STRIPES = 4;
/** Of the stream, before it is known: 800 kbit/s in bytes per millisecond. */
const DEFAULT_RATE = 100;

export interface Due {
	peer: PeerId;
	key: number;
	index: number;
}

interface Queue {
	waiting: { order: number; key: number; index: number }[];
	in_channel: number;
	/** something sent has not left since */
	busy_since_ms: number | null;
}

export class Serving {
	readonly #uplink: Uplink;
	readonly #queues = new Map<PeerId, Queue>();
	#order = 0;
	#budget_bytes = Infinity;
	#filled_ms = 0;
	#ticked_ms = 0;
	#sent_bytes = 0;
	/** bytes per millisecond */
	rate = DEFAULT_RATE;

	constructor(upload: boolean, ceiling_tenths: number) {
		this.#uplink = new Uplink(upload, ceiling_tenths, STRIPES);
	}

	get slots(): number {
		return this.#uplink.slots;
	}

	/** Peers that wait for something. */
	get takers(): number {
		let takers = 0;
		for (const queue of this.#queues.values()) if (queue.waiting.length > 0) takers++;
		return takers;
	}

	/** False when the peer has asked for too much already. */
	add(peer: PeerId, key: number, index: number): boolean {
		let queue = this.#queues.get(peer);
		if (!queue) this.#queues.set(peer, (queue = { waiting: [], in_channel: 0, busy_since_ms: null }));
		if (queue.waiting.length >= MAX_WAITING) return false;
		if (!queue.waiting.some((slice) => slice.key === key && slice.index === index)) queue.waiting.push({ order: this.#order++, key, index });
		return true;
	}

	cancel(peer: PeerId, key: number, indices: ReadonlySet<number>): void {
		const queue = this.#queues.get(peer);
		if (queue) queue.waiting = queue.waiting.filter((slice) => slice.key !== key || !indices.has(slice.index));
	}

	/** The segment is here no longer. */
	forget(key: number): void {
		for (const queue of this.#queues.values()) queue.waiting = queue.waiting.filter((slice) => slice.key !== key);
	}

	close(peer: PeerId): void {
		this.#queues.delete(peer);
	}

	/** `bytes` wait in the channel of `peer`. */
	handleBuffered(now: number, peer: PeerId, bytes: number): void {
		const queue = this.#queues.get(peer);
		if (!queue) return;
		if (bytes > 0) {
			queue.busy_since_ms ??= now;
		} else {
			queue.busy_since_ms = null;
			queue.in_channel = 0;
		}
	}

	/** What is to be sent now, of `size` bytes each; null: nothing, or not yet. */
	next(now: number, size: (due: Due) => number): Due | null {
		this.#fill(now);
		if (this.#budget_bytes <= 0) return null;
		let first: { peer: PeerId; queue: Queue; order: number } | null = null;
		for (const [peer, queue] of this.#queues) {
			const order = queue.waiting[0]?.order;
			if (order === undefined || queue.in_channel >= MAX_IN_CHANNEL) continue;
			if (!first || order < first.order) first = { peer, queue, order };
		}
		const slice = first?.queue.waiting.shift();
		if (!first || !slice) return null;
		const due = { peer: first.peer, key: slice.key, index: slice.index };
		const bytes = size(due);
		this.#budget_bytes -= bytes;
		this.#sent_bytes += bytes;
		first.queue.in_channel++;
		return due;
	}

	/** When something that waits may be sent, or the uplink is looked at again. */
	timeout(now: number): number {
		if (this.takers === 0) return Infinity;
		const rate = this.#allowed();
		const wait_ms = this.#budget_bytes > 0 || rate === 0 ? TICK_MS : Math.ceil(-this.#budget_bytes / rate) + 1;
		return Math.max(now + 1, Math.min(this.#filled_ms + wait_ms, this.#ticked_ms + TICK_MS));
	}

	/** Once in a while: adapts to how fast things leave. */
	handleTick(now: number): void {
		const past_ms = now - this.#ticked_ms;
		if (past_ms < TICK_MS) return;
		const used = Math.ceil((this.#sent_bytes * STRIPES) / (this.rate * past_ms));
		let oldest_ms: number | null = null;
		for (const { busy_since_ms } of this.#queues.values()) {
			if (busy_since_ms !== null && (oldest_ms === null || busy_since_ms < oldest_ms)) oldest_ms = busy_since_ms;
		}
		this.#uplink.handleTick(now, Math.min(used, this.#uplink.slots), oldest_ms);
		this.#ticked_ms = now;
		this.#sent_bytes = 0;
	}

	#allowed(): number {
		return (this.rate * this.#uplink.slots) / STRIPES;
	}

	#fill(now: number): void {
		const rate = this.#allowed();
		const most = Math.max(MIN_BURST_BYTES, this.rate * BURST_MS);
		this.#budget_bytes = Math.min(most, this.#budget_bytes + (now - this.#filled_ms) * rate);
		this.#filled_ms = now;
	}
}
