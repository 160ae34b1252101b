import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch } from '../support/browser';
import { StaticServer } from '../support/static-server';
import { until } from '../support/until';

/** The tracker by itself (p2p-tracker/examples), built beside the server. */
const program = join(dirname(resolve(process.env.SHOAL_BIN ?? 'target/release/shoal')), 'examples', 'tracker');

interface Torrent {
	infoHash: string;
	progress: number;
	numPeers: number;
}

/** What the page keeps of WebTorrent's client. */
interface Client {
	seed(file: File, options: { announce: string[] }, done: (torrent: Torrent) => void): void;
	add(magnet: string, options: { announce: string[] }): Torrent;
}

let browser: Browser;
let site: StaticServer;

beforeAll(async () => {
	const script = '<!doctype html><script type="module">import WebTorrent from "/webtorrent.js"; window.client = new WebTorrent({ tracker: { rtcConfig: {} } });</script>';
	// Names of mDNS need the machine's multicast; this is about the tracker.
	browser = await launch('--disable-features=WebRtcHideLocalIpsWithMdns');
	site = await StaticServer.start({ '/': { text: script }, '/webtorrent.js': resolve('../interop/node_modules/webtorrent/dist/webtorrent.min.js') });
});

afterAll(async () => {
	await browser?.close();
	await site?.stop();
});

async function open(): Promise<Page> {
	const page = await (await browser.newContext()).newPage();
	await page.goto(site.url);
	await page.waitForFunction(() => 'client' in window);
	return page;
}

function seed(page: Page, announce: string[]): Promise<string> {
	return page.evaluate((announce) => {
		const file = new File([new Uint8Array(300_000).fill(7)], 'sevens.bin');
		const { client } = window as unknown as { client: Client };
		return new Promise<string>((done) => client.seed(file, { announce }, (torrent) => done(torrent.infoHash)));
	}, announce);
}

test('WebTorrent in two pages moves a file through the tracker', async () => {
	// The tracker serves only swarms that exist: first find out what this one will be called.
	const scout = await open();
	const infoHash = await seed(scout, []);
	await scout.close();

	const tracker = spawn(program, ['127.0.0.1:0', infoHash], { stdio: ['ignore', 'pipe', 'inherit'] });
	try {
		const [address] = (await once(tracker.stdout, 'data')) as [Buffer];
		const announce = [`ws://${address.toString().trim()}/`];
		const [seeder, leecher] = [await open(), await open()];
		expect(await seed(seeder, announce)).toBe(infoHash);
		await leecher.evaluate(
			([infoHash, announce]) => {
				const own = window as unknown as { client: Client; torrent: Torrent };
				own.torrent = own.client.add(`magnet:?xt=urn:btih:${infoHash}`, { announce });
			},
			[infoHash, announce] as [string, string[]]
		);
		const progress = (): Promise<number> => leecher.evaluate(() => (window as unknown as { torrent: Torrent }).torrent.progress);
		await until('the file is there', 30_000, async () => (await progress()) === 1);
	} finally {
		tracker.kill();
	}
});
