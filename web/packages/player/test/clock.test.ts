import { describe, expect, it } from 'vitest';
import { ServerClock, Throughput } from '../src/clock';

/** Answers at 5 Hz from a server `ahead_ms` ahead, each `rtt_ms` on the way. */
function observe(ahead_ms: number, rtt_ms: number, count: number): ServerClock {
	const clock = new ServerClock();
	for (let i = 0; i < count; i++) {
		const sent = 1_700_000_000_123 + i * 207;
		const date = Math.floor((sent + rtt_ms / 2 + ahead_ms) / 1000) * 1000;
		clock.add(sent, sent + rtt_ms, date);
	}
	return clock;
}

describe('the server clock', () => {
	it('says "no difference" while that is possible', () => {
		expect(observe(0, 40, 100).difference_ms).toBe(0);
		expect(observe(10, 40, 100).difference_ms).toBe(0);
		expect(new ServerClock().difference_ms).toBe(0);
	});

	it.each([-90_000, -700, 450, 3_200, 86_400_000])('finds a device clock that is %s ms wrong', (ahead_ms) => {
		expect(Math.abs(observe(ahead_ms, 30, 100).difference_ms - ahead_ms)).toBeLessThan(60);
	});

	it('begins again when the device clock is set', () => {
		const clock = observe(0, 20, 50);
		for (let i = 0; i < 50; i++) {
			const sent = 1_700_000_100_000 + i * 207;
			clock.add(sent, sent + 20, Math.floor((sent - 5_000) / 1000) * 1000);
		}
		expect(Math.abs(clock.difference_ms + 5_000)).toBeLessThan(60);
	});

	it('ignores a header it cannot read', () => {
		const clock = new ServerClock();
		clock.add(0, 10, NaN);
		expect(clock.difference_ms).toBe(0);
	});
});

describe('throughput', () => {
	it('follows the link', () => {
		const link = new Throughput();
		expect(link.bps).toBeNull();
		for (let i = 0; i < 20; i++) link.add(60_000, 48);
		expect(link.bps).toBeCloseTo(10e6, -5);
		for (let i = 0; i < 20; i++) link.add(60_000, 480);
		expect(link.bps).toBeLessThan(1.6e6);
	});

	it('learns nothing from tiny answers', () => {
		const link = new Throughput();
		link.add(500, 100);
		expect(link.bps).toBeNull();
	});
});
