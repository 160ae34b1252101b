import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { firefoxPlays, firefoxStats, launchFirefox } from '../support/firefox';
import { Publisher } from '../support/publisher';
import { Shoal } from '../support/shoal';
import { pause, until } from '../support/until';

let shoal: Shoal;
let firefox: Browser;

beforeAll(async () => {
	[shoal, firefox] = await Promise.all([Shoal.start(), launchFirefox()]);
});

afterAll(async () => {
	await firefox?.close();
	await shoal?.stop();
});

test('Firefox plays a live about a second behind', async () => {
	const live = await shoal.createLive({ name: 'For Firefox' });
	const publisher = new Publisher(live.publishUrl);
	await until('the live is published', 10_000, async () => (await shoal.api.video(live.uuid)).state?.id === 1);
	const page = await firefox.newPage();
	await page.goto(shoal.url + live.watchPath);
	await firefoxPlays(page, 20_000);
	await pause(5000);
	const stats = await firefoxStats(page);
	expect(stats.state).toBe('playing');
	expect(stats.latency_ms).toBeLessThan(2500);
	await page.close();
	await publisher.stop();
});
