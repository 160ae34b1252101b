/**
 * What the swarm saves and what it costs, measured from outside: the server runs in a network namespace and the kernel
 * counts what leaves it; pages are real Chromium pages; the clock in the picture tells the latency.
 * `benches/run swarm` from the repository's root; SHOAL_BENCH_SECONDS and SHOAL_BENCH_RUNS shorten it.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LatencyMode } from '@shoal/api-client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { latencies, launch, median, plays, stats, type Stats } from '../support/browser';
import { headless } from '../support/headless';
import { Namespace } from '../support/namespace';
import { Publisher } from '../support/publisher';
import { Shoal } from '../support/shoal';
import { pause, until } from '../support/until';

const SECONDS = Number(process.env.SHOAL_BENCH_SECONDS ?? 60);
const RUNS = Number(process.env.SHOAL_BENCH_RUNS ?? 3);
const PAIRED_SECONDS = Number(process.env.SHOAL_BENCH_PAIRED_SECONDS ?? 300);
/** From the last join to the first byte that counts. */
const SETTLE_MS = 20_000;
const OUT = resolve(process.env.SHOAL_BENCH_OUT ?? '../../target/bench');

interface Row {
	what: string;
	bound: string;
	measured: string;
	met: boolean;
}

const rows: Row[] = [];
const details: unknown[] = [];
let namespace: Namespace;
let shoal: Shoal;

function row(what: string, bound: string, measured: string, met: boolean): void {
	rows.push({ what, bound, measured, met });
	console.info(`| ${what} | ${bound} | ${measured} | ${met ? 'met' : '**missed**'} |`);
}

beforeAll(async () => {
	namespace = Namespace.open(1);
	shoal = await Shoal.start({ SHOAL_METRICS_LISTEN: `${namespace.address}:9100` }, namespace);
});

afterAll(async () => {
	await shoal?.stop();
	namespace?.close();
	mkdirSync(OUT, { recursive: true });
	const text = rows.map(({ what, bound, measured, met }) => `| ${what} | ${bound} | ${measured} | ${met ? 'met' : '**missed**'} |`).join('\n');
	writeFileSync(join(OUT, 'swarm.md'), `## swarm\n\n| what | bound | measured | |\n|---|---|---|---|\n${text}\n`);
	writeFileSync(join(OUT, 'swarm.json'), JSON.stringify({ rows, details }, null, '\t'));
});

/** Media bytes that publishers sent so far. */
async function ingested(): Promise<number> {
	const text = await (await fetch(`http://${namespace.address}:9100/metrics`)).text();
	return Number(/^shoal_ingest_bytes_total (\d+)/m.exec(text)?.[1] ?? NaN);
}

interface Setting {
	pages: number;
	headless: number;
	kbps: number;
	seconds: number;
	p2p: boolean;
}

interface Result {
	share: number;
	p50_ms: number;
	p95_ms: number;
	stalls: number;
	requests_per_viewer_s: number;
	bad_parts: number;
	stats: Stats[];
}

async function measure(setting: Setting): Promise<Result> {
	const live = await shoal.createLive({ name: 'Swarm', latencyMode: LatencyMode.default });
	const publisher = new Publisher(live.publishUrl, { prefix: namespace.prefix, bitrate_kbps: setting.kbps, noisy: true });
	const browsers: Browser[] = [];
	try {
		await until('the live is published', 15_000, async () => (await shoal.api.video(live.uuid)).state?.id === 1);
		const seconds = setting.pages + SETTLE_MS / 1000 + setting.seconds + 8;
		const others = setting.headless > 0 ? headless(shoal.url, live, { count: setting.headless, seconds }) : null;
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
		const before = { sent: namespace.sent(), media: await ingested(), requests: requests.count, stats: await Promise.all(pages.map(stats)) };
		const seen: number[] = [];
		const end_ms = performance.now() + setting.seconds * 1000;
		while (performance.now() < end_ms) {
			for (const page of pages) seen.push(...(await latencies(page, 2, 1500)));
			await pause(Math.min(500, Math.max(0, end_ms - performance.now())));
		}
		const sent = namespace.sent() - before.sent;
		const media = (await ingested()) - before.media;
		const asked = requests.count - before.requests;
		const after = await Promise.all(pages.map(stats));
		const finished = (await others?.peers) ?? [];
		seen.sort((a, b) => a - b);
		const result: Result = {
			share: sent / (media * (setting.pages + setting.headless)),
			p50_ms: median(seen),
			p95_ms: seen[Math.floor(seen.length * 0.95)] ?? NaN,
			stalls: after.reduce((sum, now, i) => sum + now.stalls - (before.stats[i]?.stalls ?? 0), 0) + finished.reduce((sum, peer) => sum + peer.stalls, 0),
			requests_per_viewer_s: asked / Math.max(1, setting.pages) / setting.seconds,
			bad_parts: finished.reduce((sum, peer) => sum + peer.bad_parts, 0),
			stats: after
		};
		details.push({ setting, result, sent, media, headless: finished });
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
const of = (results: Result[], key: 'share' | 'p50_ms' | 'p95_ms' | 'requests_per_viewer_s'): number => median(results.map((result) => result[key]));

test('six pages', async () => {
	const results = await series({ pages: 6, headless: 0, kbps: 800, seconds: SECONDS, p2p: true });
	row('6 Chromium viewers, 800 kbit/s: server sends of what they consume', '<= 25 %', percent(of(results, 'share')), of(results, 'share') <= 0.25);
	row('glass to glass, p50', '<= 2.0 s', seconds(of(results, 'p50_ms')), of(results, 'p50_ms') <= 2000);
	row('p95', '<= 2.6 s', seconds(of(results, 'p95_ms')), of(results, 'p95_ms') <= 2600);
	const rate = of(results, 'requests_per_viewer_s');
	row('HTTP requests of a viewer', '<= 1 in 5 s', `${(rate * 5).toFixed(2)} in 5 s`, rate <= 0.2);
});

test('four pages and eight headless peers', async () => {
	const results = await series({ pages: 4, headless: 8, kbps: 800, seconds: SECONDS, p2p: true });
	row('12 peers (4 Chromium, 8 headless): server sends', '<= 15 %', percent(of(results, 'share')), of(results, 'share') <= 0.15);
	row('glass to glass, p50', '<= 2.0 s', seconds(of(results, 'p50_ms')), of(results, 'p50_ms') <= 2000);
	row('p95', '<= 2.6 s', seconds(of(results, 'p95_ms')), of(results, 'p95_ms') <= 2600);
	expect(results.every((result) => result.bad_parts === 0)).toBe(true);
});

test('sixty headless peers', async () => {
	const results = await series({ pages: 0, headless: 60, kbps: 1000, seconds: SECONDS, p2p: true });
	row('60 headless peers, 1 Mbit/s: server sends', '<= 6 %', percent(of(results, 'share')), of(results, 'share') <= 0.06);
	expect(results.every((result) => result.bad_parts === 0)).toBe(true);
});

test('stalls with and without sharing, in turns', async () => {
	const counts = { with: 0, without: 0 };
	for (let run = 0; run < RUNS; run++) {
		const setting = { pages: 6, headless: 0, kbps: 800, seconds: PAIRED_SECONDS };
		counts.with += (await measure({ ...setting, p2p: true })).stalls;
		counts.without += (await measure({ ...setting, p2p: false })).stalls;
	}
	row(`stalls of 6 viewers in ${RUNS} x ${PAIRED_SECONDS} s, sharing : HTTP only`, 'no more', `${counts.with} : ${counts.without}`, counts.with <= counts.without);
});

test('every bound is met', () => {
	expect(rows.filter(({ met }) => !met)).toEqual([]);
});
