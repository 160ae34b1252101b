import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { barriers } from '../support/accessibility';
import { DESK, latencies, launch, median, plays, screenshots, stats, video, type Stats } from '../support/browser';
import { connections, keepConnections } from '../support/connections';
import { Publisher } from '../support/publisher';
import { Shoal, type TestLive } from '../support/shoal';
import { pause, until } from '../support/until';

/** One above the least that share. */
const VIEWERS = 4;
/** From the last join until everybody shares: two seconds of watching, a token, signalling, a few parts. */
const SHARING_MS = 20_000;
const MEASURED_MS = 10_000;

let shoal: Shoal;
let browser: Browser;
let live: TestLive;
let publisher: Publisher;
const viewers: Viewer[] = [];

/** A page in a profile of its own, and what the browser, not the page, says of its network. */
class Viewer {
	/** bytes of bodies and messages, and requests */
	bytes = 0;
	requests = 0;
	sockets = 0;

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
		session.on('Network.requestWillBeSent', () => viewer.requests++);
		session.on('Network.dataReceived', ({ dataLength }) => (viewer.bytes += dataLength));
		session.on('Network.webSocketCreated', () => viewer.sockets++);
		session.on('Network.webSocketFrameReceived', ({ response }) => (viewer.bytes += response.payloadData.length));
		await page.goto(shoal.url + path);
		return viewer;
	}

	/** States of all peer connections that the page ever made. */
	connections(): Promise<string[]> {
		return connections(this.page);
	}
}

const everybody = <T>(ask: (viewer: Viewer) => Promise<T>): Promise<T[]> => Promise.all(viewers.map(ask));

async function shares(): Promise<void> {
	let last: Stats[] = [];
	await until('everybody takes the stream from others', SHARING_MS, async () => {
		const before = last;
		last = await everybody(({ page }) => stats(page));
		await pause(500);
		return last.every((now, index) => now.peers > 0 && now.p2p_bytes > (before[index]?.p2p_bytes ?? Infinity));
	}).catch((error: unknown) => {
		throw new Error(`${String(error)}: ${JSON.stringify(last)}`, { cause: error });
	});
}

beforeAll(async () => {
	[shoal, browser] = await Promise.all([Shoal.start({ SHOAL_SWARM_DELAY_S: '2' }), launch()]);
	live = await shoal.createLive({ name: 'All together', latencyMode: 1 });
	publisher = new Publisher(live.publishUrl);
	await until('the live is published', 10_000, async () => (await shoal.api.video(live.uuid)).state?.id === 1);
});

afterAll(async () => {
	await publisher?.kill();
	await browser?.close();
	await shoal?.stop();
});

test('four pages carry the stream for each other', async () => {
	for (let number = 0; number < VIEWERS; number++) viewers.push(await Viewer.open(live.watchPath));
	await everybody(({ page }) => plays(page, 10_000));
	await shares();
	// The distance grows from that of HTTP to that of a swarm at 0.95 x.
	await pause(4000);

	const before = await everybody(async ({ page, bytes, requests }) => ({ ...(await stats(page)), bytes, requests }));
	await pause(MEASURED_MS);
	const after = await everybody(async ({ page, bytes, requests }) => ({ ...(await stats(page)), bytes, requests }));
	const grown = (key: 'http_bytes' | 'p2p_bytes' | 'p2p_upload_bytes' | 'bytes' | 'requests' | 'stalls'): number =>
		after.reduce((sum, now, index) => sum + now[key] - (before[index]?.[key] ?? 0), 0);
	const consumed = grown('http_bytes') + grown('p2p_bytes');
	const share = grown('bytes') / consumed;
	const measured = await everybody(({ page }) => latencies(page, 60, 10_000));
	console.info(
		`server's share ${(share * 100).toFixed(0)} % (as players say ${((grown('http_bytes') / consumed) * 100).toFixed(0)} %), ` +
			`${grown('requests')} requests in ${MEASURED_MS / 1000} s, glass to glass ${measured.map((values) => Math.round(median(values))).join(', ')} ms, ` +
			`${grown('stalls')} stalls, peers ${after.map((now) => now.peers).join(', ')}`
	);
	// The picture hardly changes: about half of what the encoder may take.
	expect(consumed).toBeGreaterThan(VIEWERS * 400_000);
	expect(grown('p2p_upload_bytes')).toBeGreaterThan(grown('p2p_bytes') * 0.9);
	// One copy for four is 0.25, and a tenth for manifests. A busy machine, where peers seem slow to each other, gets more.
	expect(share).toBeLessThan(0.75);
	// One in 5 s for each.
	expect(grown('requests')).toBeLessThanOrEqual((VIEWERS * MEASURED_MS) / 5000);
	expect(grown('stalls')).toBe(0);
	expect(Math.max(...measured.map(median))).toBeLessThan(2300);
	expect(viewers.map(({ sockets }) => sockets)).toEqual(Array(VIEWERS).fill(1));

	const [first] = viewers;
	const { page } = first!;
	expect(await page.locator('[data-sharing]').textContent()).toMatch(/see your IP address.*Received \d.* MB from other viewers, sent them \d/s);
	await page.locator('shoal-player').focus();
	await page.keyboard.press('s');
	await screenshots(page, 'swarm');
	expect(await barriers(page)).toEqual([]);
	await page.keyboard.press('s');
});

test('switched off there is no connection at all, and the picture goes on', async () => {
	const { page } = viewers[0]!;
	// The examination of the page before held it up for as long as half its buffer: what that cost is not counted here.
	await plays(page, 3000);
	await pause(2000);
	const stalls = (await stats(page)).stalls;
	await page.getByRole('switch', { name: 'Share with other viewers' }).click();
	await until('all connections are closed', 3000, async () => (await viewers[0]!.connections()).every((state) => state === 'closed'));
	expect(await page.locator('[data-sharing]').getAttribute('data-sharing')).toBe('off');
	const { p2p_bytes } = await stats(page);
	const made = (await viewers[0]!.connections()).length;
	await plays(page, 3000);
	// Longer than joining would take.
	await pause(4000);
	const now = await stats(page);
	expect([now.p2p_bytes, now.peers, (await viewers[0]!.connections()).length]).toEqual([p2p_bytes, 0, made]);
	expect(now.stalls).toBe(stalls);
	// Who took stripes from it goes on as well.
	await everybody((viewer) => plays(viewer.page, 3000));

	// The switch is remembered; an address can say no as well.
	await page.reload();
	const others = await Promise.all([`/videos/embed/${live.uuid}?autoplay=1&muted=1&p2p=0`, `${live.watchPath}?p2p=0`].map((path) => Viewer.open(path)));
	await Promise.all([page, ...others.map((viewer) => viewer.page)].map((each) => plays(each, 10_000)));
	await pause(5000);
	for (const viewer of [viewers[0]!, ...others]) expect(await viewer.connections()).toEqual([]);
	expect(await page.getByRole('switch').getAttribute('aria-checked')).toBe('false');
	await Promise.all(others.map((viewer) => viewer.context.close()));
});

test('the server, and the tracker with it, is killed and started again: playback goes on', async () => {
	await shoal.kill();
	await publisher.kill();
	await shoal.run();
	publisher = new Publisher(live.publishUrl);
	await everybody(({ page }) => plays(page, 20_000));
	expect(await everybody(({ page }) => video(page).evaluate((element: HTMLVideoElement) => element.paused))).toEqual(Array(VIEWERS).fill(false));
});
