import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { barriers } from '../support/accessibility';
import { collectFaults, DESK, launch, plays, screenshots } from '../support/browser';
import { Publisher } from '../support/publisher';
import { PASSWORD, Shoal } from '../support/shoal';
import { until } from '../support/until';

let shoal: Shoal;
let browser: Browser;
let page: Page;
let faults: string[];
let publisher: Publisher | undefined;

beforeAll(async () => {
	[shoal, browser] = await Promise.all([Shoal.start(), launch()]);
	const context = await browser.newContext({ viewport: DESK, permissions: ['clipboard-read', 'clipboard-write'] });
	page = await context.newPage();
	faults = collectFaults(page, shoal.url);
});

afterAll(async () => {
	await publisher?.kill();
	await browser?.close();
	await shoal?.stop();
});

test('an empty server says how to begin', async () => {
	await page.goto(shoal.url);
	await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
	await screenshots(page, 'home-empty');
	expect(await barriers(page)).toEqual([]);
	await page.getByRole('link', { name: 'Start your first live' }).click();
	await page.waitForURL('**/login?next=%2Flive%2Fnew');
});

test('a wrong password is told in words, the right one leads on', async () => {
	await page.getByLabel('User name or e-mail').fill('root');
	await page.getByLabel('Password').fill('wrong');
	await page.getByRole('button', { name: 'Log in' }).click();
	await page.getByRole('alert').filter({ hasText: 'The user name or the password is not right.' }).waitFor();
	await screenshots(page, 'login');
	expect(await barriers(page)).toEqual([]);
	await page.getByLabel('Password').fill(PASSWORD);
	await page.keyboard.press('Enter');
	await page.waitForURL('**/live/new');
});

test('a live is created, its key is hidden until asked for', async () => {
	await page.getByRole('heading', { level: 1, name: 'Go live' }).waitFor();
	await page.getByRole('button', { name: 'Create the live' }).click();
	await page.getByText('Give the live a name').waitFor();
	await screenshots(page, 'go-live');
	expect(await barriers(page)).toEqual([]);
	await page.getByLabel('Name', { exact: true }).fill('My first live');
	await page.getByRole('button', { name: 'Create the live' }).click();
	await page.waitForURL(/\/live\/[0-9a-f-]{36}$/);
	await page.getByRole('heading', { level: 1, name: 'My first live' }).waitFor();

	const key = page.getByLabel('Stream key', { exact: true });
	expect(await key.getAttribute('type')).toBe('password');
	await screenshots(page, 'dashboard-waiting');
	await page.getByRole('button', { name: 'Show key' }).click();
	expect(await key.getAttribute('type')).toBe('text');
	await page.getByRole('button', { name: 'Copy Stream key' }).click();
	expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await key.inputValue());
});

test('what the encoder sends is shown, with its health', async () => {
	const server = await page.getByLabel('Server', { exact: true }).inputValue();
	const key = await page.getByLabel('Stream key', { exact: true }).inputValue();
	publisher = new Publisher(`${server.replace('localhost', '127.0.0.1')}/${key}`);
	await plays(page, 15_000);
	const shown = (name: string) => page.locator(`[data-health=${name}] dd`).textContent();
	await until('the resolution is shown', 10_000, async () => (await shown('resolution')) === '640 × 360');
	await until('the frame rate is measured', 10_000, async () => Math.abs(Number(await shown('fps')) - 30) < 3);
	await until('the keyframe interval is measured', 10_000, async () => (await shown('keyframe')) === '2 s');
	await until('the bitrate is measured', 10_000, async () => parseInt(((await shown('bitrate')) ?? '').replace(/\D/g, ''), 10) > 100);
	expect(await shown('b-frames')).toBe('0');
	expect(await shown('drops')).toBe('None');
	await page.getByText('The stream arrives well.').waitFor();
	await page.getByText('On air, started').waitFor();
	await screenshots(page, 'dashboard');
	expect(await barriers(page)).toEqual([]);
});

test('a new stream key takes the place of the old one', async () => {
	const before = await page.getByLabel('Stream key', { exact: true }).inputValue();
	await page.getByRole('button', { name: 'New stream key' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Replace it' }).click();
	await page.getByText('The stream key is new.').waitFor();
	expect(await page.getByLabel('Stream key', { exact: true }).inputValue()).not.toBe(before);
});

test('the owner ends the stream, and finds its replay', async () => {
	await page.getByRole('button', { name: 'End stream' }).click();
	const dialog = page.getByRole('dialog');
	await dialog.waitFor();
	await screenshots(page, 'dashboard-end');
	expect(await barriers(page)).toEqual([]);
	await dialog.getByRole('button', { name: 'End it now' }).click();
	await page.getByText('The broadcast was ended.').waitFor();
	await page.getByRole('heading', { name: 'This live has ended' }).waitFor({ timeout: 10_000 });
	await publisher?.kill();
	const replay = page.getByRole('link', { name: 'Replay', exact: true });
	await replay.waitFor({ timeout: 10_000 });
	await replay.click();
	await plays(page, 10_000);
	await page.getByRole('link', { name: 'My library' }).click();
	await page.getByRole('heading', { name: 'My videos' }).waitFor();
	await page.getByRole('link', { name: 'My first live' }).first().waitFor();
	await screenshots(page, 'library');
	expect(await barriers(page)).toEqual([]);
});

test('logging out shuts what is private', async () => {
	await page.getByRole('button', { name: 'Log out' }).click();
	await page.getByRole('link', { name: 'Log in' }).waitFor();
	await page.goto(`${shoal.url}/my-library`);
	await page.waitForURL('**/login?next=%2Fmy-library');
	expect(faults).toEqual([]);
});
