import { describe, expect, it } from 'vitest';
import { RenditionControl, type Facts } from '../src/rendition';

/** 240p (below what is shared), 360p, 720p, 1080p. */
const LADDER = [250_000, 800_000, 2_500_000, 5_000_000];
const PART_S = 0.2;
/** From the end of a part to when a parent has it. */
const LAG_S = 0.3;
/** Distance from the edge, as in a swarm. */
const DISTANCE_S = 1.6;
/** From a step to when the stripes of the new rendition flow. */
const JOIN_MS = 3_000;

/** A viewer with a downlink, in virtual time: parts queue on the link, playback runs behind the edge, stalls, and waits. */
class Viewer {
	readonly control = new RenditionControl();
	now_ms = 0;
	link_bps: number;
	level: number;
	facts: Partial<Facts> = {};
	/** `[second, level]` of each step */
	steps: [number, number][] = [];
	probes: number[] = [];
	stalls = 0;
	held = false;
	#part = 0;
	#free_s = 0;
	#active_at_ms = 0;
	#arrivals: { at_s: number; end_s: number }[] = [];
	#behind_s = DISTANCE_S;
	#end_s = 0;
	#dry = false;

	constructor(link_bps: number, level: number) {
		this.link_bps = link_bps;
		this.level = level;
	}

	get #rate(): number {
		return LADDER[this.level] ?? 0;
	}

	run(seconds: number): this {
		const until_ms = this.now_ms + seconds * 1000;
		while (this.now_ms < until_ms) this.#tick();
		return this;
	}

	#tick(): void {
		this.now_ms += 100;
		const now_s = this.now_ms / 1000;
		for (; (this.#part + 1) * PART_S + LAG_S <= now_s; this.#part++) {
			const end_s = (this.#part + 1) * PART_S;
			this.#free_s = Math.max(this.#free_s, end_s + LAG_S) + (PART_S * this.#rate) / this.link_bps;
			this.#arrivals.push({ at_s: this.#free_s, end_s });
		}
		while (this.#arrivals[0] && this.#arrivals[0].at_s <= now_s) {
			const { end_s } = this.#arrivals.shift()!;
			this.control.handlePart(this.now_ms, Math.max(0, this.#end_s - (now_s - this.#behind_s)));
			this.#end_s = end_s;
		}
		const ahead_s = this.#end_s - (now_s - this.#behind_s);
		if (ahead_s < 0) {
			this.#behind_s += 0.1;
			if (!this.#dry && now_s > 5) {
				this.stalls++;
				this.control.handleStall(this.now_ms);
			}
		} else if (this.#behind_s > DISTANCE_S) {
			this.#behind_s -= 0.005;
		}
		this.#dry = ahead_s < 0;
		const active = this.now_ms >= this.#active_at_ms && this.#rate >= 300_000;
		const decision = this.control.decide(this.now_ms, {
			active,
			wanted: true,
			automatic: true,
			level: this.level,
			cap: LADDER.length - 1,
			bitrates_bps: LADDER,
			...this.facts
		});
		this.held = decision.level !== null;
		if (decision.level !== null && decision.level !== this.level) {
			this.level = decision.level;
			this.steps.push([Math.round(now_s), this.level]);
			this.#active_at_ms = this.now_ms + JOIN_MS;
			// What waited for the old one is not fetched any more.
			this.#arrivals = [];
			this.#free_s = now_s;
		}
		if (decision.probe_bps !== null) {
			this.probes.push(Math.round(now_s));
			const spare_bps = Math.max(this.link_bps - this.#rate, this.link_bps / 2);
			const { probe_bps } = decision;
			const answer_ms = this.now_ms + 500;
			// Half a second at that rate; the stream waits meanwhile.
			this.#free_s = Math.max(this.#free_s, now_s) + 0.25;
			this.#later = { at_ms: answer_ms, run: () => this.control.handleProbe(answer_ms, spare_bps >= probe_bps) };
		}
		if (this.#later && this.now_ms >= this.#later.at_ms) {
			this.#later.run();
			this.#later = null;
		}
	}

	#later: { at_ms: number; run: () => void } | null = null;
}

describe('the rendition in a swarm', () => {
	it('stays while parts come with a margin, and takes nothing from the server at the top', () => {
		const viewer = new Viewer(20_000_000, 3).run(600);
		expect(viewer.steps).toEqual([]);
		expect(viewer.probes).toEqual([]);
		expect(viewer.held).toBe(true);
	});

	it('goes down when the link does not carry it, and stays there', () => {
		const viewer = new Viewer(2_000_000, 2).run(1_800);
		expect(viewer.steps.map(([, level]) => level)).toEqual([1]);
		expect(viewer.stalls).toBeLessThanOrEqual(1);
		// Half an hour: at first after half a minute, then less and less often.
		expect(viewer.probes.length).toBeGreaterThan(3);
		expect(viewer.probes.length).toBeLessThan(9);
		const waits = viewer.probes.slice(1).map((at_s, i) => at_s - (viewer.probes[i] ?? 0));
		expect(waits).toEqual([...waits].sort((a, b) => a - b));
	});

	it('goes down several steps, one after the other', () => {
		const viewer = new Viewer(1_200_000, 3).run(60);
		expect(viewer.steps.map(([, level]) => level)).toEqual([2, 1]);
	});

	it('comes up again when the link recovers', () => {
		const viewer = new Viewer(1_200_000, 2).run(100);
		expect(viewer.level).toBe(1);
		viewer.link_bps = 20_000_000;
		viewer.run(200);
		expect(viewer.level).toBe(3);
		const { stalls } = viewer;
		viewer.run(600);
		expect(viewer.level).toBe(3);
		expect(viewer.stalls).toBe(stalls);
	});

	it('does not flap where what was proven does not last', () => {
		const viewer = new Viewer(20_000_000, 2);
		for (let i = 0; i < 120; i++) {
			// Good while it is at 360p, bad ten seconds after it went up.
			viewer.link_bps = viewer.level < 2 ? 20_000_000 : 1_500_000;
			viewer.run(10);
		}
		// Twenty minutes, and each attempt twice as late as the one before.
		const falls = viewer.steps.filter(([, level]) => level === 1).map(([at_s]) => at_s);
		expect(falls.length).toBeLessThan(8);
		const between = falls.slice(1).map((at_s, i) => at_s - (falls[i] ?? 0));
		expect(between).toEqual([...between].sort((a, b) => a - b));
	});

	it('forgets failures after a step up that went well', () => {
		const viewer = new Viewer(1_200_000, 2).run(700);
		viewer.link_bps = 20_000_000;
		viewer.run(900);
		expect(viewer.level).toBe(3);
		viewer.link_bps = 1_200_000;
		viewer.run(60);
		expect(viewer.level).toBe(1);
		viewer.link_bps = 20_000_000;
		const from_s = viewer.now_ms / 1000;
		viewer.run(300);
		expect(viewer.level).toBe(3);
		expect(viewer.steps.at(-2)![0] - from_s).toBeLessThan(130);
	});

	it('follows the size of the picture', () => {
		const viewer = new Viewer(20_000_000, 2);
		viewer.facts.cap = 2;
		viewer.run(100);
		expect(viewer.probes).toEqual([]);
		viewer.facts.cap = 3;
		viewer.run(3);
		expect(viewer.level).toBe(3);
		viewer.facts.cap = 1;
		viewer.run(0.1);
		expect(viewer.level).toBe(1);
		viewer.facts.cap = 2;
		viewer.run(40);
		expect(viewer.level).toBe(2);
	});

	it('leaves a viewer alone who chose one', () => {
		const viewer = new Viewer(1_000_000, 2);
		viewer.facts.automatic = false;
		viewer.run(120);
		expect([viewer.steps, viewer.probes, viewer.held]).toEqual([[], [], false]);
	});

	it('leaves hls.js alone without a swarm, and with one rendition', () => {
		const viewer = new Viewer(1_000_000, 2);
		viewer.facts.active = false;
		viewer.run(120);
		expect([viewer.steps, viewer.probes, viewer.held]).toEqual([[], [], false]);
		const single = new Viewer(1_000_000, 0);
		single.facts = { active: true, bitrates_bps: [2_500_000], cap: 0 };
		single.run(120);
		expect([single.steps, single.probes, single.held]).toEqual([[], [], false]);
	});

	it('holds what it decided until the next swarm is there, and lets go when there is none', () => {
		const viewer = new Viewer(1_200_000, 2).run(12);
		expect(viewer.level).toBe(1);
		const stepped_ms = viewer.now_ms;
		viewer.facts.active = false;
		while (viewer.held && viewer.now_ms < stepped_ms + 100_000) viewer.run(0.1);
		// As long as it would not go up itself.
		expect(viewer.now_ms - stepped_ms).toBeGreaterThan(20_000);
		expect(viewer.now_ms - stepped_ms).toBeLessThan(40_000);
		viewer.facts.active = true;
		viewer.run(1);
		expect(viewer.held).toBe(true);
		// The viewer does not want to share any more.
		viewer.facts = { active: false, wanted: false };
		viewer.run(0.1);
		expect(viewer.held).toBe(false);
	});

	it('goes on with what hls.js chose when a rendition could not be loaded', () => {
		const viewer = new Viewer(20_000_000, 3).run(10);
		viewer.level = 1;
		viewer.facts.cap = 1;
		viewer.run(10);
		expect(viewer.steps).toEqual([]);
		expect([viewer.level, viewer.held]).toEqual([1, true]);
	});

	it('goes down with one late part when playback runs dry, and not when it does without', () => {
		const viewer = new Viewer(20_000_000, 2).run(10);
		viewer.control.handleStall(viewer.now_ms);
		viewer.run(5);
		expect(viewer.steps).toEqual([]);
		viewer.control.handleStall(viewer.now_ms);
		viewer.control.handlePart(viewer.now_ms, 0);
		viewer.run(0.1);
		expect(viewer.level).toBe(1);
	});

	it('tries no more while a part is late now and then', () => {
		const viewer = new Viewer(20_000_000, 2);
		for (let i = 0; i < 20; i++) {
			viewer.run(10);
			viewer.control.handlePart(viewer.now_ms, 0.2);
		}
		expect([viewer.steps, viewer.probes]).toEqual([[], []]);
		viewer.run(25);
		expect(viewer.level).toBe(3);
	});
});
