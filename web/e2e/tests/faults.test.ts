/** A short look at what `bench/faults.test.ts` measures: parents that vanish and peers that lie harm nobody. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { plays } from '../support/browser';
import { Crowd } from '../support/crowd';
import { Shoal } from '../support/shoal';
import { pause, until } from '../support/until';
import { judge } from '../support/verdict';

let shoal: Shoal;
let crowd: Crowd;

beforeAll(async () => {
	shoal = await Shoal.start({ SHOAL_SWARM_DELAY_S: '1', SHOAL_SWARM_MINIMUM_VIEWERS: '2' });
});

afterAll(async () => {
	await shoal?.stop();
});

beforeEach(async () => {
	crowd = await Crowd.open(shoal);
});

afterEach(() => crowd?.close());

test('parents vanish: the pages play on', async () => {
	for (let i = 0; i < 3; i++) crowd.view(120);
	for (let i = 0; i < 2; i++) await crowd.page();
	await crowd.shares(30_000);
	for (const way of ['freeze', 'kill', 'freeze', 'kill'] as const) {
		const parent = await until('a page has a parent that can vanish', 15_000, () => crowd.parentOfPage());
		crowd.drop(parent);
		parent.run[way]();
		crowd.view(120);
		await pause(1000);
		await Promise.all(crowd.pages.map(({ page }) => plays(page, 5000)));
	}
	const { media, bad } = await crowd.checkPages();
	expect(media).toBeGreaterThan(20);
	expect(bad).toBe(0);
}, 120_000);

test('two of eight send wrong bytes: nobody takes them, and they alone are banned', async () => {
	// Who comes first serves those who come later.
	for (let i = 0; i < 2; i++) crowd.lie('wrong-bytes', 90);
	await pause(2000);
	const honest = crowd.view(30, undefined, 4);
	for (let i = 0; i < 2; i++) await crowd.page();
	await until('some have lied, and are banned', 30_000, async () => {
		const { liars, banned } = await judge(crowd);
		return liars.size > 0 && [...liars].every((liar) => banned.has(liar));
	});
	await crowd.shares(30_000);
	const verdict = await judge(crowd);
	expect([verdict.banned_honest, verdict.expelled_honest]).toEqual([0, 0]);
	const { media, bad } = await crowd.checkPages();
	expect(media).toBeGreaterThan(20);
	expect(bad).toBe(0);
	const peers = await honest.run.peers;
	expect(peers.reduce((sum, { parts }) => sum + parts, 0)).toBeGreaterThan((await honest.run.unchecked_parts) * 2);
	expect(peers.map(({ bad_parts }) => bad_parts)).toEqual([0, 0, 0, 0]);
}, 120_000);
