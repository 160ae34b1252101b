import { describe, expect, it } from 'vitest';
import { LinkWatch, playerState, retryDelay, Starvation, type Facts } from '../src/state';

const playing: Facts = {
	phase: 'live',
	fatal: false,
	connected: true,
	started: true,
	played_out: false,
	gap: false,
	starved: false,
	paused: false
};

describe('the state', () => {
	it.each<[string, Partial<Facts>, string]>([
		['plays', {}, 'playing'],
		['waits for the live', { phase: 'waiting', connected: false, started: false }, 'waiting'],
		['loads', { started: false }, 'loading'],
		['loads before the playlist is there', { connected: false, started: false }, 'loading'],
		['ran dry', { starved: true }, 'loading'],
		['is paused', { paused: true }, 'paused'],
		['is not "paused" before the first picture', { paused: true, started: false }, 'loading'],
		['plays on what is buffered while the publisher is gone', { phase: 'interrupted', gap: true }, 'playing'],
		['says so when that is played', { phase: 'interrupted', gap: true, starved: true }, 'interrupted'],
		['needs no event for that: GAP parts tell too', { gap: true, starved: true }, 'interrupted'],
		['plays to the end although the server says ended', { phase: 'ended' }, 'playing'],
		['has played all', { phase: 'ended', played_out: true }, 'ended'],
		['comes too late', { phase: 'ended', connected: false, started: false }, 'ended'],
		['joins during an interruption', { phase: 'interrupted', connected: false, started: false }, 'interrupted'],
		['cannot play it at all', { fatal: true }, 'error']
	])('%s', (_, change, state) => expect(playerState({ ...playing, ...change })).toBe(state));
});

describe('trying again', () => {
	it('backs off, spread over the audience, and never gives up', () => {
		expect(retryDelay(0, 'unreachable', 0.999)).toBeLessThanOrEqual(250);
		expect(retryDelay(3, 'unreachable', 0.5)).toBeGreaterThan(retryDelay(1, 'unreachable', 0.5));
		expect(retryDelay(1_000_000, 'unreachable', 0.999)).toBeLessThanOrEqual(3_000);
		expect(retryDelay(1_000_000, 'absent', 0.999)).toBeLessThanOrEqual(1_000);
		expect(retryDelay(5, 'unreachable', 0)).toBeLessThan(retryDelay(5, 'unreachable', 0.9));
	});
});

describe('a link that is too slow', () => {
	it('is blamed for repeated stalls only', () => {
		const links = new LinkWatch();
		expect(links.handleStall(0, 1_000_000, 2_500_000)).toBe(false);
		expect(links.handleStall(5_000, 1_000_000, 2_500_000)).toBe(true);
	});

	it('is not blamed when it is fast, or when stalls are rare', () => {
		const links = new LinkWatch();
		links.handleStall(0, 50_000_000, 2_500_000);
		expect(links.handleStall(1_000, 50_000_000, 2_500_000)).toBe(false);
		expect(links.handleStall(100_000, 1_000_000, 2_500_000)).toBe(false);
		expect(links.handleStall(101_000, null, 2_500_000)).toBe(false);
	});
});

describe('running dry', () => {
	it('is seen at once when nothing is ahead', () => {
		expect(new Starvation().check(0, 2, 10, 0.05)).toBe(true);
		expect(new Starvation().check(0, 3, 10, 0.05)).toBe(false);
	});

	it('is seen when a decoder sits on the last frames', () => {
		const starvation = new Starvation();
		expect(starvation.check(0, 2, 10, 0.13)).toBe(false);
		expect(starvation.check(100, 2, 10.02, 0.11)).toBe(false);
		expect(starvation.check(300, 2, 10.02, 0.11)).toBe(false);
		expect(starvation.check(400, 2, 10.02, 0.11)).toBe(true);
		expect(starvation.check(500, 4, 10.02, 0.8)).toBe(false);
	});

	it('is not taken for a decoder that is slow with data ahead', () => {
		const starvation = new Starvation();
		starvation.check(0, 2, 10, 0.8);
		expect(starvation.check(2_000, 2, 10, 0.8)).toBe(false);
	});
});
