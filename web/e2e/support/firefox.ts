import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import type { Stats } from './browser';
import { until } from './until';

/** Debian's Firefox over WebDriver BiDi: Playwright speaks only to a Firefox of its own. */
export function launchFirefox(): Promise<Browser> {
	return puppeteer.launch({
		browser: 'firefox',
		executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
		headless: true,
		extraPrefsFirefox: {
			'media.autoplay.default': 0,
			'media.autoplay.blocking_policy': 0,
			'media.volume_scale': '0.0',
			// No decoder to fetch, no updates: the real thing asks the network, a test must not.
			'media.gmp-manager.url': '',
			'app.update.auto': false,
			// Addresses in candidates as they are: names of mDNS do not cross from one browser's responder to the other's here.
			'media.peerconnection.ice.obfuscate_host_addresses': false
		}
	});
}

interface Shown {
	time_s: number;
	frames: number;
}

function shown(page: Page): Promise<Shown | null> {
	return page.evaluate(() => {
		const video = document.querySelector('video') ?? document.querySelector('shoal-player')?.shadowRoot?.querySelector('video') ?? null;
		return video && { time_s: video.currentTime, frames: video.getVideoPlaybackQuality().totalVideoFrames };
	});
}

/** Waits until the picture moves. */
export async function firefoxPlays(page: Page, timeout_ms: number): Promise<void> {
	let first: Shown | null = null;
	await until('the picture moves in Firefox', timeout_ms, async () => {
		const now = await shown(page);
		if (!now) return false;
		if (!first || now.time_s < first.time_s) first = now;
		return now.time_s - first.time_s > 0.3 && now.frames - first.frames >= 5;
	});
}

export function firefoxStats(page: Page): Promise<Stats> {
	return page.evaluate(() => (window as unknown as { shoal: { stats(): Stats } }).shoal.stats()) as Promise<Stats>;
}
