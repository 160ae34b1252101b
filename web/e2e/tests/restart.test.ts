import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DESK, launch, plays, video } from '../support/browser';
import { Publisher } from '../support/publisher';
import { Shoal } from '../support/shoal';
import { pause, until } from '../support/until';

let shoal: Shoal;
let browser: Browser;
const publishers: Publisher[] = [];

function publish(url: string): Publisher {
	const publisher = new Publisher(url);
	publishers.push(publisher);
	return publisher;
}

beforeAll(async () => {
	[shoal, browser] = await Promise.all([Shoal.start(), launch()]);
});

afterAll(async () => {
	await Promise.all(publishers.map((publisher) => publisher.kill()));
	await browser?.close();
	await shoal?.stop();
});

test('the server is killed and started again: the page recovers, the broadcast goes on, the replay has both halves', async () => {
	const live = await shoal.createLive({ name: 'Power cut', saveReplay: true });
	const first = publish(live.publishUrl);
	const page = await browser.newPage({ viewport: DESK });
	await page.goto(shoal.url + live.watchPath);
	await plays(page, 10_000);
	await page.evaluate(() => ((window as unknown as { same: boolean }).same = true));
	await pause(5000);

	await shoal.kill();
	await first.kill();
	await pause(1500);
	await shoal.run();
	const second = publish(live.publishUrl);
	await plays(page, 20_000);
	expect(await page.evaluate(() => (window as unknown as { same?: boolean }).same)).toBe(true);
	const sessions = await shoal.api.liveSessions(live.uuid);
	expect(sessions.total).toBe(1);
	expect(sessions.data[0]?.endDate).toBeNull();

	await pause(4000);
	await shoal.api.endLive(live.uuid);
	await second.kill();
	await until('the replay is there', 15_000, async () => {
		const ended = await shoal.api.video(live.uuid);
		return !ended.isLive && ended.streamingPlaylists.length > 0;
	});
	await page.goto(shoal.url + live.watchPath);
	await plays(page, 10_000);
	const duration_s = await video(page).evaluate((element: HTMLVideoElement) => element.duration);
	// 5 s and more before the cut, 4 s and more after it.
	expect(duration_s).toBeGreaterThan(8);
	await video(page).evaluate((element: HTMLVideoElement) => (element.currentTime = element.duration - 3));
	await plays(page, 6000);
	await page.close();
});
