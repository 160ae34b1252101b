import { describe, expect, it } from 'vitest';
import type { Message } from '../src/core/types';
import { placeOf, sliceCount } from '../src/wire';
import { CACHE_BYTES, rankOf, VodCore } from '../src/vod/core';
import { keyOf } from '../src/vod/segment';
import type { PeerId, Span, VodOutput } from '../src/vod/types';

/** mulberry32 */
function random(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	};
}

const SEGMENT_MS = 2_000;
const SEGMENT_BYTES = 250_000;
const SEGMENTS = 300;
const SLICES = sliceCount(SEGMENT_BYTES, 4);
const SPANS: Span[] = Array.from({ length: SEGMENTS }, (_, i) => ({ start_ms: i * SEGMENT_MS, duration_ms: SEGMENT_MS, size: SEGMENT_BYTES }));
const RATE = SEGMENT_BYTES / SEGMENT_MS;
const LATENCY_MS = 25;
const id = (number: number): PeerId => (number + 1).toString(16).padStart(8, '0').padStart(40, 'a').slice(0, 32) + Math.imul(number + 1, 0x9e3779b1).toString(16).replace('-', '').padStart(8, '0').slice(-8);

interface Setting {
	position_ms?: number;
	join_ms?: number;
	/** bytes per millisecond; three times the stream */
	up?: number;
	down?: number;
	upload?: boolean;
	/** `lies`: claims what it never sends; `spoils`: sends wrong bytes */
	evil?: 'lies' | 'spoils';
}

/** One viewer: a core, its links, and a player that buffers twenty seconds ahead, one segment after the other. */
class Viewer {
	readonly core: VodCore;
	readonly id: PeerId;
	readonly here = new Set<string>();
	readonly complete = new Set<number>();
	readonly known = new Set<number>();
	up_free_ms = 0;
	down_free_ms = 0;
	http_bytes = 0;
	own_bytes = 0;
	stalled_ms = 0;
	position_ms: number;
	buffered_ms: number;
	loading: { index: number; until_ms: number; own: boolean } | null = null;
	gone = false;
	started = false;
	fetching = new Set<number>();
	banned: PeerId[] = [];
	largest_cache = 0;

	constructor(
		readonly world: World,
		number: number,
		readonly setting: Setting
	) {
		this.id = id(number);
		this.core = new VodCore({ peer: this.id, upload: setting.upload ?? true, ceiling_tenths: 20 });
		this.position_ms = this.buffered_ms = setting.position_ms ?? 0;
	}

	get down(): number {
		return this.setting.down ?? RATE * 8;
	}

	/** Tens of milliseconds of latency, then as fast as the link is. */
	http(bytes: number, done: (took_ms: number) => void): void {
		const { world } = this;
		const begun_ms = world.now;
		this.down_free_ms = Math.max(world.now + 40, this.down_free_ms) + bytes / this.down;
		world.at(this.down_free_ms, () => {
			if (!this.gone) done(world.now - begun_ms);
		});
	}

	seek(position_ms: number): void {
		this.position_ms = this.buffered_ms = position_ms;
		if (this.loading && !this.loading.own) this.core.handleUnwanted(this.loading.index);
		this.loading = null;
		this.core.handlePlayhead(this.world.now, this.position_ms, this.buffered_ms);
		this.pump();
		this.load();
	}

	step(step_ms: number): void {
		if (this.gone) return;
		if (this.buffered_ms > this.position_ms) this.position_ms += Math.min(step_ms, this.buffered_ms - this.position_ms);
		else if (this.started) this.stalled_ms += step_ms;
		this.core.handlePlayhead(this.world.now, this.position_ms, this.buffered_ms);
		this.pump();
		this.load();
	}

	load(): void {
		const { world, core } = this;
		const index = Math.floor(this.buffered_ms / SEGMENT_MS);
		if (this.loading) {
			if (this.loading.own || world.now < this.loading.until_ms) return;
			core.handleUnwanted(this.loading.index);
			return this.own(this.loading.index);
		}
		if (this.buffered_ms - this.position_ms >= 20_000 || index >= SEGMENTS) return;
		if (this.complete.has(index)) return this.append(index);
		if (!core.stats().active || !this.known.has(index)) return this.own(index);
		const spare_ms = this.buffered_ms - this.position_ms - 1_000;
		this.loading = { index, until_ms: world.now + Math.max(4_000, spare_ms), own: false };
		core.handleWanted(world.now, index, world.now + Math.max(0, spare_ms));
		this.pump();
	}

	own(index: number): void {
		const { world, core } = this;
		const loading = (this.loading = { index, until_ms: Infinity, own: true });
		core.handleOwn(world.now, 0, index);
		this.pump();
		this.http(SEGMENT_BYTES, () => {
			this.own_bytes += SEGMENT_BYTES;
			if (this.known.has(index)) for (let slice = 0; slice < SLICES; slice++) this.take('player', index, slice, true);
			core.handleOwnEnd(world.now, 0, index);
			this.pump();
			if (this.loading === loading) this.append(index);
		});
	}

	append(index: number): void {
		this.loading = null;
		this.started = true;
		this.buffered_ms = (index + 1) * SEGMENT_MS;
		this.load();
	}

	take(from: PeerId | 'http' | 'player', index: number, slice: number, valid: boolean): void {
		this.core.handleSlice(this.world.now, from, 0, placeOf(index, 0), slice, valid);
		if (valid && this.known.has(index)) this.here.add(`${index} ${slice}`);
	}

	pump(): void {
		const { world } = this;
		if (this.gone) return;
		for (let output = this.core.pollOutput(); output; output = this.core.pollOutput()) this.perform(output);
		this.largest_cache = Math.max(this.largest_cache, this.core.stats().cached_bytes);
		const due_ms = this.core.pollTimeout(world.now);
		world.wake(this, due_ms);
	}

	perform(output: VodOutput): void {
		const { world } = this;
		switch (output.type) {
			case 'connect':
				world.connect(this, output.peer);
				break;
			case 'disconnect':
			case 'ban':
				if (output.type === 'ban') this.banned.push(output.peer);
				world.disconnect(this, output.peer);
				break;
			case 'send':
				world.send(this, output.peer, output.message);
				break;
			case 'push': {
				const bytes = Math.ceil(SEGMENT_BYTES / SLICES);
				if (this.setting.evil === 'lies') break;
				if (!this.here.has(`${output.place >>> 10} ${output.index}`)) throw new Error('sends what it does not have');
				this.up_free_ms = Math.max(world.now, this.up_free_ms) + bytes / (this.setting.up ?? RATE * 3);
				this.core.handleBuffered(world.now, output.peer, bytes);
				world.at(this.up_free_ms, () => {
					this.core.handleBuffered(world.now, output.peer, 0);
					this.pump();
				});
				world.slice(this, output.peer, this.up_free_ms + LATENCY_MS, output.place >>> 10, output.index, this.setting.evil !== 'spoils');
				break;
			}
			case 'fetch': {
				this.fetching.add(output.id);
				let bytes = 0;
				for (let slice = output.first; slice <= output.last; slice++) bytes += Math.ceil(SEGMENT_BYTES / SLICES);
				this.http(bytes, (took_ms) => {
					this.http_bytes += bytes;
					if (!this.fetching.delete(output.id)) return;
					for (let slice = output.first; slice <= output.last; slice++) this.take('http', output.place >>> 10, slice, true);
					this.core.handleFetched(world.now, output.id, true, took_ms);
					this.pump();
				});
				break;
			}
			case 'abort':
				this.fetching.delete(output.id);
				break;
			case 'manifests':
				world.at(world.now + 60, () => {
					for (let index = output.from; index < output.from + output.count; index++) {
						this.known.add(index);
						this.core.handleManifest({ rendition: 0, place: placeOf(index, 0), size: SEGMENT_BYTES, slices: SLICES });
					}
					this.core.handleManifests(world.now, 0, []);
					this.pump();
				});
				break;
			case 'complete': {
				const index = output.place >>> 10;
				for (let slice = 0; slice < SLICES; slice++) if (!this.here.has(`${index} ${slice}`)) throw new Error('complete, but it is not');
				this.complete.add(index);
				if (this.loading?.index === index && !this.loading.own) this.append(index);
				break;
			}
			case 'failed':
				if (this.loading?.index === output.place >>> 10 && !this.loading.own) this.own(this.loading.index);
				break;
			case 'drop': {
				const index = output.place >>> 10;
				this.known.delete(index);
				this.complete.delete(index);
				for (let slice = 0; slice < SLICES; slice++) this.here.delete(`${index} ${slice}`);
				break;
			}
			case 'active':
				if (!output.active && this.loading && !this.loading.own) this.own(this.loading.index);
				break;
			case 'report':
				world.assign(this);
				break;
		}
	}
}

/** Events in virtual time, links between viewers, and a tracker that names random others. */
class World {
	now = 0;
	readonly viewers: Viewer[] = [];
	readonly pairs = new Set<string>();
	readonly random = random(7);
	#events: { at_ms: number; order: number; run: () => void }[] = [];
	#order = 0;
	#wakes = new Map<Viewer, number>();

	at(at_ms: number, run: () => void): void {
		const event = { at_ms: Math.max(this.now, Math.ceil(at_ms)), order: this.#order++, run };
		let low = 0;
		let high = this.#events.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			const other = this.#events[middle]!;
			if (other.at_ms > event.at_ms || (other.at_ms === event.at_ms && other.order > event.order)) low = middle + 1;
			else high = middle;
		}
		this.#events.splice(low, 0, event);
	}

	wake(viewer: Viewer, due_ms: number): void {
		const known_ms = this.#wakes.get(viewer) ?? Infinity;
		if (due_ms >= known_ms && known_ms > this.now) return;
		this.#wakes.set(viewer, due_ms);
		this.at(due_ms, () => {
			if (this.#wakes.get(viewer) !== due_ms || viewer.gone) return;
			this.#wakes.delete(viewer);
			viewer.core.handleTimeout(this.now);
			viewer.pump();
		});
	}

	add(setting: Setting = {}): Viewer {
		const viewer = new Viewer(this, this.viewers.length, setting);
		this.viewers.push(viewer);
		const step = (): void => {
			if (viewer.gone) return;
			viewer.step(100);
			this.at(this.now + 100, step);
		};
		this.at(setting.join_ms ?? 0, () => {
			viewer.core.handleRendition(this.now, 0, 0, SPANS, RATE);
			for (const other of this.viewers) this.assign(other);
			step();
		});
		return viewer;
	}

	assign(viewer: Viewer): void {
		if ((viewer.setting.join_ms ?? 0) > this.now || viewer.gone) return;
		const others = this.viewers.filter((other) => other !== viewer && !other.gone && (other.setting.join_ms ?? 0) <= this.now);
		viewer.core.handleAssign(this.now, others.map((other) => other.id));
		viewer.pump();
	}

	#find(peer: PeerId): Viewer {
		return this.viewers.find((viewer) => viewer.id === peer)!;
	}

	#pair(a: PeerId, b: PeerId): string {
		return a < b ? `${a} ${b}` : `${b} ${a}`;
	}

	connect(from: Viewer, peer: PeerId): void {
		const to = this.#find(peer);
		this.at(this.now + 200, () => {
			const pair = this.#pair(from.id, peer);
			if (from.gone) return;
			if (to.gone || this.pairs.has(pair)) {
				if (to.gone) from.core.handlePeerClose(this.now, peer);
			} else {
				this.pairs.add(pair);
				from.core.handlePeerOpen(this.now, peer);
				to.core.handlePeerOpen(this.now, from.id);
				to.pump();
			}
			from.pump();
		});
	}

	disconnect(from: Viewer, peer: PeerId): void {
		const to = this.#find(peer);
		if (!this.pairs.delete(this.#pair(from.id, peer))) return;
		this.at(this.now + LATENCY_MS, () => {
			if (to.gone) return;
			to.core.handlePeerClose(this.now, from.id);
			to.pump();
		});
	}

	send(from: Viewer, peer: PeerId, message: Message): void {
		const to = this.#find(peer);
		this.at(this.now + LATENCY_MS, () => {
			if (to.gone || !this.pairs.has(this.#pair(from.id, peer))) return;
			to.core.handleMessage(this.now, from.id, message);
			to.pump();
		});
	}

	slice(from: Viewer, peer: PeerId, at_ms: number, index: number, slice: number, valid: boolean): void {
		const to = this.#find(peer);
		this.at(at_ms, () => {
			if (to.gone || !this.pairs.has(this.#pair(from.id, peer))) return;
			if (to.core.expects(from.id, 0, placeOf(index, 0), slice)) {
				to.take(from.id, index, slice, valid || to.here.has(`${index} ${slice}`));
			} else to.core.handleUnasked(this.now, from.id, SEGMENT_BYTES / SLICES);
			to.pump();
		});
	}

	/** A closed tab; the others hear of it after `heard_ms`. */
	remove(viewer: Viewer, heard_ms = 0): void {
		viewer.gone = true;
		for (const other of this.viewers) {
			if (other === viewer) continue;
			const pair = this.#pair(viewer.id, other.id);
			if (!this.pairs.has(pair)) continue;
			this.at(this.now + heard_ms, () => {
				this.pairs.delete(pair);
				other.core.handlePeerClose(this.now, viewer.id);
				other.pump();
			});
		}
	}

	run(until_ms: number): void {
		for (let event = this.#events.at(-1); event && event.at_ms <= until_ms; event = this.#events.at(-1)) {
			this.#events.pop();
			this.now = event.at_ms;
			event.run();
		}
		this.now = until_ms;
	}

	/** The server's share of all bytes that came to viewers. */
	share(viewers = this.viewers): number {
		const sum = (of: (viewer: Viewer) => number): number => viewers.reduce((total, viewer) => total + of(viewer), 0);
		const http = sum((viewer) => viewer.http_bytes + viewer.own_bytes);
		return http / (http + sum((viewer) => viewer.core.stats().p2p_bytes));
	}

	get stalled_ms(): number[] {
		return this.viewers.map((viewer) => viewer.stalled_ms);
	}
}

describe('twelve viewers about the same place', () => {
	it('take little from the server, and never wait', () => {
		const world = new World();
		for (let i = 0; i < 12; i++) world.add({ position_ms: i * 1_500, join_ms: i * 700 });
		world.run(120_000);
		expect(world.stalled_ms).toEqual(Array(12).fill(0));
		expect(world.share()).toBeLessThan(0.35);
		for (const viewer of world.viewers) {
			expect(viewer.position_ms).toBeGreaterThan(100_000);
			expect(viewer.core.stats().banned).toBe(0);
			expect(viewer.largest_cache).toBeLessThanOrEqual(CACHE_BYTES + SEGMENT_BYTES);
		}
		console.info(`server's share ${world.share()}`, world.viewers.map((viewer) => viewer.core.stats()));
	});
});
