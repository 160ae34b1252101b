import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, plays, stats, type Stats } from '../support/browser';
import { Publisher } from '../support/publisher';
import { Shoal } from '../support/shoal';
import { until } from '../support/until';

/** The size of the picture says which of 180p and 360p is wanted. */
const SMALL = { width: 240, height: 135 };
const LARGE = { width: 800, height: 450 };
/** Two seconds of watching, a token, signalling, a few parts. */
const SHARING_MS = 20_000;
/** 20 s without a late part, and the first seconds of another rendition, which do not count. */
const UP_MS = 45_000;

let shoal: Shoal;
let browser: Browser;
let publisher: Publisher;

beforeAll(async () => {
	const config = '[live]\nladder = [{ height = 180, bitrate_kbps = 400 }]\n';
	[shoal, browser] = await Promise.all([Shoal.start({ SHOAL_SWARM_DELAY_S: '2', SHOAL_SWARM_MINIMUM_VIEWERS: '2' }, null, config), launch()]);
});

afterAll(async () => {
	await publisher?.kill();
	await browser?.close();
	await shoal?.stop();
});

test('in a swarm the rendition follows the size of the picture, and another one is shared as well', { timeout: 150_000 }, async () => {
	const live = await shoal.createLive({ name: 'Two sizes', latencyMode: 1 });
	publisher = new Publisher(live.publishUrl, { noisy: true });
	await until('the live is published', 15_000, async () => (await shoal.api.video(live.uuid)).state?.id === 1);
	const pages: Page[] = [];
	for (let i = 0; i < 3; i++) {
		const page = await (await browser.newContext({ viewport: LARGE })).newPage();
		await page.goto(`${shoal.url}/videos/embed/${live.uuid}?autoplay=1&muted=1`);
		pages.push(page);
	}
	const all = (): Promise<Stats[]> => Promise.all(pages.map((page) => stats(page)));
	let last: Stats[] = [];
	const shared = (rendition: string[], timeout_ms: number): Promise<unknown> =>
		until(`everybody shares ${rendition.join(', ')}`, timeout_ms, async () => {
			const before = last;
			last = await all();
			return last.every((now, i) => now.rendition === rendition[i] && now.p2p_bytes > (before[i]?.p2p_bytes ?? Infinity));
		}).catch((error: unknown) => {
			throw new Error(`${String(error)}: ${JSON.stringify(last)}`, { cause: error });
		});
	await Promise.all(pages.map((page) => plays(page, 15_000)));
	await shared(['360p', '360p', '360p'], SHARING_MS);
	const stalls = (await all()).map((now) => now.stalls);

	const [first, second] = pages as [Page, Page];
	await Promise.all([first.setViewportSize(SMALL), second.setViewportSize(SMALL)]);
	await until('two are small', 10_000, async () => (await all()).slice(0, 2).every(({ rendition }) => rendition === '180p'));
	// The third one is left alone with its rendition: only the two of the other have each other.
	await until('they share the small one', SHARING_MS, async () => {
		const before = last;
		last = await all();
		return last.slice(0, 2).some((now, i) => now.p2p_bytes > (before[i]?.p2p_bytes ?? Infinity));
	});
	expect(last[2]?.rendition).toBe('360p');

	await first.setViewportSize(LARGE);
	await until('one is large again', UP_MS, async () => (await stats(first)).rendition === '360p');
	await until('it shares the large one', SHARING_MS, async () => {
		const before = last;
		last = await all();
		return [0, 2].some((i) => last[i]!.p2p_bytes > (before[i]?.p2p_bytes ?? Infinity));
	});
	expect((await all()).map((now) => now.rendition)).toEqual(['360p', '180p', '360p']);
	expect((await all()).map((now) => now.stalls)).toEqual(stalls);
});
