import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { barriers } from '../support/accessibility';
import { collectFaults, DESK, latencies, launch, median, plays, progress, screenshots, stats, video, watch } from '../support/browser';
import { Publisher } from '../support/publisher';
import { Shoal, type TestLive } from '../support/shoal';
import { until } from '../support/until';

let shoal: Shoal;
let browser: Browser;
let live: TestLive;
let publisher: Publisher;

beforeAll(async () => {
	[shoal, browser] = await Promise.all([Shoal.start(), launch()]);
	live = await shoal.createLive({ name: 'Harbour, Sunday morning', description: 'Boats come in.' });
	publisher = new Publisher(live.publishUrl);
	await until('the live is published', 10_000, async () => (await shoal.api.video(live.uuid)).state?.id === 1);
});

afterAll(async () => {
	await publisher?.stop();
	await browser?.close();
	expect(await shoal?.stop()).toBe(0);
});

test('a live plays, about a second behind life, with nothing from elsewhere', async () => {
	const page = await browser.newPage({ viewport: DESK });
	const faults = collectFaults(page, shoal.url);
	await page.goto(shoal.url + live.watchPath);
	const started_ms = await plays(page, 10_000);
	// Generous: two cores hold the encoder, the server and a browser that decodes in software.
	expect(started_ms).toBeLessThan(5000);
	// The join may begin further back; the player catches up.
	await page.waitForTimeout(5000);

	const seen = await watch(page, 4000);
	expect(seen.time_s).toBeGreaterThan(3.5);
	expect(seen.time_s).toBeLessThan(4.8);
	expect(seen.frames).toBeGreaterThan(90);

	const measured = await latencies(page, 60, 10_000);
	console.info(`picture moves after ${Math.round(started_ms)} ms; glass to glass ${Math.round(median(measured))} ms (median)`);
	expect(measured.length).toBeGreaterThanOrEqual(50);
	expect(median(measured)).toBeGreaterThan(100);
	expect(median(measured)).toBeLessThan(2500);

	const now = await stats(page);
	expect(now).toEqual({
		state: 'playing',
		latency_ms: expect.any(Number),
		buffer_ms: expect.any(Number),
		stalls: expect.any(Number),
		http_bytes: expect.any(Number),
		p2p_bytes: 0,
		p2p_upload_bytes: 0,
		peers: 0,
		rendition: expect.any(String)
	});
	expect(now.http_bytes).toBeGreaterThan(100_000);
	// What the page says of itself agrees with the clock in the picture.
	expect(Math.abs((now.latency_ms ?? NaN) - median(measured))).toBeLessThan(700);

	expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Harbour, Sunday morning');
	await until('the viewer is counted', 15_000, async () => /^[1-9]/.test((await page.locator('.viewers').textContent()) ?? ''));
	await screenshots(page, 'live');
	expect(await barriers(page)).toEqual([]);
	expect(faults).toEqual([]);
	await page.close();
});

test('the home page shows what is live, and leads there', async () => {
	const page = await browser.newPage({ viewport: DESK });
	await page.goto(shoal.url);
	await page.getByRole('heading', { name: 'Live now' }).waitFor();
	await screenshots(page, 'home');
	expect(await barriers(page)).toEqual([]);
	await page.getByRole('link', { name: 'Harbour, Sunday morning' }).click();
	await page.waitForURL(`**${live.watchPath}`);
	await plays(page, 10_000);
	await page.close();
});

test('the embed page plays', async () => {
	const page = await browser.newPage({ viewport: DESK });
	const faults = collectFaults(page, shoal.url);
	await page.goto(`${shoal.url}/videos/embed/${live.uuid}`);
	// As PeerTube's, it waits to be asked.
	await page.getByRole('button', { name: 'Play', exact: true }).first().click();
	await plays(page, 10_000);
	expect((await stats(page)).state).toBe('playing');
	await screenshots(page, 'embed');
	await page.goto(`${shoal.url}/videos/embed/${live.uuid}?autoplay=1&muted=1`);
	await plays(page, 10_000);
	expect(faults).toEqual([]);
	await page.close();
});

test('the address of PeerTube leads to the watch page', async () => {
	const page = await browser.newPage({ viewport: DESK });
	await page.goto(`${shoal.url}/videos/watch/${live.uuid}`);
	await page.waitForURL(`**${live.watchPath}`);
	await plays(page, 10_000);
	await page.close();
});

test('the client is made for this server: openapi.json is what it serves', async () => {
	const served = (await (await fetch(`${shoal.url}/api/v1/openapi.json`)).json()) as { info: unknown };
	const committed = JSON.parse(readFileSync(new URL('../../packages/api-client/openapi.json', import.meta.url), 'utf8')) as unknown;
	expect(served).toEqual(committed);
});

test('an address that leads nowhere says so', async () => {
	const page = await browser.newPage({ viewport: DESK });
	for (const path of ['/w/tMXacc4pBWgeMH2Gp2Yq9D', '/no/such/page']) {
		await page.goto(shoal.url + path);
		await page.getByRole('heading', { level: 1, name: 'There is nothing here' }).waitFor();
	}
	await screenshots(page, 'not-found');
	expect(await barriers(page)).toEqual([]);
	await page.close();
});

test('the keyboard plays and pauses', async () => {
	const page = await browser.newPage({ viewport: DESK });
	await page.goto(shoal.url + live.watchPath);
	await plays(page, 10_000);
	await page.locator('shoal-player').focus();
	await page.keyboard.press('k');
	await until('it pauses', 3000, () => video(page).evaluate((element: HTMLVideoElement) => element.paused));
	const before = await progress(page);
	await page.waitForTimeout(700);
	expect((await progress(page)).time_s).toBeCloseTo(before.time_s, 1);
	await page.keyboard.press('k');
	await plays(page, 5000);
	await page.close();
});
