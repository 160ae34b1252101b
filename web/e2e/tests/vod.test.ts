import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { barriers } from '../support/accessibility';
import { DESK, launch, plays, progress, stats, video, type Stats } from '../support/browser';
import { connections, keepConnections, received } from '../support/connections';
import { Publisher } from '../support/publisher';
import { Shoal, type TestLive } from '../support/shoal';
import { pause, until } from '../support/until';

/** One above the least that share. */
const VIEWERS = 4;
const DELAY_S = 2;
/** Twice what a player has buffered before it may share anything. */
const STREAMED_S = 40;

let shoal: Shoal;
let browser: Browser;
let live: TestLive;
let publisher: Publisher;
const viewers: Viewer[] = [];

/** A page in a profile of its own, and what the browser, not the page, says of its network. */
class Viewer {
	/** bytes of the recording that came over HTTP */
	media_bytes = 0;

	private constructor(
		readonly context: BrowserContext,
		readonly page: Page
	) {}

	static async open(path: string): Promise<Viewer> {
		const context = await browser.newContext({ viewport: DESK });
		const page = await context.newPage();
		const viewer = new Viewer(context, page);
		await keepConnections(page);
		const session = await context.newCDPSession(page);
		await session.send('Network.enable');
		const media = new Set<string>();
		session.on('Network.requestWillBeSent', ({ requestId, request }) => {
			if (/\.mp4(\?|$)/.test(request.url)) media.add(requestId);
		});
		session.on('Network.dataReceived', ({ requestId, dataLength }) => {
			if (media.has(requestId)) viewer.media_bytes += dataLength;
		});
		await page.goto(shoal.url + path);
		return viewer;
	}

	/** How many peer connections the page ever made. */
	async connections(): Promise<number> {
		return (await connections(this.page)).length;
	}

	seek(position_s: number): Promise<void> {
		return video(this.page).evaluate((element: HTMLVideoElement, to_s) => void (element.currentTime = to_s), position_s);
	}
}

const everybody = <T>(ask: (viewer: Viewer) => Promise<T>): Promise<T[]> => Promise.all(viewers.map(ask));
const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);

beforeAll(async () => {
	[shoal, browser] = await Promise.all([Shoal.start({ SHOAL_SWARM_DELAY_S: `${DELAY_S}` }), launch()]);
	live = await shoal.createLive({ name: 'To see again', saveReplay: true });
	publisher = new Publisher(live.publishUrl, { noisy: true });
	await until('the live is published', 10_000, async () => (await shoal.api.video(live.uuid)).state?.id === 1);
	await pause(STREAMED_S * 1000);
	await shoal.api.endLive(live.uuid);
	await publisher.kill();
	await until('the replay is there', 15_000, async () => {
		const { isLive, state } = await shoal.api.video(live.uuid);
		return !isLive && state?.id === 1;
	});
	await until('its manifests are signed', 15_000, async () => (await fetch(`${shoal.url}/api/shoal/v1/swarms/${live.uuid}/token`)).ok);
}, 120_000);

afterAll(async () => {
	await publisher?.kill();
	await browser?.close();
	await shoal?.stop();
});

test('one alone makes no connection', async () => {
	viewers.push(await Viewer.open(live.watchPath));
	const [{ page } = viewers[0]!] = viewers;
	await plays(page, 10_000);
	await until('the page says that it would share', 10_000, async () => (await page.locator('[data-sharing=waiting]').count()) === 1);
	await pause((DELAY_S + 3) * 1000);
	expect(await viewers[0]!.connections()).toBe(0);
});

test('four pages on one replay pass it on to each other', async () => {
	for (let number = 1; number < VIEWERS; number++) viewers.push(await Viewer.open(live.watchPath));
	await everybody(({ page }) => plays(page, 10_000));
	await until('everybody is connected', 20_000, async () => (await everybody(({ page }) => stats(page))).every(({ peers }) => peers > 0));
	// The first one was alone for long: it is ahead of all others, and gives. More than half of the replay the others had fetched before they met.
	let last: Stats[] = [];
	await until('everybody else gets from others a good part of what was left', 40_000, async () => {
		last = (await everybody(({ page }) => stats(page))).slice(1);
		const p2p_bytes = last.map((one) => one.p2p_bytes);
		return p2p_bytes.every((bytes) => bytes > 0) && sum(p2p_bytes) > 0.1 * sum(last.map((one) => one.http_bytes + one.p2p_bytes));
	}).catch((error: unknown) => {
		throw new Error(`${String(error)}: ${JSON.stringify(last)}`, { cause: error });
	});
	const numbers = await everybody(async (viewer) => {
		const told = { ...(await stats(viewer.page)), media_bytes: viewer.media_bytes };
		// The browser's own numbers are some 50 ms old.
		await pause(200);
		return { ...told, received_bytes: await received(viewer.page) };
	});
	console.info(numbers.map(({ http_bytes, p2p_bytes, media_bytes, received_bytes, peers }) => ({ http_bytes, media_bytes, p2p_bytes, received_bytes, peers })));
	for (const { http_bytes, media_bytes } of numbers) {
		// What the player says came from the server is what the browser saw, but for playlists and what is just on its way.
		expect(http_bytes).toBeGreaterThan(media_bytes * 0.7);
		expect(http_bytes).toBeLessThan(media_bytes * 1.1 + 50_000);
	}
	// What came from others did so over data channels, and was sent by them.
	const p2p_bytes = sum(numbers.map((one) => one.p2p_bytes));
	expect(sum(numbers.map((one) => one.received_bytes))).toBeGreaterThanOrEqual(p2p_bytes);
	await until('what was received was sent', 5_000, async () => sum((await everybody(({ page }) => stats(page))).map((one) => one.p2p_upload_bytes)) >= p2p_bytes * 0.9);
	const [{ page } = viewers[0]!] = viewers;
	expect(await page.locator('[data-sharing]').getAttribute('data-sharing')).toBe('active');
	expect(await barriers(page)).toEqual([]);
});

test('after seeks the picture goes on', async () => {
	const last = viewers[VIEWERS - 1]!;
	const duration_s = await video(last.page).evaluate((element: HTMLVideoElement) => element.duration);
	expect(duration_s).toBeGreaterThan(STREAMED_S - 6);
	await last.seek(duration_s - 10);
	await plays(last.page, 10_000);
	expect((await progress(last.page)).time_s).toBeGreaterThan(duration_s - 10);
	await last.seek(1);
	await plays(last.page, 10_000);
	expect((await progress(last.page)).time_s).toBeLessThan(10);
	expect((await stats(last.page)).peers).toBeGreaterThan(0);
});

test('without sharing there is no connection at all', async () => {
	const alone = await Viewer.open(`/videos/embed/${live.uuid}?autoplay=1&muted=1&p2p=0`);
	await plays(alone.page, 10_000);
	const { page } = viewers[0]!;
	await page.getByRole('switch', { name: 'Share with other viewers' }).click();
	await page.reload();
	await plays(page, 10_000);
	await pause((DELAY_S + 3) * 1000);
	expect(await Promise.all([alone.connections(), viewers[0]!.connections()])).toEqual([0, 0]);
	expect((await stats(alone.page)).p2p_bytes).toBe(0);
	await alone.context.close();
});
