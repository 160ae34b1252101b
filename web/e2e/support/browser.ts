import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Locator, type Page } from 'playwright-core';
import { CLOCK, WIDTH } from './publisher';
import { until } from './until';

export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1280, height: 800 };

const SCREENSHOTS = fileURLToPath(new URL('../screenshots', import.meta.url));

/** Debian's Chromium: it decodes H.264 and AAC, as Google's own does. */
export function launch(...more: string[]): Promise<Browser> {
	return launchProgram(CHROMIUM, more);
}

/** The same with words before the command: in a network namespace. */
export function launchAt(prefix: string[]): Promise<Browser> {
	const program = join(mkdtempSync(join(tmpdir(), 'shoal-browser-')), 'chromium');
	writeFileSync(program, `#!/bin/sh\nexec ${prefix.join(' ')} ${CHROMIUM} "$@"\n`, { mode: 0o755 });
	return launchProgram(program, []);
}

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

function launchProgram(executablePath: string, more: string[]): Promise<Browser> {
	return chromium.launch({
		executablePath,
		args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--mute-audio', '--disable-gpu', ...more]
	});
}

export interface Stats {
	state: string;
	latency_ms: number | null;
	buffer_ms: number;
	stalls: number;
	http_bytes: number;
	p2p_bytes: number;
	p2p_upload_bytes: number;
	peers: number;
	rendition: string | null;
}

/** The public `window.shoal.stats()`. */
export function stats(page: Page): Promise<Stats> {
	return page.evaluate(() => (window as unknown as { shoal: { stats(): Stats } }).shoal.stats());
}

export function video(page: Page): Locator {
	return page.locator('video').first();
}

interface Progress {
	time_s: number;
	frames: number;
}

export function progress(page: Page): Promise<Progress> {
	return video(page).evaluate((element: HTMLVideoElement) => ({
		time_s: element.currentTime,
		frames: element.getVideoPlaybackQuality().totalVideoFrames
	}));
}

/** Waits until the picture moves: time and decoded frames both go on. Answers how long that took. */
export async function plays(page: Page, timeout_ms: number): Promise<number> {
	const start_ms = performance.now();
	let first: Progress | null = null;
	await until('the picture moves', timeout_ms, async () => {
		if ((await video(page).count()) === 0) return false;
		const now = await progress(page);
		if (!first || now.time_s < first.time_s || now.frames < first.frames) first = now;
		return now.time_s - first.time_s > 0.3 && now.frames - first.frames >= 5;
	}).catch(async (error: unknown) => {
		const state = await stats(page).catch(() => null);
		throw new Error(`${String(error)} (${JSON.stringify(state)})`, { cause: error });
	});
	return performance.now() - start_ms;
}

/** Waits for a heading in the page or on the picture; says how playback is when it does not come. */
export async function says(page: Page, name: string, timeout_ms: number): Promise<void> {
	try {
		await page.getByRole('heading', { name }).waitFor({ timeout: timeout_ms });
	} catch (error) {
		const [state, media] = await Promise.all([
			stats(page).catch(() => null),
			video(page)
				.evaluate(({ readyState, paused, seeking, currentTime }: HTMLVideoElement) => ({ readyState, paused, seeking, currentTime }))
				.catch(() => null)
		]);
		throw new Error(`"${name}" is not there: ${JSON.stringify({ ...state, ...media })}`, { cause: error });
	}
}

/** Seconds that `currentTime` and the number of frames that the picture went on within `duration_ms`. */
export async function watch(page: Page, duration_ms: number): Promise<Progress> {
	const before = await progress(page);
	await page.waitForTimeout(duration_ms);
	const after = await progress(page);
	return { time_s: after.time_s - before.time_s, frames: after.frames - before.frames };
}

/**
 * Reads the clock drawn in the picture at the moment when each frame is presented: glass to glass, in milliseconds.
 * Frames whose checksum is wrong (a picture in change) are left out.
 */
export function latencies(page: Page, count: number, timeout_ms: number): Promise<number[]> {
	return video(page).evaluate(
		(element: HTMLVideoElement, { clock, width, count, timeout_ms }) =>
			new Promise<number[]>((resolve) => {
				const canvas = document.createElement('canvas');
				canvas.width = width;
				canvas.height = clock.height_px;
				const context = canvas.getContext('2d', { willReadFrequently: true })!;
				const found: number[] = [];
				const timer = setTimeout(() => resolve(found), timeout_ms);
				const read: VideoFrameRequestCallback = (_now, frame) => {
					context.drawImage(element, 0, 0, width, clock.height_px, 0, 0, width, clock.height_px);
					const { data } = context.getImageData(0, clock.height_px / 2, width, 1);
					let value = 0;
					let checksum = 0;
					for (let bit = 0; bit < clock.bits; bit++) {
						const on = (data[(bit * clock.block_px + clock.block_px / 2) * 4] ?? 0) > 127 ? 1 : 0;
						if (bit < 32) value = value * 2 + on;
						else checksum = checksum * 2 + on;
					}
					const expected = (value ^ (value >>> 8) ^ (value >>> 16) ^ (value >>> 24)) & 0xff;
					if (checksum === expected) {
						const shown_ms = performance.timeOrigin + frame.expectedDisplayTime;
						const latency_ms = (shown_ms - value) % 2 ** 32;
						found.push(latency_ms < 0 ? latency_ms + 2 ** 32 : latency_ms);
					}
					if (found.length < count) element.requestVideoFrameCallback(read);
					else {
						clearTimeout(timer);
						resolve(found);
					}
				};
				element.requestVideoFrameCallback(read);
			}),
		{ clock: CLOCK, width: WIDTH, count, timeout_ms }
	);
}

export function median(values: number[]): number {
	return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** One picture as on a desk, one as on a phone; the window is back at desk size afterwards. */
export async function screenshots(page: Page, name: string): Promise<void> {
	mkdirSync(SCREENSHOTS, { recursive: true });
	for (const [size, viewport] of Object.entries({ phone: PHONE, desk: DESK })) {
		await page.setViewportSize(viewport);
		await page.screenshot({ path: join(SCREENSHOTS, `${name}-${size}.png`) });
	}
}

/** Errors that a page must not have, collected until the test asks. */
export function collectFaults(page: Page, base: string): string[] {
	const own = new URL(base).host;
	const faults: string[] = [];
	page.on('pageerror', (error) => faults.push(String(error)));
	page.on('request', (request) => {
		const url = new URL(request.url());
		if (url.protocol.startsWith('http') && url.host !== own) faults.push(`third-party request: ${request.url()}`);
	});
	page.on('console', (message) => {
		if (message.type() === 'error' && /Content Security Policy/i.test(message.text())) faults.push(message.text());
	});
	return faults;
}
