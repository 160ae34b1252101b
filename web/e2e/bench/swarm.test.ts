/**
 * What the swarm saves and what it costs, measured from outside: the server and the headless peers run in network
 * namespaces and the kernel counts what leaves the server's; pages are real Chromium pages; the clock in the picture tells the latency.
 * `benches/run swarm` from the repository's root; SHOAL_BENCH_SECONDS, SHOAL_BENCH_PAIRED_SECONDS (six pages) and SHOAL_BENCH_RUNS shorten it.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LatencyMode } from '@shoal/api-client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { latencies, launch, median, plays, stats, type Stats } from '../support/browser';
import { headless, type HeadlessEvent, type HeadlessPeer } from '../support/headless';
import { Internet, type Home } from '../support/homes';
import { nativePeers } from '../support/native';
import { Publisher } from '../support/publisher';
import { Shoal } from '../support/shoal';
import { pause, until } from '../support/until';

const SECONDS = Number(process.env.SHOAL_BENCH_SECONDS ?? 60);
const RUNS = Number(process.env.SHOAL_BENCH_RUNS ?? 3);
const PAIRED_SECONDS = Number(process.env.SHOAL_BENCH_PAIRED_SECONDS ?? 300);
/** From the last join to the first byte that counts. */
const SETTLE_MS = 20_000;
/** Between two of the pages' engines that join where there are many, in seconds: each costs a processor most of one. */
const JOIN_S = 2.5;
/** What the tracker's words to each peer may add. */
const MORE = 1.25;
const OUT = resolve(process.env.SHOAL_BENCH_OUT ?? '../../target/bench');

interface Row {
	what: string;
	bound: string;
	measured: string;
	met: boolean;
}

const rows: Row[] = [];
const details: unknown[] = [];
let internet: Internet;
/** Where headless engines and native peers are. */
let town: Home;
let suburb: Home;
let shoal: Shoal;

function row(what: string, bound: string, measured: string, met: boolean): void {
	rows.push({ what, bound, measured, met });
	console.info(`| ${what} | ${bound} | ${measured} | ${met ? 'met' : '**missed**'} |`);
}

beforeAll(async () => {
	internet = Internet.open();
	town = internet.host();
	suburb = internet.host();
	shoal = await Shoal.start({ SHOAL_METRICS_LISTEN: `${internet.server.address}:9100` }, internet.server);
});

afterAll(async () => {
	await shoal?.stop();
	internet?.close();
	mkdirSync(OUT, { recursive: true });
	const text = rows.map(({ what, bound, measured, met }) => `| ${what} | ${bound} | ${measured} | ${met ? 'met' : '**missed**'} |`).join('\n');
	writeFileSync(join(OUT, 'swarm.md'), `## swarm\n\n| what | bound | measured | |\n|---|---|---|---|\n${text}\n`);
	writeFileSync(join(OUT, 'swarm.json'), JSON.stringify({ rows, details }, null, '\t'));
});

/** Media bytes that publishers sent so far. */
async function ingested(): Promise<number> {
	const text = await (await fetch(`http://${internet.server.address}:9100/metrics`)).text();
	return Number(/^shoal_ingest_bytes_total (\d+)/m.exec(text)?.[1] ?? NaN);
}

interface Setting {
	pages: number;
	headless: number;
	native?: number;
	kbps: number;
	seconds: number;
	p2p: boolean;
}

interface Result {
	share: number;
	/** that the server sends */
	kbps: number;
	/** parts that native peers did not have in time */
	missed: number;
	p50_ms: number;
	p95_ms: number;
	stalls: number;
	requests_per_viewer_s: number;
	bad_parts: number;
	stats: Stats[];
}

async function measure(setting: Setting): Promise<Result> {
	const live = await shoal.createLive({ name: 'Swarm', latencyMode: LatencyMode.default });
	const publisher = new Publisher(live.publishUrl, { prefix: internet.server.prefix, bitrate_kbps: setting.kbps, noisy: true });
	const browsers: Browser[] = [];
	try {
		await until('the live is published', 15_000, async () => (await shoal.api.video(live.uuid)).state?.id === 1);
		const native = setting.native ?? 0;
		const spread_s = native > 0 ? setting.headless * JOIN_S : 0;
		const after_s = SETTLE_MS / 1000 + setting.seconds + 8;
		// The newest of what each engine without a picture said of itself.
		const engines = new Map<string, HeadlessPeer>();
		const event = (said: HeadlessEvent): void => void ('report' in said && engines.set(said.peer, said.report));
		const stalled = (): number => [...engines.values()].reduce((sum, { stalls }) => sum + stalls, 0);
		const others =
			setting.headless > 0 ? headless(shoal.url, live, { count: setting.headless, seconds: setting.pages + spread_s + after_s, spread_s, prefix: town.prefix, event }) : null;
		const natives = native > 0 ? nativePeers(shoal.url, live, { count: native, seconds: after_s, stagger_ms: (spread_s * 1000) / native, prefix: suburb.prefix }) : null;
		natives?.catch(() => undefined);
		await pause(spread_s * 1000);
		const pages: Page[] = [];
		const requests = { count: 0 };
		for (let i = 0; i < setting.pages; i++) {
			const browser = await launch();
			browsers.push(browser);
			const page = await browser.newPage({ viewport: { width: 700, height: 480 } });
			page.on('request', (request) => {
				if (request.url().startsWith('http')) requests.count++;
			});
			await page.goto(shoal.url + live.watchPath + (setting.p2p ? '' : '?p2p=0'));
			await plays(page, 20_000);
			pages.push(page);
		}
		await pause(SETTLE_MS);
		const before = { sent: internet.server.sent(), media: await ingested(), requests: requests.count, stalls: stalled(), stats: await Promise.all(pages.map(stats)) };
		const seen: number[] = [];
		const end_ms = performance.now() + setting.seconds * 1000;
		while (performance.now() < end_ms) {
			for (const page of pages) seen.push(...(await latencies(page, 2, 1500)));
			await pause(Math.min(500, Math.max(0, end_ms - performance.now())));
		}
		const sent = internet.server.sent() - before.sent;
		const media = (await ingested()) - before.media;
		const asked = requests.count - before.requests;
		const after = await Promise.all(pages.map(stats));
		const stalls = stalled() - before.stalls;
		const finished = (await others?.peers) ?? [];
		const natives_finished = (await natives) ?? [];
		seen.sort((a, b) => a - b);
		const result: Result = {
			share: sent / (media * (setting.pages + setting.headless + native)),
			kbps: (sent * 8) / setting.seconds / 1000,
			missed: natives_finished.reduce((sum, peer) => sum + peer.missed, 0),
			p50_ms: median(seen),
			p95_ms: seen[Math.floor(seen.length * 0.95)] ?? NaN,
			stalls: after.reduce((sum, now, i) => sum + now.stalls - (before.stats[i]?.stalls ?? 0), stalls),
			requests_per_viewer_s: asked / Math.max(1, setting.pages) / setting.seconds,
			bad_parts: finished.reduce((sum, peer) => sum + peer.bad_parts, 0),
			stats: after
		};
		details.push({ setting, result, sent, media, headless: finished, native: natives_finished });
		console.info(JSON.stringify({ setting, ...result, stats: undefined }));
		return result;
	} finally {
		await Promise.all(browsers.map((browser) => browser.close()));
		await publisher.kill();
		await shoal.api.endLive(live.uuid).catch(() => undefined);
	}
}

async function series(setting: Setting): Promise<Result[]> {
	const results: Result[] = [];
	for (let run = 0; run < RUNS; run++) results.push(await measure(setting));
	return results;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const of = (results: Result[], key: 'share' | 'kbps' | 'p50_ms' | 'p95_ms' | 'requests_per_viewer_s'): number => median(results.map((result) => result[key]));

test('six pages, sharing and by HTTP only in turns', async () => {
	const results: Result[] = [];
	const counts = { with: 0, without: 0 };
	for (let run = 0; run < RUNS; run++) {
		const setting = { pages: 6, headless: 0, kbps: 800, seconds: PAIRED_SECONDS };
		results.push(await measure({ ...setting, p2p: true }));
		counts.with += results.at(-1)!.stalls;
		const without = await measure({ ...setting, p2p: false });
		expect(without.share, 'everything comes from the server').toBeGreaterThan(0.9);
		counts.without += without.stalls;
	}
	row('6 Chromium viewers, 800 kbit/s: server sends of what they consume', '<= 25 %', percent(of(results, 'share')), of(results, 'share') <= 0.25);
	row('glass to glass, p50', '<= 2.0 s', seconds(of(results, 'p50_ms')), of(results, 'p50_ms') <= 2000);
	row('p95', '<= 2.6 s', seconds(of(results, 'p95_ms')), of(results, 'p95_ms') <= 2600);
	const rate = of(results, 'requests_per_viewer_s');
	row('HTTP requests of a viewer', '<= 1 in 5 s', `${(rate * 5).toFixed(2)} in 5 s`, rate <= 0.2);
	row(`stalls in ${RUNS} x ${PAIRED_SECONDS} s, sharing : HTTP only`, 'no more', `${counts.with} : ${counts.without}`, counts.with <= counts.without);
});

test('four pages and eight headless peers', async () => {
	const results = await series({ pages: 4, headless: 8, kbps: 800, seconds: SECONDS, p2p: true });
	row('12 peers (4 Chromium, 8 headless): server sends', '<= 15 %', percent(of(results, 'share')), of(results, 'share') <= 0.15);
	row('glass to glass, p50', '<= 2.0 s', seconds(of(results, 'p50_ms')), of(results, 'p50_ms') <= 2000);
	row('p95', '<= 2.6 s', seconds(of(results, 'p95_ms')), of(results, 'p95_ms') <= 2600);
	expect(results.every((result) => result.bad_parts === 0)).toBe(true);
});

/** Some are the pages' own engine. Sixty of those keep more than two processors busy, native peers of the same rules do not. */
test('sixty headless peers', async () => {
	const setting = { pages: 0, kbps: 1000, seconds: SECONDS, p2p: true };
	const fewer = await measure({ ...setting, headless: 4, native: 26 });
	const results = await series({ ...setting, headless: 8, native: 52 });
	row('60 headless peers (8 engines of pages, 52 native), 1 Mbit/s: server sends', '<= 6 %', percent(of(results, 'share')), of(results, 'share') <= 0.06);
	const [less, more] = [fewer.kbps, of(results, 'kbps')];
	row('to 30 peers : to 60', 'not more', `${Math.round(less)} : ${Math.round(more)} kbit/s`, more <= less * MORE);
	const stalls = results.reduce((sum, result) => sum + result.stalls, 0);
	const missed = results.reduce((sum, result) => sum + result.missed, 0);
	row('stalls of the engines, parts missed by the native peers', 'none', `${stalls}, ${missed}`, stalls + missed === 0);
	expect([fewer, ...results].every((result) => result.bad_parts === 0)).toBe(true);
});

test('every bound is met', () => {
	expect(rows.filter(({ met }) => !met)).toEqual([]);
});
