import type { Browser as Chromium } from 'playwright-core';
import type { Browser } from 'puppeteer-core';
import { LatencyMode } from '@shoal/api-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, plays, stats, type Stats } from '../support/browser';
import { firefoxPlays, firefoxStats, launchFirefox } from '../support/firefox';
import { Publisher } from '../support/publisher';
import { Shoal } from '../support/shoal';
import { pause, until } from '../support/until';

let shoal: Shoal;
let firefox: Browser;
let chromium: Chromium;

beforeAll(async () => {
	[shoal, firefox, chromium] = await Promise.all([
		Shoal.start({ SHOAL_SWARM_DELAY_S: '2' }),
		launchFirefox(),
		launch('--disable-features=WebRtcHideLocalIpsWithMdns')
	]);
});

afterAll(async () => {
	await Promise.all([firefox?.close(), chromium?.close()]);
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

test('Firefox and Chromium carry the stream for each other', async () => {
	const live = await shoal.createLive({ name: 'Of two makes', latencyMode: LatencyMode.default });
	const publisher = new Publisher(live.publishUrl, { noisy: true });
	await until('the live is published', 10_000, async () => (await shoal.api.video(live.uuid)).state?.id === 1);
	const fox = await firefox.newPage();
	await fox.goto(shoal.url + live.watchPath);
	await firefoxPlays(fox, 20_000);
	const pages = await Promise.all([1, 2].map(async () => (await chromium.newContext()).newPage()));
	for (const page of pages) {
		await page.goto(shoal.url + live.watchPath);
		await plays(page, 10_000);
	}
	const all = (): Promise<Stats[]> => Promise.all([firefoxStats(fox), ...pages.map(stats)]);
	// Three viewers, one copy from the server: each takes from others, and Firefox gives too.
	await until('all take from others, and Firefox gives', 30_000, async () => {
		const now = await all();
		return now.every((one) => one.p2p_bytes > 300_000) && now[0]!.p2p_upload_bytes > 100_000;
	}).catch(async (error: unknown) => {
		throw new Error(JSON.stringify(await all()), { cause: error });
	});
	await firefoxPlays(fox, 3000);
	await fox.close();
	await Promise.all(pages.map((page) => page.close()));
	await publisher.stop();
});
