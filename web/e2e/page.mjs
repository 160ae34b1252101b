#!/usr/bin/env node
/**
 * Keeps a page open in a real browser and tells when its picture moves: for what is counted from an event outside the
 * page, such as a publisher's start, and not from the page's own opening (for that see latency.mjs).
 *
 *   node page.mjs
 *
 * Takes commands on standard input, one a line, and answers each with one line of JSON:
 *   open URL                 opens it in a fresh page and waits until that is loaded: {}
 *   picture SINCE SECONDS    waits at most SECONDS for a picture that moves, shown at or after SINCE (ms since 1970):
 *                            {first_ms, moving_ms, loads}; null where there was none
 * `first_ms` is when the first frame was presented, `moving_ms` the first one that others followed without a pause;
 * `loads`: how often the page was loaded since it was opened. Source and browser must share a clock.
 */

import { createInterface } from 'node:readline';
import { launch } from './latency.mjs';

/** How often the page is asked. */
const POLL_MS = 100;

/** Runs in the page before its scripts: notes when each frame of its video is presented, in ms since 1970. */
function probe() {
	const shown = [];
	const watched = new WeakSet();
	const watch = (video) => {
		if (watched.has(video)) return;
		watched.add(video);
		const frame = (_now, meta) => {
			shown.push(performance.timeOrigin + Math.max(meta.expectedDisplayTime, meta.presentationTime ?? 0));
			video.requestVideoFrameCallback(frame);
		};
		video.requestVideoFrameCallback(frame);
	};
	const observe = (root) =>
		new MutationObserver(() => root.querySelectorAll('video').forEach(watch)).observe(root, { childList: true, subtree: true });
	observe(document);
	const attachShadow = Element.prototype.attachShadow;
	Element.prototype.attachShadow = function (init) {
		const root = attachShadow.call(this, init);
		observe(root);
		return root;
	};
	window.__picture = (since) => {
		// Longer than this between two frames, and the picture stands; so many in a row, and it moves.
		const PAUSE_MS = 200;
		const IN_A_ROW = 10;
		const frames = shown.filter((at) => at >= since);
		const row = (from) => frames.slice(from, from + IN_A_ROW);
		const moves = (row) => row.length === IN_A_ROW && row.every((at, i) => i === 0 || at - row[i - 1] <= PAUSE_MS);
		return { first_ms: frames[0] ?? null, moving_ms: frames.find((_, i) => moves(row(i))) ?? null };
	};
}

const browser = await launch();
let context = null;
let page = null;
let loads = 0;

const commands = {
	async open(url) {
		await context?.close();
		context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
		page = await context.newPage();
		await page.addInitScript(probe);
		loads = 0;
		page.on('load', () => loads++);
		await page.goto(url);
		return {};
	},
	async picture(since, seconds) {
		const until = Date.now() + Number(seconds) * 1000;
		for (;;) {
			const seen = await page.evaluate((since) => window.__picture(since), Number(since));
			if (seen.moving_ms !== null || Date.now() > until) return { ...seen, loads };
			await page.waitForTimeout(POLL_MS);
		}
	}
};

try {
	for await (const line of createInterface({ input: process.stdin })) {
		const [name, ...words] = line.trim().split(' ');
		console.log(JSON.stringify(await commands[name](...words)));
	}
} finally {
	await browser.close();
}
