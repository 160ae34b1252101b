import { describe, expect, it, vi } from 'vitest';
import type { Message } from '../src/core/types';
import { placeOf, sliceCount } from '../src/wire';
import { CACHE_BYTES, keyOf, rankOf, VodCore, type PeerId, type Span, type VodOutput } from '../src/vod/core';

// Minutes of a dozen viewers, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

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
		this.largest_cache = Math.max(this.largest_cache, this.core.stats().cached_bytes);
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
			// As the transport does: no pair with whom either has banned.
			const refused = to.gone || to.banned.includes(from.id) || from.banned.includes(peer);
			if (refused) {
				from.core.handlePeerClose(this.now, peer);
			} else if (!this.pairs.has(pair)) {
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
	});
});

describe('a swarm of a recording', () => {
	it('helps whoever starts at the beginning while others are far ahead of each other', () => {
		const world = new World();
		for (let i = 0; i < 12; i++) world.add({ position_ms: 0, join_ms: i * 9_000 });
		world.run(160_000);
		expect(world.stalled_ms).toEqual(Array(12).fill(0));
		expect(world.share()).toBeLessThan(0.4);
	});

	it('does without those that claim what they do not send, and asks them less and less', () => {
		const world = new World();
		for (let i = 0; i < 12; i++) world.add({ position_ms: i * 1_000, join_ms: i * 500, ...(i % 4 === 1 ? { evil: 'lies' } : {}) });
		world.run(120_000);
		expect(world.stalled_ms).toEqual(Array(12).fill(0));
		const honest = world.viewers.filter((viewer) => !viewer.setting.evil);
		expect(world.share(honest)).toBeLessThan(0.5);
		// Nobody is banned for being slow.
		expect(honest.flatMap((viewer) => viewer.banned)).toEqual([]);
		const before = honest.map((viewer) => viewer.core.stats().failovers);
		world.run(240_000);
		const later = honest.map((viewer, i) => viewer.core.stats().failovers - before[i]!);
		const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);
		expect(sum(later)).toBeLessThan(sum(before));
	});

	it('bans who sends wrong bytes, at once and alone', () => {
		const world = new World();
		for (let i = 0; i < 8; i++) world.add({ position_ms: i * 1_000, join_ms: i * 500, ...(i === 2 ? { evil: 'spoils' } : {}) });
		world.run(90_000);
		expect(world.stalled_ms).toEqual(Array(8).fill(0));
		const spoiler = world.viewers[2]!;
		for (const viewer of world.viewers) expect(viewer.banned).toEqual(viewer === spoiler || viewer.banned.length === 0 ? [] : [spoiler.id]);
		expect(world.viewers.filter((viewer) => viewer.banned.length > 0).length).toBeGreaterThan(3);
	});

	it('goes on when half of the viewers vanish without a word', () => {
		const world = new World();
		for (let i = 0; i < 10; i++) world.add({ position_ms: i * 1_500, join_ms: i * 500 });
		world.run(50_000);
		for (const viewer of world.viewers.slice(0, 5)) world.remove(viewer, 20_000);
		world.run(110_000);
		const left = world.viewers.slice(5);
		expect(left.map((viewer) => viewer.stalled_ms)).toEqual(Array(5).fill(0));
		expect(world.share(left)).toBeLessThan(0.6);
	});

	it('gives what is under the playhead at once after a seek, and goes on from others', () => {
		const world = new World();
		for (let i = 0; i < 8; i++) world.add({ position_ms: 60_000 + i * 2_000, join_ms: i * 500 });
		const late = world.add({ position_ms: 300_000, join_ms: 1_000 });
		world.run(60_000);
		const stats = late.core.stats();
		late.seek(70_000);
		world.run(61_500);
		expect(late.position_ms).toBeGreaterThan(70_000);
		expect(late.stalled_ms).toBeLessThanOrEqual(1_000);
		const stalled_ms = late.stalled_ms;
		world.run(120_000);
		expect(late.stalled_ms).toBe(stalled_ms);
		const now = late.core.stats();
		const p2p_bytes = now.p2p_bytes - stats.p2p_bytes;
		expect(p2p_bytes).toBeGreaterThan(3 * (now.http_bytes - stats.http_bytes));
	});

	it('is told of and serves nothing by who does not upload', () => {
		const world = new World();
		for (let i = 0; i < 6; i++) world.add({ position_ms: i * 1_000, join_ms: i * 500, upload: i > 0 });
		world.run(60_000);
		expect(world.viewers[0]!.core.stats().upload_bytes).toBe(0);
		expect(world.viewers[0]!.core.stats().p2p_bytes).toBeGreaterThan(0);
		expect(world.stalled_ms).toEqual(Array(6).fill(0));
	});

	it('sends no faster than the ceiling, and less on a thin uplink', () => {
		const world = new World();
		// One that has everything, and many that want it.
		for (let i = 0; i < 8; i++) world.add({ position_ms: i === 0 ? 30_000 : 0, join_ms: i === 0 ? 0 : 20_000, ...(i === 1 ? { up: RATE / 4 } : {}) });
		world.run(80_000);
		for (const viewer of world.viewers) expect(viewer.core.stats().upload_bytes).toBeLessThan(80_000 * RATE * 2.1);
		// A quarter of the stream's rate is all that this one has.
		expect(world.viewers[1]!.core.stats().upload_bytes).toBeLessThan(60_000 * RATE * 0.5);
		expect(world.stalled_ms).toEqual(Array(8).fill(0));
	});
});

describe('one peer', () => {
	const other = id(1);
	const hello: Message = { type: 'hello', slots: 0, newest: 0 };
	const outputs = (core: VodCore): VodOutput[] => {
		const all: VodOutput[] = [];
		for (let output = core.pollOutput(); output; output = core.pollOutput()) all.push(output);
		return all;
	};
	const full = (slices: number): Uint8Array => new Uint8Array(Math.ceil(slices / 8)).fill(255);
	const place = (index: number): number => placeOf(index, 0);

	/** In company of `other`, with manifests of the first fifty segments. */
	function peer(spans: Span[] = SPANS, size = SEGMENT_BYTES): VodCore {
		const core = new VodCore({ peer: id(0), upload: true, ceiling_tenths: 20 });
		core.handleRendition(0, 0, 0, spans, RATE);
		core.handlePlayhead(0, 0, 20_000);
		core.handleAssign(0, [other]);
		core.handlePeerOpen(0, other);
		core.handleMessage(0, other, hello);
		for (let index = 0; index < 50; index++) core.handleManifest({ rendition: 0, place: place(index), size, slices: sliceCount(size, 4) });
		core.handleManifests(0, 0, []);
		return core;
	}
	const own = (core: VodCore, index: number, slices = SLICES): void => {
		core.handleOwn(0, 0, index);
		for (let slice = 0; slice < slices; slice++) core.handleSlice(0, 'player', 0, place(index), slice, true);
		core.handleOwnEnd(0, 0, index);
	};

	it('tells what it holds when a pair opens, and what it gets and drops from then on', () => {
		const core = peer();
		own(core, 10);
		own(core, 11);
		outputs(core);
		const third = id(2);
		core.handlePeerOpen(1, third);
		const sent = outputs(core).filter((output) => output.type === 'send' && output.peer === third);
		expect(sent.map((output) => output.type === 'send' && output.message.type)).toEqual(['hello', 'have']);
		expect(sent[1]).toMatchObject({ message: { parts: [{ place: place(10) }, { place: place(11) }] } });
		own(core, 12);
		expect(outputs(core)).toContainEqual(expect.objectContaining({ type: 'send', peer: other, message: expect.objectContaining({ type: 'have' }) }));
	});

	it('answers requests for what is not there with a HAVE without bits, and a subscription with a REJECT', () => {
		const core = peer();
		outputs(core);
		core.handleMessage(1, other, { type: 'request', rendition: 0, place: place(12), slices: SLICES, bits: full(SLICES) });
		core.handleMessage(1, other, { type: 'subscribe', rendition: 0, stripe: 1, from: 0, manifests: true });
		expect(outputs(core)).toEqual([
			{ type: 'send', peer: other, message: { type: 'have', rendition: 0, parts: [{ place: place(12), slices: SLICES, bits: new Uint8Array(Math.ceil(SLICES / 8)) }] } },
			{ type: 'send', peer: other, message: { type: 'reject', rendition: 0, stripe: 1, reason: 4, alternatives: [] } }
		]);
	});

	it('does not answer a flood of requests for what is not there', () => {
		const core = peer();
		outputs(core);
		for (let i = 0; i < 1_000; i++) core.handleMessage(1, other, { type: 'request', rendition: 3, place: i, slices: 1, bits: full(1) });
		expect(outputs(core).length).toBeLessThan(50);
	});

	it('sends what was asked for in that order, and not what was taken back', () => {
		const core = peer();
		own(core, 10);
		outputs(core);
		core.handleMessage(1, other, { type: 'request', rendition: 0, place: place(10), slices: SLICES, bits: Uint8Array.of(0b1111, 0) });
		core.handleMessage(1, other, { type: 'cancel', rendition: 0, place: place(10), slices: SLICES, bits: Uint8Array.of(0b0100, 0) });
		const sent: number[] = [];
		for (let now = 1; now < 20_000; now += 50) {
			for (const output of outputs(core)) if (output.type === 'push') sent.push(output.index);
			core.handleBuffered(now, other, 0);
			core.handleTimeout(now);
		}
		expect(sent).toEqual([0, 1, 3]);
		expect(core.stats().upload_bytes).toBeGreaterThan(60_000);
	});

	it('asks nobody for what a HAVE with other slices names, and no more for what was dropped', () => {
		const core = peer();
		outputs(core);
		core.handleMessage(1, other, { type: 'have', rendition: 0, parts: [{ place: place(12), slices: SLICES + 1, bits: full(SLICES + 1) }] });
		core.handleMessage(1, other, { type: 'have', rendition: 0, parts: [{ place: place(13), slices: SLICES, bits: Uint8Array.of(1, 0) }] });
		const requests = (): VodOutput[] => outputs(core).filter((output) => output.type === 'send' && output.message.type === 'request');
		core.handleTimeout(300);
		expect(requests()).toEqual([]);
		core.handleMessage(301, other, { type: 'have', rendition: 0, parts: [{ place: place(14), slices: SLICES, bits: full(SLICES) }] });
		core.handleTimeout(core.pollTimeout(302));
		expect(requests()).toHaveLength(1);
		core.handleMessage(400, other, { type: 'have', rendition: 0, parts: [{ place: place(14), slices: SLICES, bits: new Uint8Array(2) }] });
		expect(core.stats().givers).toBe(0);
	});

	it('takes back what lies outside of the window after a seek', () => {
		const core = peer();
		for (const index of [12, 13]) core.handleMessage(1, other, { type: 'have', rendition: 0, parts: [{ place: place(index), slices: SLICES, bits: full(SLICES) }] });
		core.handleTimeout(300);
		expect(core.stats().givers).toBe(1);
		outputs(core);
		core.handlePlayhead(302, 400_000, 400_000);
		const types = outputs(core).map((output) => (output.type === 'send' ? output.message.type : output.type));
		expect(types).toContain('cancel');
		expect(types).toContain('manifests');
		expect(core.stats().givers).toBe(0);
	});

	it('gives up what it cannot fetch, so that the player does', () => {
		const core = peer();
		core.handlePlayhead(1, 0, 0);
		outputs(core);
		core.handleWanted(2, 10, 2);
		const fetch = outputs(core).find((output) => output.type === 'fetch' && output.place === place(10));
		if (fetch?.type !== 'fetch') throw new Error('no fetch');
		core.handleFetched(100, fetch.id, false, 98);
		expect(outputs(core)).toContainEqual({ type: 'failed', rendition: 0, place: place(10) });
	});

	it('leaves to the player what the player fetches', () => {
		const core = peer();
		for (const index of [12, 13]) core.handleMessage(1, other, { type: 'have', rendition: 0, parts: [{ place: place(index), slices: SLICES, bits: full(SLICES) }] });
		core.handleTimeout(300);
		outputs(core);
		for (const index of [12, 13]) core.handleOwn(302, 0, index);
		expect(outputs(core)).toContainEqual(expect.objectContaining({ message: expect.objectContaining({ type: 'cancel' }) }));
		expect(core.stats().givers).toBe(0);
		for (let now = 500; now < 5_000; now += 250) core.handleTimeout(now);
		expect(core.stats().givers).toBe(0);
		expect(outputs(core).filter((output) => output.type === 'fetch' && [place(12), place(13)].includes(output.place))).toEqual([]);
	});

	it('keeps no more than its cache holds, nearest to the playhead, and drops what is behind first', () => {
		const size = 4_000_000;
		const slices = sliceCount(size, 4);
		const spans = SPANS.map((span) => ({ ...span, size }));
		const core = peer(spans, size);
		outputs(core);
		for (let index = 0; index < 20; index++) {
			core.handlePlayhead(0, index * SEGMENT_MS, index * SEGMENT_MS);
			core.handleManifest({ rendition: 0, place: place(index), size, slices });
			own(core, index, slices);
			expect(core.stats().cached_bytes).toBeLessThanOrEqual(CACHE_BYTES);
		}
		const dropped = outputs(core).flatMap((output) => (output.type === 'drop' && output.place < place(20) ? [output.place >>> 10] : []));
		expect(dropped).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
	});

	it('drops whoever sends again and again what nobody asked for', () => {
		const core = peer();
		outputs(core);
		for (let i = 0; i < 100; i++) core.handleUnasked(1, other, 1_000);
		expect(outputs(core)).toContainEqual({ type: 'ban', peer: other });
	});

	it('remembers no more of what others claim than a cache could hold', () => {
		const core = peer();
		for (let index = 0; index < 100_000; index += 50) {
			const parts = Array.from({ length: 50 }, (_, i) => ({ place: place(index + i), slices: 1, bits: full(1) }));
			core.handleMessage(1, other, { type: 'have', rendition: 5, parts });
		}
		core.handleMessage(1, other, { type: 'have', rendition: 0, parts: [{ place: place(12), slices: SLICES, bits: full(SLICES) }] });
		core.handleTimeout(300);
		// It has told too much: what it says now is not kept.
		expect(outputs(core).some((output) => output.type === 'send' && output.message.type === 'request')).toBe(false);
	});
});

it('survives any order of inputs, and stays small', () => {
	const rand = random(11);
	const number = (below: number): number => Math.floor(rand() * below);
	const core = new VodCore({ peer: id(0), upload: true, ceiling_tenths: 20 });
	let now = 0;
	const fetches: number[] = [];
	const place = (): number => placeOf(number(60), rand() < 0.05 ? number(9) : 0);
	const bits = (slices: number): Uint8Array => Uint8Array.from({ length: Math.ceil(slices / 8) }, () => (rand() < 0.7 ? 255 : number(256)));
	const part = (): { place: number; slices: number; bits: Uint8Array } => {
		const slices = rand() < 0.8 ? SLICES : number(256);
		return { place: place(), slices, bits: bits(slices) };
	};
	const inputs: (() => void)[] = [
		() => core.handleRendition(now, number(2), number(3) === 0 ? 5 : 0, rand() < 0.1 ? [] : SPANS, RATE),
		() => core.handleNoRendition(now),
		() => core.handlePlayhead(now, rand() < 0.1 ? null : number(120_000), number(140_000)),
		() => core.handleWanted(now, number(60), now + number(20_000)),
		() => core.handleUnwanted(number(60)),
		() => core.handleOwn(now, number(2), number(60)),
		() => core.handleOwnEnd(now, number(2), number(60)),
		() => core.handleManifests(now, number(2), rand() < 0.5 ? null : [number(60)]),
		() => core.handleSlice(now, rand() < 0.3 ? 'http' : rand() < 0.3 ? 'player' : id(1 + number(30)), number(2), place(), number(SLICES), rand() < 0.98),
		() => core.handleUnasked(now, id(1 + number(30)), 100),
		() => core.handleFetched(now, fetches.pop() ?? number(99), rand() < 0.7, number(3_000)),
		() => core.handleAssign(now, Array.from({ length: number(30) }, () => id(number(40)))),
		() => core.handlePeerOpen(now, id(1 + number(60))),
		() => core.handlePeerClose(now, id(1 + number(60))),
		() => core.handleMessage(now, id(1 + number(60)), { type: 'hello', slots: 0, newest: 0 }),
		() => core.handleMessage(now, id(1 + number(60)), { type: 'have', rendition: number(2), parts: [part(), part()] }),
		() => core.handleMessage(now, id(1 + number(60)), { type: 'request', rendition: number(2), ...part() }),
		() => core.handleMessage(now, id(1 + number(60)), { type: 'cancel', rendition: number(2), ...part() }),
		() => core.handleMessage(now, id(1 + number(60)), { type: 'bye' }),
		() => core.handleBuffered(now, id(1 + number(60)), number(2) * 1_000),
		() => core.handleTimeout(now)
	];
	for (let step = 0; step < 20_000; step++) {
		now += number(200);
		if (rand() < 0.3) core.handleManifest({ rendition: number(2), place: placeOf(number(60), 0), size: SEGMENT_BYTES, slices: SLICES });
		inputs[number(inputs.length)]!();
		let outputs = 0;
		for (let output = core.pollOutput(); output; output = core.pollOutput()) {
			if (output.type === 'fetch') fetches.push(output.id);
			expect(++outputs).toBeLessThan(2_000);
		}
		fetches.splice(0, fetches.length - 20);
		const { cached_bytes, peers } = core.stats();
		expect(cached_bytes).toBeGreaterThanOrEqual(0);
		expect(cached_bytes).toBeLessThanOrEqual(CACHE_BYTES);
		expect(peers).toBeLessThanOrEqual(24);
		expect(core.pollTimeout(now)).toBeGreaterThanOrEqual(now);
	}
});

it('gives each place another order of peers', () => {
	const first = Array.from({ length: 200 }, (_, index) => [1, 2, 3, 4].sort((a, b) => rankOf(a, placeOf(index, 0)) - rankOf(b, placeOf(index, 0)))[0]);
	for (const peer of [1, 2, 3, 4]) expect(first.filter((one) => one === peer).length).toBeGreaterThan(20);
	expect(keyOf(1, 0)).toBeGreaterThan(keyOf(0, 2 ** 22 - 1));
});
