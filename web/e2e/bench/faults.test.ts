/**
 * What faults and malice cost a live swarm: parents that vanish, peers that lie, a server that is killed, thin uplinks.
 * Everybody has a place of its own on a small internet of network namespaces, and another neighbourhood to the tracker.
 * `benches/run swarm faults` from the repository's root, as root; SHOAL_BENCH_TIMES and SHOAL_BENCH_SECONDS shorten it.
 */

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Crowd, type Viewers } from '../support/crowd';
import { Internet, type Home } from '../support/homes';
import { WAYS, type Way } from '../support/liars';
import { plays } from '../support/browser';
import { Shoal } from '../support/shoal';
import { Table } from '../support/table';
import { judge } from '../support/verdict';
import { pause, until } from '../support/until';

/** Parents that vanish, each way. */
const TIMES = Number(process.env.SHOAL_BENCH_TIMES ?? 20);
/** Of lies in each way, and of thin uplinks. */
const SECONDS = Number(process.env.SHOAL_BENCH_SECONDS ?? 60);
/** After a parent vanished: stalls from then on are its doing. */
const AFTERMATH_MS = 6000;
/** A silenced machine comes back no earlier: by then all have given it up. */
const SILENCE_MS = 15_000;
/** Everybody shares within this of the last join. */
const SHARING_MS = 60_000;
/** Headless viewers end by themselves when a measurement that went wrong does not stop them. */
const FOREVER_S = 3600;

const table = new Table('faults');
let internet: Internet;
let shoal: Shoal;
let crowd: Crowd;

beforeAll(async () => {
	internet = Internet.open();
	const { server } = internet;
	shoal = await Shoal.start(
		{
			SHOAL_STUN_LISTEN: `${server.address}:3478`,
			SHOAL_METRICS_LISTEN: `${server.address}:9100`,
			SHOAL_SWARM_DELAY_S: '2',
			// Pages count pages only.
			SHOAL_SWARM_MINIMUM_VIEWERS: '2'
		},
		server
	);
});

afterAll(async () => {
	await shoal?.stop();
	internet?.close();
	table.write();
});

beforeEach(async () => {
	crowd = await Crowd.open(shoal, internet.server);
});

afterEach(() => crowd?.close());

const hosts: Home[] = [];

/** The first `count` places; they are used again by each measurement. */
function places(count: number): Home[] {
	while (hosts.length < count) hosts.push(internet.host());
	return hosts.slice(0, count);
}

async function vanish(way: 'killed' | 'silenced'): Promise<void> {
	const PAGES = 2;
	const VIEWERS = 8;
	// A silenced machine is out of use for a while.
	const homes = new Map<Viewers, Home>();
	const view = (home: Home): void => void homes.set(crowd.view(FOREVER_S, home), home);
	const free = places(PAGES + VIEWERS + 1 + Math.ceil(SILENCE_MS / AFTERMATH_MS));
	for (let i = 0; i < VIEWERS; i++) view(free.shift()!);
	for (let i = 0; i < PAGES; i++) await crowd.page(free.shift()!);
	await crowd.shares(SHARING_MS);
	await pause(5000);
	const sum = { stalls: 0, rescued: 0, failovers: 0, least_ahead_ms: Infinity, least_buffer_ms: Infinity };
	const returning: Promise<void>[] = [];
	for (let time = 0; time < TIMES; time++) {
		const victim = await until('a page has a parent that can vanish', SHARING_MS, () => crowd.parentOfPage());
		const home = homes.get(victim)!;
		const others = crowd.viewers.filter((viewers) => viewers !== victim && viewers.settled);
		const before = await crowd.fares(others);
		if (way === 'killed') {
			victim.run.kill();
			free.push(home);
		} else {
			home.silence(true);
			returning.push(
				pause(SILENCE_MS).then(() => {
					victim.run.kill();
					home.silence(false);
					free.push(home);
				})
			);
		}
		const least_buffer_ms = await crowd.leastBuffer(AFTERMATH_MS / 2);
		crowd.drop(victim);
		view(free.shift()!);
		await pause(AFTERMATH_MS / 2);
		const after = await crowd.fares(others);
		const trial = {
			stalls: after.stalls - before.stalls,
			rescued: after.rescued - before.rescued,
			failovers: after.failovers - before.failovers,
			least_ahead_ms: after.least_ahead_ms,
			least_buffer_ms
		};
		table.details.push({ way, time, ...trial });
		console.info(way, time, JSON.stringify(trial));
		sum.stalls += trial.stalls;
		sum.rescued += trial.rescued;
		sum.failovers += trial.failovers;
		sum.least_ahead_ms = Math.min(sum.least_ahead_ms, trial.least_ahead_ms);
		sum.least_buffer_ms = Math.min(sum.least_buffer_ms, trial.least_buffer_ms);
	}
	await Promise.all(returning);
	table.row(
		`a parent is ${way}, ${TIMES} times: stalls of the others`,
		'none',
		`${sum.stalls}; ${sum.failovers} stripes went to standbys, ${sum.rescued} slices came by HTTP; never less than ${sum.least_ahead_ms} ms ahead (pages ${Math.round(sum.least_buffer_ms)} ms)`,
		sum.stalls === 0
	);
	const { media, bad } = await crowd.checkPages();
	expect([media > 0, bad]).toEqual([true, 0]);
}

test('a parent is killed', () => vanish('killed'));

test('a parent falls silent', () => vanish('silenced'));

/** Three in ten, each of another neighbourhood, lie in `ways` by turns. */
async function lies(name: string, ways: readonly Way[]): Promise<void> {
	const PAGES = 2;
	const PROCESSES = 6;
	const LIARS = 6;
	const JOINING_MS = 2500;
	const free = places(PAGES + PROCESSES + LIARS);
	// Who comes first serves those who come later.
	for (let i = 0; i < LIARS; i++) crowd.lie(ways[i % ways.length]!, FOREVER_S, free.shift()!);
	const honest: Viewers[] = [];
	for (let i = 0; i < PROCESSES; i++) {
		honest.push(crowd.view(SECONDS + 90, free.shift()!, 2));
		// Joining all at once would keep two processors too busy to judge by.
		await pause(JOINING_MS);
	}
	for (let i = 0; i < PAGES; i++) await crowd.page(free.shift()!);
	await crowd.shares(SHARING_MS);
	const before = await crowd.stalls();
	await pause(SECONDS * 1000);
	const after = await crowd.stalls();
	const verdict = await judge(crowd);
	const { media, bad } = await crowd.checkPages();
	const peers = (await Promise.all(honest.map(({ run }) => run.peers))).flat();
	const unchecked = (await Promise.all(honest.map(({ run }) => run.unchecked_parts))).reduce((sum, count) => sum + count, 0);
	const parts = peers.reduce((sum, peer) => sum + peer.parts, 0);
	const bad_parts = peers.reduce((sum, peer) => sum + peer.bad_parts, 0);
	const stalls = { pages: after.pages - before.pages, viewers: after.viewers - before.viewers };
	table.details.push({ name, verdict, media, bad, parts, unchecked, bad_parts, stalls, peers });
	console.info(name, JSON.stringify({ ...verdict, slow: verdict.slow.slice(0, 5), media, bad, parts, unchecked, bad_parts, stalls }));
	const of = `30 % of 20 peers lie (${name})`;
	table.row(`${of}: bad bytes in any player`, '0', `${bad_parts} of ${parts - unchecked} parts, ${bad} of ${media} of pages`, bad + bad_parts === 0 && media > 0 && unchecked < parts / 10);
	if (verdict.pairs > 0) {
		const measured = `${verdict.pairs - verdict.slow.length} of ${verdict.pairs}, half after ${verdict.median_ms} ms, nine in ten after ${verdict.p90_ms} ms, the last after ${(verdict.worst_ms / 1000).toFixed(2)} s`;
		table.row(`${of}: out of a peer's set within 2 s of lying to it`, 'all', measured, verdict.slow.length === 0);
	}
	const measured = `${verdict.banned_honest} banned, ${verdict.expelled_honest} expelled; ${verdict.accusations} accusations; ${stalls.pages} stalls of pages, ${stalls.viewers} of others`;
	table.row(`${of}: honest peers banned`, 'none', measured, verdict.banned_honest + verdict.expelled_honest === 0);
	expect(verdict.lies, 'they did lie').toBeGreaterThan(0);
}

for (const way of WAYS) test(`liars: ${way}`, () => lies(way, [way]));

test('liars: mixed', () => lies('all ways', WAYS));

test('the server is killed and started again', async () => {
	const PAGES = 4;
	const AGAIN_MS = 60_000;
	for (const home of places(PAGES)) await crowd.page(home);
	await crowd.shares(SHARING_MS);
	const loads = await crowd.marks();
	await crowd.restart();
	const start_ms = performance.now();
	await Promise.all(crowd.pages.map(({ page }) => plays(page, 30_000)));
	const played_ms = performance.now() - start_ms;
	let shared_ms = NaN;
	await crowd.shares(AGAIN_MS).then(
		() => (shared_ms = performance.now() - start_ms),
		(error: unknown) => console.info(String(error))
	);
	expect(await crowd.marks(), 'no page was loaded again').toEqual(loads);
	const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
	table.row('the server, tracker and all, is killed and started again: 4 pages play on', 'within 30 s', seconds(played_ms), played_ms <= 30_000);
	table.row('they share again', 'within 60 s', Number.isNaN(shared_ms) ? 'no' : seconds(shared_ms), shared_ms <= AGAIN_MS);
});

test('thin uplinks', async () => {
	const UPLINKS_KBPS = [1500, 1500, 1500, 500];
	const homes = UPLINKS_KBPS.map((uplink_kbps) => internet.home({ uplink_kbps }));
	for (const home of homes) crowd.view(FOREVER_S, home);
	await crowd.shares(SHARING_MS);
	await pause(15_000);
	const before = { sent: internet.server.sent(), media: await ingested(), ...(await crowd.stalls()), homes: homes.map((home) => home.sent()) };
	await pause(SECONDS * 1000);
	const sent = internet.server.sent() - before.sent;
	const media = (await ingested()) - before.media;
	const stalls = (await crowd.stalls()).viewers - before.viewers;
	const uploads = homes.map((home, index) => Math.round(((home.sent() - before.homes[index]!) * 8) / SECONDS / 1000));
	const share = sent / (media * homes.length);
	table.details.push({ name: 'uplinks', sent, media, share, stalls, uploads_kbps: uploads });
	table.row(
		`homes with uplinks of ${UPLINKS_KBPS.join(', ')} kbit/s on 800 kbit/s: stalls`,
		'none',
		`${stalls}; the server sends ${(share * 100).toFixed(1)} %, they send ${uploads.join(', ')} kbit/s`,
		stalls === 0
	);
});

/** Media bytes that publishers sent so far. */
async function ingested(): Promise<number> {
	const text = await (await fetch(`http://${internet.server.address}:9100/metrics`)).text();
	return Number(/^shoal_ingest_bytes_total (\d+)/m.exec(text)?.[1] ?? NaN);
}

test('every bound is met', () => {
	expect(table.missed).toEqual([]);
});
