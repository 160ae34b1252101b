#!/usr/bin/env node
/**
 * Measures a page that plays the test picture, in a real browser: how far the picture on screen is behind the moment
 * it was drawn ("glass to glass"), how soon the first picture was there, and how often playback ran dry.
 *
 *   node latency.mjs URL [--seconds 30] [--settle 5] [--joins 1] [--join-interval 0.83] [--muted-start] [--samples FILE]
 *
 * The picture carries a clock: 40 blocks along the top edge, each 1/40 of the width and 48/720 of the height; 32 bits
 * of milliseconds since 1970 (low 32 bits, most significant first), then the exclusive-or of those four bytes. Source
 * and browser must share a clock, that is, run on one machine.
 *
 * Prints one JSON object, or, with several joins, `{joins: [...], summary}`. Also a module: `measure(url, options)`.
 */

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

/** Headless Chromium as Debian packages it, without what would talk to the network or wait for a gesture. */
export const CHROMIUM_FLAGS = [
	'--headless',
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
	'--autoplay-policy=no-user-gesture-required',
	'--mute-audio'
];

/** Opens the browser; the caller closes it. */
export function launch(extra_flags = []) {
	return chromium.launch({
		executablePath: process.env.SHOAL_CHROMIUM ?? '/usr/bin/chromium',
		args: [...CHROMIUM_FLAGS, ...extra_flags],
		ignoreDefaultArgs: ['--mute-audio']
	});
}

/** Runs in the page before its scripts: watches the first video element, wherever it is. */
function probe() {
	const now = () => performance.timeOrigin + performance.now();
	const log = {
		first_picture_ms: null,
		samples: [],
		bad_decodes: 0,
		frames: 0,
		stalls: [],
		waiting: 0,
		seeks: 0,
		rates: [],
		gone: false
	};
	window.__latency = log;
	// "waiting" comes also when the decoder catches its breath for a frame or two, on a busy machine. A stall is one
	// with nothing left to play, or one that is seen.
	const DRY_S = 0.1;
	const FROZEN_MS = 200;
	let canvas = null;
	let context = null;

	function read(video) {
		const width = video.videoWidth;
		const height = Math.max(1, Math.round((video.videoHeight * 48) / 720));
		if (!width) return null;
		if (!canvas || canvas.width !== width || canvas.height !== height) {
			canvas = document.createElement('canvas');
			canvas.width = width;
			canvas.height = height;
			context = canvas.getContext('2d', { willReadFrequently: true });
		}
		context.drawImage(video, 0, 0, width, height, 0, 0, width, height);
		const row = context.getImageData(0, Math.floor(height / 2), width, 1).data;
		// Drawn at this size blocks have whole pixels; scaled to it they have not.
		return decode(row, Math.floor(width / 40)) ?? decode(row, width / 40);
	}

	function decode(row, block) {
		const bytes = [0, 0, 0, 0, 0];
		for (let i = 0; i < 40; i++) {
			const from = Math.floor((i + 0.25) * block);
			const to = Math.max(from + 1, Math.floor((i + 0.75) * block));
			let sum = 0;
			for (let x = from; x < to; x++) sum += row[x * 4 + 1];
			if (sum / (to - from) > 127) bytes[i >> 3] |= 0x80 >> (i & 7);
		}
		if ((bytes[0] ^ bytes[1] ^ bytes[2] ^ bytes[3]) !== bytes[4]) return null;
		return ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
	}

	function ahead(video) {
		const { buffered, currentTime } = video;
		for (let i = 0; i < buffered.length; i++) {
			if (buffered.start(i) <= currentTime + 0.05 && currentTime < buffered.end(i)) return buffered.end(i) - currentTime;
		}
		return 0;
	}

	function watch(video) {
		if (log.video) return;
		Object.defineProperty(log, 'video', { value: video });
		let dry_since = null;
		let dry_ahead_s = 0;
		const frame = (_now, meta) => {
			const shown_ms = performance.timeOrigin + Math.max(meta.expectedDisplayTime, meta.presentationTime ?? 0);
			log.frames++;
			if (log.first_picture_ms === null) log.first_picture_ms = performance.now();
			const stamp = read(video);
			if (stamp === null) log.bad_decodes++;
			else {
				// The clock has 32 bits: the nearest time with these low bits.
				const low = Math.floor(shown_ms) % 2 ** 32;
				let behind = low - stamp;
				if (behind < -(2 ** 31)) behind += 2 ** 32;
				if (behind > 2 ** 31) behind -= 2 ** 32;
				log.samples.push([performance.now(), behind + (shown_ms % 1)]);
			}
			if (dry_since !== null) {
				const frozen_ms = performance.now() - dry_since;
				if (dry_ahead_s < DRY_S || frozen_ms >= FROZEN_MS) log.stalls.push([dry_since, frozen_ms]);
				dry_since = null;
			}
			video.requestVideoFrameCallback(frame);
		};
		video.requestVideoFrameCallback(frame);
		video.addEventListener('waiting', () => {
			if (log.first_picture_ms === null || video.seeking || video.paused) return;
			log.waiting++;
			if (dry_since !== null) return;
			dry_since = performance.now();
			dry_ahead_s = ahead(video);
		});
		video.addEventListener('seeking', () => log.seeks++);
		video.addEventListener('ratechange', () => log.rates.push([performance.now(), video.playbackRate]));
	}

	function search(node) {
		if (node instanceof HTMLVideoElement) watch(node);
		else if (node.querySelector) {
			const found = node.querySelector('video');
			if (found) watch(found);
		}
	}
	const observe = (root) =>
		new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(search))).observe(root, {
			childList: true,
			subtree: true
		});
	observe(document);
	const attachShadow = Element.prototype.attachShadow;
	Element.prototype.attachShadow = function (init) {
		const root = attachShadow.call(this, init);
		observe(root);
		return root;
	};
	log.started_ms = now();
}

export function percentile(values, p) {
	if (values.length === 0) return null;
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor((p / 100) * sorted.length))];
}

const round = (value) => (value === null ? null : Math.round(value));

/**
 * Opens `url` in a fresh page and watches it for `seconds` after the first picture (or after navigation, when none
 * comes within `patience` seconds); figures leave out the first `settle` seconds after the first picture.
 */
export async function measure(url, { browser, seconds = 30, settle = 5, patience = 30, samples_file = null } = {}) {
	const own = browser ?? (await launch());
	const context = await own.newContext({ viewport: { width: 1280, height: 800 } });
	try {
		const page = await context.newPage();
		const errors = [];
		page.on('pageerror', (error) => errors.push(String(error)));
		await page.addInitScript(probe);
		await page.goto(url, { waitUntil: 'commit' });
		await page
			.waitForFunction(() => window.__latency.first_picture_ms !== null, null, { timeout: patience * 1000, polling: 100 })
			.catch(() => undefined);
		await page.waitForTimeout(seconds * 1000);
		const log = await page.evaluate(() => {
			const { samples, stalls, rates, first_picture_ms, bad_decodes, frames, waiting, seeks, video } = window.__latency;
			const quality = video?.getVideoPlaybackQuality?.();
			return {
				samples,
				stalls,
				rates,
				first_picture_ms,
				bad_decodes,
				frames,
				waiting,
				seeks,
				dropped: quality?.droppedVideoFrames ?? null,
				width: video?.videoWidth ?? null,
				height: video?.videoHeight ?? null,
				stats: window.shoal?.stats?.() ?? null
			};
		});
		if (samples_file) writeFileSync(samples_file, JSON.stringify({ samples: log.samples, rates: log.rates, stalls: log.stalls }));
		const from = (log.first_picture_ms ?? 0) + settle * 1000;
		const settled = log.samples.filter(([at]) => at >= from).map(([, behind]) => behind);
		return {
			url,
			first_picture_ms: round(log.first_picture_ms),
			first_latency_ms: round(log.samples[0]?.[1] ?? null),
			glass_to_glass_ms: {
				p50: round(percentile(settled, 50)),
				p95: round(percentile(settled, 95)),
				max: round(settled.length ? Math.max(...settled) : null),
				min: round(settled.length ? Math.min(...settled) : null),
				samples: settled.length
			},
			stalls: log.stalls.filter(([at]) => at >= (log.first_picture_ms ?? 0)).length,
			stalled_ms: round(log.stalls.reduce((sum, [, ms]) => sum + ms, 0)),
			stalls_settled: log.stalls.filter(([at]) => at >= from).length,
			waiting_events: log.waiting,
			seeks: log.seeks,
			rate_changes: log.rates.length,
			frames: log.frames,
			dropped_frames: log.dropped,
			bad_decodes: log.bad_decodes,
			resolution: log.width ? `${log.width}x${log.height}` : null,
			stats: log.stats,
			page_errors: errors
		};
	} finally {
		await context.close();
		if (!browser) await own.close();
	}
}

/** Several joins one after the other, `interval_s` of phase apart, so that they meet every point of a keyframe interval. */
export async function measureJoins(url, { joins, interval_s = 0, ...options }) {
	const browser = await launch();
	const results = [];
	try {
		// The first page pays for the browser's own start: not a viewer's experience.
		const warm = await browser.newPage();
		await warm.goto('about:blank');
		await warm.close();
		for (let i = 0; i < joins; i++) {
			const begun = Date.now();
			results.push(await measure(url, { ...options, browser }));
			if (interval_s > 0) {
				const period_ms = interval_s * 1000;
				const spent = (Date.now() - begun) % period_ms;
				await new Promise((resolve) => setTimeout(resolve, period_ms - spent));
			}
		}
	} finally {
		await browser.close();
	}
	const first = results.map((result) => result.first_picture_ms).filter((value) => value !== null);
	const p50s = results.map((result) => result.glass_to_glass_ms.p50).filter((value) => value !== null);
	return {
		joins: results,
		summary: {
			joins,
			without_picture: results.length - first.length,
			first_picture_ms: { p50: percentile(first, 50), p95: percentile(first, 95), max: first.length ? Math.max(...first) : null },
			glass_to_glass_p50_ms: { p50: percentile(p50s, 50), max: p50s.length ? Math.max(...p50s) : null },
			stalls: results.reduce((sum, result) => sum + result.stalls, 0)
		}
	};
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const options = new Map();
	const urls = [];
	for (let i = 2; i < process.argv.length; i++) {
		const argument = process.argv[i];
		if (argument.startsWith('--')) options.set(argument.slice(2), process.argv[++i]);
		else urls.push(argument);
	}
	if (urls.length !== 1) {
		console.error('usage: latency.mjs URL [--seconds 30] [--settle 5] [--joins 1] [--join-interval SECONDS] [--samples FILE]');
		process.exit(2);
	}
	const number = (name, fallback) => (options.has(name) ? Number(options.get(name)) : fallback);
	const settings = { seconds: number('seconds', 30), settle: number('settle', 5), samples_file: options.get('samples') ?? null };
	const joins = number('joins', 1);
	const result =
		joins > 1
			? await measureJoins(urls[0], { ...settings, joins, interval_s: number('join-interval', 0) })
			: await measure(urls[0], settings);
	console.log(JSON.stringify(result, null, '\t'));
}
