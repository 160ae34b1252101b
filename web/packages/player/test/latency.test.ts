import { describe, expect, it } from 'vitest';
import { EdgeClock, LatencyController, MAX_RATE, MIN_RATE, SWARM_TARGET_S, TARGET_S, type Range } from '../src/latency';

const PART_S = 0.2;

/**
 * A viewer in virtual time: parts arrive each 200 ms after `delay_ms`, the playhead moves at the controller's rate
 * and stops where the buffer ends.
 */
class Viewer {
	now_ms = 10_000;
	edge = new EdgeClock();
	position_s: number;
	buffered: Range[];
	rate = 1;
	rates: number[] = [];
	seeks: number[] = [];
	stalls = 0;
	floor_s = 0;
	#produced_s: number;
	#starved = false;

	constructor(
		readonly control: LatencyController,
		behind_s: number,
		private readonly delay_ms: (part: number) => number = () => 20
	) {
		this.#produced_s = this.now_ms / 1000;
		this.position_s = this.#produced_s - behind_s;
		this.buffered = [{ start: this.position_s - 1, end: this.#produced_s }];
		this.edge.add(this.now_ms, this.#produced_s);
		control.handleStart(this.now_ms, behind_s);
	}

	get latency_s(): number {
		return this.now_ms / 1000 - this.position_s;
	}

	run(seconds: number): void {
		for (let i = 0; i < seconds * 100; i++) {
			this.now_ms += 10;
			const part = Math.round(this.#produced_s / PART_S);
			if (this.now_ms >= (this.#produced_s + PART_S) * 1000 + this.delay_ms(part)) {
				this.#produced_s += PART_S;
				this.edge.add(this.now_ms, this.#produced_s);
				this.buffered.at(-1)!.end = this.#produced_s;
			}
			const end = this.buffered.find((range) => range.start <= this.position_s + 0.01 && this.position_s <= range.end)?.end ?? this.position_s;
			const next = Math.min(end, this.position_s + 0.01 * this.rate);
			const dry = this.rate > 0 && next - this.position_s < 0.001;
			if (dry && !this.#starved) {
				this.stalls++;
				this.control.handleStall(this.now_ms);
			}
			this.#starved = dry;
			this.position_s = next;
			if (i % 10 !== 0) continue;
			const live_s = this.edge.live(this.now_ms)!;
			this.control.setFloor(this.now_ms, this.floor_s);
			const decision = this.control.decide({
				now_ms: this.now_ms,
				position_s: this.position_s,
				live_s,
				buffered: this.buffered,
				moving: !this.#starved,
				starved: this.#starved
			});
			this.rate = decision.rate;
			this.rates.push(decision.rate);
			if (decision.seek_s !== null) {
				expect(this.buffered.some((range) => range.start <= decision.seek_s! && decision.seek_s! < range.end)).toBe(true);
				this.position_s = decision.seek_s;
				this.seeks.push(decision.seek_s);
			}
		}
	}
}

describe('the live edge', () => {
	it('goes by the fastest delivery of late', () => {
		const edge = new EdgeClock();
		edge.add(10_000, 100);
		edge.add(10_500, 100.2);
		expect(edge.live(11_000)).toBeCloseTo(101);
		edge.add(10_550, 100.6);
		expect(edge.live(11_000)).toBeCloseTo(101.05);
	});

	it('does not believe a playlist that brings nothing new', () => {
		const edge = new EdgeClock();
		edge.add(10_000, 100);
		edge.add(15_000, 100);
		expect(edge.live(15_000)).toBeCloseTo(105);
		expect(edge.age_ms(15_000)).toBe(5_000);
	});

	it('begins again on another timeline', () => {
		const edge = new EdgeClock();
		edge.add(10_000, 1000);
		edge.add(10_200, 5);
		edge.add(10_400, 5.2);
		expect(edge.live(10_400)).toBeCloseTo(5.2);
		expect(new EdgeClock().live(0)).toBeNull();
	});
});

describe('the latency controller', () => {
	it('holds the target without flutter and without stalls for five minutes', () => {
		const viewer = new Viewer(new LatencyController(1.0), 1.0, (part) => 20 + ((part * 7919) % 100));
		viewer.run(300);
		expect(viewer.stalls).toBe(0);
		expect(viewer.latency_s).toBeGreaterThan(0.8);
		expect(viewer.latency_s).toBeLessThan(1.15);
		let changes = 0;
		for (let i = 1; i < viewer.rates.length; i++) if (viewer.rates[i] !== viewer.rates[i - 1]) changes++;
		expect(changes).toBeLessThan(60);
	});

	it('catches up on a small debt by rate alone, never beyond 1.1', () => {
		const viewer = new Viewer(new LatencyController(1.0), 1.35);
		viewer.run(10);
		expect(viewer.seeks).toEqual([]);
		expect(Math.max(...viewer.rates)).toBeLessThanOrEqual(MAX_RATE);
		expect(Math.max(...viewer.rates)).toBeGreaterThan(1.04);
		expect(viewer.latency_s).toBeLessThan(1.1);
	});

	it('drifts to the distance of a swarm and back by rate alone, without a stall', () => {
		const control = new LatencyController(TARGET_S[1]);
		const viewer = new Viewer(control, TARGET_S[1]);
		viewer.run(5);
		viewer.floor_s = SWARM_TARGET_S[1];
		viewer.run(20);
		expect(viewer.latency_s).toBeGreaterThan(1.5);
		expect(viewer.latency_s).toBeLessThan(1.7);
		expect(Math.min(...viewer.rates)).toBeGreaterThanOrEqual(MIN_RATE);
		viewer.floor_s = 0;
		viewer.run(20);
		expect(viewer.latency_s).toBeLessThan(1.05);
		expect(Math.max(...viewer.rates)).toBeLessThanOrEqual(MAX_RATE);
		expect(viewer.seeks).toEqual([]);
		expect(viewer.stalls).toBe(0);
	});

	it('keeps the distance of a swarm after stalls before it, and moves on from there after stalls in it', () => {
		const control = new LatencyController(0.95);
		control.handleStall(0);
		expect(control.target(0)).toBeCloseTo(1.2);
		control.setFloor(0, 1.6);
		expect(control.target(0)).toBeCloseTo(1.6);
		control.handleStall(0);
		expect(control.target(0)).toBeCloseTo(1.85);
		for (let i = 0; i < 20; i++) control.handleStall(0);
		expect(control.target(0)).toBeCloseTo(2.95);
		expect(control.target(30_000 * 40)).toBeCloseTo(1.6);
		control.setFloor(30_000 * 40, 0);
		expect(control.target(30_000 * 40)).toBeCloseTo(0.95);
	});

	it('leaves a swarm without a jump, though the page froze for a moment just then', () => {
		const viewer = new Viewer(new LatencyController(TARGET_S[1]), SWARM_TARGET_S[1]);
		viewer.floor_s = SWARM_TARGET_S[1];
		viewer.run(10);
		viewer.floor_s = 0;
		viewer.run(0.1);
		viewer.position_s -= 0.4;
		viewer.run(20);
		expect(viewer.seeks).toEqual([]);
		expect(viewer.stalls).toBe(0);
		expect(viewer.latency_s).toBeLessThan(1.1);
	});

	it('jumps over a large debt, to where there is data', () => {
		const viewer = new Viewer(new LatencyController(1.0), 6);
		viewer.run(3);
		expect(viewer.seeks.length).toBe(1);
		expect(viewer.latency_s).toBeLessThan(1.2);
		expect(viewer.stalls).toBe(0);
	});

	it('does not jump when the data is not there', () => {
		const control = new LatencyController(1.0);
		const decision = control.decide({
			now_ms: 100_000,
			position_s: 90,
			live_s: 100,
			buffered: [{ start: 85, end: 90.5 }],
			moving: true,
			starved: false
		});
		expect(decision.seek_s).toBeNull();
	});

	it('holds the first picture of a live that has just begun', () => {
		const viewer = new Viewer(new LatencyController(1.0), 0.2);
		viewer.run(0.4);
		expect(viewer.rates.every((rate) => rate === 0)).toBe(true);
		viewer.run(60);
		expect(viewer.stalls).toBe(0);
		expect(viewer.latency_s).toBeGreaterThan(0.7);
	});

	it('falls back to the target at no less than 0.95', () => {
		const viewer = new Viewer(new LatencyController(1.0), 0.7);
		viewer.run(20);
		expect(Math.min(...viewer.rates)).toBeGreaterThanOrEqual(MIN_RATE);
		expect(viewer.latency_s).toBeGreaterThan(0.9);
	});

	it('never speeds up with hardly anything ahead', () => {
		const control = new LatencyController(1.0);
		const decision = control.decide({
			now_ms: 100_000,
			position_s: 98.5,
			live_s: 100,
			buffered: [{ start: 90, end: 98.7 }],
			moving: true,
			starved: false
		});
		expect(decision.rate).toBe(1);
	});

	it('crosses a hole to the next data, also when the browser says only "starved"', () => {
		const control = new LatencyController(1.0);
		const decision = control.decide({
			now_ms: 100_000,
			position_s: 90,
			live_s: 100,
			buffered: [
				{ start: 80, end: 90 },
				{ start: 97, end: 99.8 }
			],
			moving: false,
			starved: true
		});
		expect(decision.seek_s).toBeCloseTo(99);
	});

	it('leaves the last frames of a run behind that the decoder does not put out', () => {
		const control = new LatencyController(1.0);
		const playhead = { now_ms: 100_000, position_s: 89.87, live_s: 100, moving: false, starved: true };
		const before = { start: 80, end: 90 };
		expect(control.decide({ ...playhead, buffered: [before] }).seek_s).toBeNull();
		expect(control.decide({ ...playhead, buffered: [before, { start: 97, end: 99.8 }] }).seek_s).toBeCloseTo(99);
	});

	it('keeps more distance after stalls and forgets them', () => {
		const control = new LatencyController(1.0);
		control.handleStall(1_000);
		control.handleStall(2_000);
		expect(control.target(3_000)).toBeCloseTo(1.5);
		for (let i = 0; i < 100; i++) control.handleStall(4_000);
		expect(control.target(5_000)).toBeCloseTo(3.0);
		expect(control.target(4_000 + 30_000)).toBeCloseTo(2.9);
		expect(control.target(4_000 + 3_600_000)).toBe(1.0);
	});

	it('settles behind a link that delivers in bursts instead of stalling on and on', () => {
		// Every tenth part is 1.2 s late.
		const viewer = new Viewer(new LatencyController(1.0), 1.0, (part) => (part % 10 === 0 ? 1_200 : 20));
		viewer.run(60);
		const before = viewer.stalls;
		expect(before).toBeGreaterThan(0);
		viewer.run(20);
		expect(viewer.stalls - before).toBeLessThanOrEqual(1);
	});
});
