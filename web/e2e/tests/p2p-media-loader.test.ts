import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch } from '../support/browser';
import { Publisher } from '../support/publisher';
import { Shoal } from '../support/shoal';
import { StaticServer } from '../support/static-server';
import { pause, until } from '../support/until';

/** Other people's clients (web/interop), as they come from npm. */
const modules = resolve('../interop/node_modules');

let shoal: Shoal;
let browser: Browser;

beforeAll(async () => {
	[shoal, browser] = await Promise.all([Shoal.start(), launch('--disable-features=WebRtcHideLocalIpsWithMdns')]);
});

afterAll(async () => {
	await browser?.close();
	await shoal?.stop();
});

interface Loaded {
	http: number;
	p2p: number;
	time_s: number;
}

/** A page with hls.js under p2p-media-loader, as a site that embeds streams would have it. */
function foreignPage(playlist: string, tracker: string): string {
	return `<!doctype html><video muted autoplay></video>
<script type="importmap">{"imports": {"p2p-media-loader-core": "/core.js", "hls.js": "/hls.js"}}</script>
<script type="module">
import Hls from 'hls.js';
import { HlsJsP2PEngine } from '/engine.js';
const loaded = (window.loaded = { http: 0, p2p: 0, time_s: 0 });
const video = document.querySelector('video');
const HlsWithP2P = HlsJsP2PEngine.injectMixin(Hls);
const hls = new HlsWithP2P({
	lowLatencyMode: false,
	liveSyncDuration: 20,
	p2p: {
		core: { announceTrackers: [${JSON.stringify(tracker)}], rtcConfig: { iceServers: [] } },
		onHlsJsCreated(hls) {
			hls.p2pEngine.addEventListener('onChunkDownloaded', (length, source) => (loaded[source === 'p2p' ? 'p2p' : 'http'] += length));
		}
	}
});
hls.attachMedia(video);
hls.loadSource(${JSON.stringify(playlist)});
setInterval(() => (loaded.time_s = video.currentTime), 200);
</script>`;
}

const loaded = (page: Page): Promise<Loaded> => page.evaluate(() => (window as unknown as { loaded: Loaded }).loaded);

test("p2p-media-loader's viewers share a live through the tracker", { timeout: 120_000 }, async () => {
	const live = await shoal.createLive({ name: 'For others' });
	const publisher = new Publisher(live.publishUrl, { noisy: true });
	await until('the live is published', 15_000, async () => (await shoal.api.video(live.uuid)).state?.id === 1);
	// In whole segments: p2p-media-loader loses a playlist at its first reload with `_HLS_msn`.
	const playlist = ((await shoal.api.video(live.uuid)).streamingPlaylists[0]?.playlistUrl ?? '').replace('master.m3u8', 'whole.m3u8');
	// As much as the page wants to be behind.
	await pause(24_000);
	const tracker = shoal.url.replace(/^http/, 'ws') + '/tracker/socket';
	const site = await StaticServer.start({
		'/': { text: foreignPage(playlist, tracker) },
		'/hls.js': `${modules}/hls.js/dist/hls.mjs`,
		'/core.js': `${modules}/p2p-media-loader-core/dist/p2p-media-loader-core.es.min.js`,
		'/engine.js': `${modules}/p2p-media-loader-hlsjs/dist/p2p-media-loader-hlsjs.es.min.js`
	});
	const pages: Page[] = [];
	try {
		for (let i = 0; i < 2; i++) {
			const page = await (await browser.newContext()).newPage();
			await page.goto(site.url);
			pages.push(page);
		}
		const both = (): Promise<Loaded[]> => Promise.all(pages.map(loaded));
		await until('both play', 45_000, async () => (await both()).every(({ time_s }) => time_s > 1));
		await until('they share segments', 60_000, async () => (await both()).some(({ p2p }) => p2p > 100_000)).catch(async (error: unknown) => {
			throw new Error(JSON.stringify(await both()), { cause: error });
		});
		expect((await both()).every(({ http }) => http > 0)).toBe(true);
	} finally {
		await Promise.all(pages.map((page) => page.close()));
		await site.stop();
		await publisher.kill();
	}
});
