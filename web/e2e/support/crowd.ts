import { LatencyMode } from '@shoal/api-client';
import type { Browser, Page } from 'playwright-core';
import { launchAt, plays, stats, type Stats } from './browser';
import { headless, type HeadlessEvent, type HeadlessPeer, type HeadlessRun } from './headless';
import type { Home } from './homes';
import { liar, type Lie, type LiarRun, type Way } from './liars';
import { digestMedia, probe, seen } from './probe';
import { Publisher } from './publisher';
import type { Shoal, TestLive } from './shoal';
import { pause, until } from './until';

/** A parent is who sends at least a stripe of four, less than usual: as much in this time. */
const PARENTHOOD_MS = 1000;
const PARENTS_BYTES = 10_000;
/** Joining takes no longer. */
const SETTLED_MS = 10_000;

/** The beginning or end of a connection as one of its sides tells it. */
export interface Contact {
	peer: string;
	/** the last eight digits of the other side */
	other: string;
	at_ms: number;
	what: 'opened' | 'closed' | 'let go' | 'banned';
}

/** One process of headless viewers at a place of its own. */
export class Viewers {
	readonly run: HeadlessRun;
	/** by id: the newest of what each said of itself */
	readonly reports = new Map<string, HeadlessPeer>();
	readonly contacts: Contact[] = [];
	/** once a second, the longest that anything had to wait for the peer's own program since it was said last, in ms */
	readonly waits: { peer: string; at_ms: number; held_up_ms: number }[] = [];
	/** those that the tracker put out */
	readonly expelled = new Set<string>();
	#least_ahead_ms = Infinity;
	readonly #started_ms = Date.now();

	constructor(
		readonly home: Pick<Home, 'prefix'>,
		start: (event: (event: HeadlessEvent) => void) => HeadlessRun
	) {
		this.run = start((event) => this.#hear(event));
	}

	/** It has been there for long enough not to be busy with its own joining. */
	get settled(): boolean {
		return this.run.running && Date.now() - this.#started_ms > SETTLED_MS;
	}

	/** Least that any of them had loaded ahead of its playhead since this was asked last, in ms. */
	takeLeastAhead(): number {
		const least_ms = this.#least_ahead_ms;
		this.#least_ahead_ms = Infinity;
		return least_ms;
	}

	#hear(event: HeadlessEvent): void {
		const { peer, at_ms } = event;
		if ('report' in event) {
			this.reports.set(peer, event.report);
			this.waits.push({ peer, at_ms, held_up_ms: event.held_up_ms });
			if (event.least_ahead_ms !== null) this.#least_ahead_ms = Math.min(this.#least_ahead_ms, event.least_ahead_ms);
			return;
		}
		if (event.line.startsWith('swarm: tracker: expelled')) this.expelled.add(peer);
		const contact = /^swarm: ([0-9a-f]{8}) (opened|closed|let go|banned)/.exec(event.line);
		if (contact) this.contacts.push({ peer, other: contact[1]!, at_ms, what: contact[2] as Contact['what'] });
	}
}

/** This very machine. */
export const HERE: Pick<Home, 'prefix'> = { prefix: [] };

/** A page, with what is seen of it from outside of the engine. */
export interface Watcher {
	browser: Browser;
	page: Page;
}

/** Everybody on one live: pages, headless viewers and liars. */
export class Crowd {
	readonly pages: Watcher[] = [];
	readonly viewers: Viewers[] = [];
	readonly lies: Lie[] = [];
	readonly #liars: LiarRun[] = [];
	readonly #vanished: Viewers[] = [];
	#publisher: Publisher;

	private constructor(
		private readonly shoal: Shoal,
		private readonly publishers: Pick<Home, 'prefix'>,
		readonly live: TestLive
	) {
		this.#publisher = this.#publish();
	}

	static async open(shoal: Shoal, publishers = HERE): Promise<Crowd> {
		const live = await shoal.createLive({ name: 'Crowd', latencyMode: LatencyMode.default });
		const crowd = new Crowd(shoal, publishers, live);
		await until('the live is published', 15_000, async () => (await shoal.api.video(live.uuid)).state?.id === 1);
		return crowd;
	}

	#publish(): Publisher {
		return new Publisher(this.live.publishUrl, { prefix: this.publishers.prefix, noisy: true });
	}

	/** The server goes without a word, and its publisher with it; both come again. */
	async restart(): Promise<void> {
		await this.shoal.kill();
		await this.#publisher.kill();
		await this.shoal.run();
		this.#publisher = this.#publish();
	}

	async page(home = HERE): Promise<Watcher> {
		const browser = await launchAt(home.prefix);
		const page = await browser.newPage({ viewport: { width: 700, height: 480 } });
		const watcher = { browser, page };
		this.pages.push(watcher);
		await probe(page);
		await page.goto(this.shoal.url + this.live.watchPath);
		await plays(page, 30_000);
		return watcher;
	}

	view(seconds: number, home = HERE, count = 1): Viewers {
		const { url } = this.shoal;
		const viewers = new Viewers(home, (event) => headless(url, this.live, { count, seconds, prefix: home.prefix, event }));
		this.viewers.push(viewers);
		return viewers;
	}

	lie(way: Way, seconds: number, home = HERE): void {
		this.#liars.push(liar(this.shoal.url, this.live, way, { seconds, prefix: home.prefix, lied: (lie) => this.lies.push(lie) }));
	}

	stats(): Promise<Stats[]> {
		return Promise.all(this.pages.map(({ page }) => stats(page)));
	}

	/** Waits until every page and every headless viewer takes the stream from others. */
	async shares(timeout_ms: number): Promise<void> {
		const received = async (): Promise<number[]> => [
			...(await this.stats()).map(({ p2p_bytes }) => p2p_bytes),
			...this.viewers.filter(({ run }) => run.running).flatMap(({ reports }) => (reports.size === 0 ? [0] : [...reports.values()].map(({ p2p_bytes }) => p2p_bytes)))
		];
		let last: number[] = [];
		await until('everybody takes the stream from others', timeout_ms, async () => {
			const before = last;
			last = await received();
			await pause(1500);
			return before.length === last.length && last.every((bytes, index) => bytes > before[index]!);
		}).catch((error: unknown) => {
			throw new Error(`${String(error)}: ${JSON.stringify(last)}`, { cause: error });
		});
	}

	/** Stalls of the pages, and of headless viewers that are still there or ended by themselves. */
	async stalls(): Promise<{ pages: number; viewers: number }> {
		const pages = (await this.stats()).reduce((sum, { stalls }) => sum + stalls, 0);
		const reports = this.viewers.filter(({ run }) => run.running).flatMap((viewers) => [...viewers.reports.values()]);
		return { pages, viewers: reports.reduce((sum, { stalls }) => sum + stalls, 0) };
	}

	/** A process of headless viewers from which a page gets some of the stream just now; null when there is none. */
	async parentOfPage(): Promise<Viewers | null> {
		const received = async (): Promise<Map<string, number>> => {
			const all = await Promise.all(this.pages.map(({ page }) => seen(page)));
			return new Map(all.flatMap(({ self, pairs }) => pairs.filter(({ peer }) => peer).map(({ peer, received_bytes }) => [`${self} ${peer}`, received_bytes])));
		};
		const before = await received();
		await pause(PARENTHOOD_MS);
		const now = [...(await received())].map(([key, bytes]) => ({ peer: key.split(' ')[1]!, bytes: bytes - (before.get(key) ?? bytes) }));
		now.sort((a, b) => b.bytes - a.bytes);
		for (const { peer, bytes } of now) {
			const viewers = this.viewers.find(({ reports }) => reports.has(peer));
			if (bytes > PARENTS_BYTES && viewers) return viewers;
		}
		return null;
	}

	/** What has happened so far to the pages and `others`; headless viewers say so once a second. */
	async fares(others: Viewers[]): Promise<{ stalls: number; rescued: number; failovers: number; least_ahead_ms: number }> {
		const reports = others.flatMap((viewers) => [...viewers.reports.values()]);
		const sum = (key: 'stalls' | 'rescued' | 'failovers'): number => reports.reduce((all, report) => all + report[key], 0);
		const least_ahead_ms = Math.min(...others.map((viewers) => viewers.takeLeastAhead()));
		const pages = (await this.stats()).reduce((all, { stalls }) => all + stalls, 0);
		return { stalls: sum('stalls') + pages, rescued: sum('rescued'), failovers: sum('failovers'), least_ahead_ms };
	}

	/** The least that any page had buffered within `duration_ms`. */
	async leastBuffer(duration_ms: number): Promise<number> {
		const end_ms = performance.now() + duration_ms;
		let least_ms = Infinity;
		while (performance.now() < end_ms) {
			least_ms = Math.min(least_ms, ...(await this.stats()).map(({ buffer_ms }) => buffer_ms));
			await pause(100);
		}
		return least_ms;
	}

	/** What each page's document is known by. */
	marks(): Promise<number[]> {
		return Promise.all(this.pages.map(({ page }) => page.evaluate(() => performance.timeOrigin)));
	}

	/** Forgets viewers that are gone. */
	drop(viewers: Viewers): void {
		this.viewers.splice(this.viewers.indexOf(viewers), 1);
		this.#vanished.push(viewers);
	}

	/** How many media boxes the pages' players took, and how many of them the origin never had. To be asked when the stream has gone on for a segment. */
	async checkPages(): Promise<{ media: number; bad: number }> {
		const all = await Promise.all(this.pages.map(({ page }) => seen(page)));
		// Until the newest of what they have is in a segment that is whole.
		await pause(5000);
		const right = await this.#mediaOfOrigin();
		const media = all.flatMap((one) => one.media);
		const strange = all.reduce((sum, one) => sum + one.strange, 0);
		return { media: media.length, bad: media.filter((digest) => !right.has(digest)).length + strange };
	}

	async #mediaOfOrigin(): Promise<Set<string>> {
		const { base, renditions } = await (await fetch(`${this.shoal.url}/api/shoal/v1/swarms/${this.live.uuid}/token`)).json();
		const url = new URL(`${renditions[0]}.m3u8`, base.endsWith('/') ? base : `${base}/`);
		const playlist = await (await fetch(url)).text();
		const right = new Set<string>();
		for (const line of playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'))) {
			const segment = await fetch(new URL(line, url));
			if (segment.ok) for (const digest of digestMedia(new Uint8Array(await segment.arrayBuffer())).media) right.add(digest);
		}
		return right;
	}

	async close(): Promise<void> {
		for (const { run } of [...this.viewers, ...this.#vanished]) run.kill();
		for (const run of this.#liars) run.kill();
		await Promise.all(this.pages.map(({ browser }) => browser.close()));
		await this.#publisher.kill();
		await this.shoal.api.endLive(this.live.uuid).catch(() => undefined);
	}
}
