/// <reference types="node" />
/** Whole engines over real WebRTC, with stand-ins of origin and tracker. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import wrtc from '@roamhq/wrtc';
import { afterEach, describe, expect, it } from 'vitest';
import type { SwarmOptions } from '../src/driver';
import { Swarm } from '../src/swarm';
import { Transport, type PeerConnectionConstructor } from '../src/transport';
import type { PeerId } from '../src/wire';
import { BASE, FakeOrigin, FakeTracker, FakeWindow, ORIGIN, UUID, type FakeSocket } from './fake';

/** Channels on which nothing seems to wait: a busy machine is not to look like a congested uplink, which the scheduler's own tests are about. */
function idle(channel: object): object {
	return Object.defineProperty(channel, 'bufferedAmount', { get: () => 0 });
}

const rtc = class extends wrtc.RTCPeerConnection {
	override createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel {
		return idle(super.createDataChannel(label, options)) as RTCDataChannel;
	}

	override dispatchEvent(event: Event & { channel?: object }): boolean {
		if (event.channel) idle(event.channel);
		return super.dispatchEvent(event);
	}
} as unknown as PeerConnectionConstructor & (new (config: object) => object);
const PART_MS = 200;
const PART_BYTES = 25_000;
/** Playback is this far behind. */
const LATENCY_MS = 1_600;

const delays = monitorEventLoopDelay({ resolution: 10 });
delays.enable();

/** The longest that this test itself, not the engine, was held up by a busy machine. */
function heldUp(): number {
	return 2 * (delays.max / 1e6);
}

class Live {
	readonly window = new FakeWindow(60_000, 3, 4, Date.now());
	readonly origin = new FakeOrigin(this.window);
	readonly tracker = new FakeTracker(this.window);
	readonly peers: Swarm[] = [];
	readonly sockets: FakeSocket[] = [];
	#timers: ReturnType<typeof setInterval>[] = [];

	constructor() {
		for (let i = 0; i < 12; i++) this.#add();
		this.window.now_ms = Date.now();
		this.#timers.push(setInterval(() => this.#add(), PART_MS));
	}

	#add(): void {
		const { window } = this;
		const data = new Uint8Array(PART_BYTES);
		for (let i = 0; i < data.length; i += 7) data[i] = (i * 31 + window.next_number) & 255;
		window.add(data, { begins: !window.open || window.open.parts.length >= 10 });
	}

	async join(options: Partial<SwarmOptions> = {}): Promise<Swarm> {
		const socket = this.tracker.socket();
		const swarm = new Swarm({ uuid: UUID, tokenUrl: `${ORIGIN}/api/shoal/v1/swarms/${UUID}/token`, signalling: socket, rtc, fetch: this.origin.fetch, upload: true, ...options });
		this.peers.push(swarm);
		this.sockets.push(socket);
		swarm.setRendition('source');
		expect(await swarm.start()).toBe(true);
		swarm.handleOriginPlaylist('source', `${BASE}source.m3u8`, this.window.render(false));
		this.#timers.push(setInterval(() => swarm.handlePlayhead(Date.now() - LATENCY_MS), 100));
		return swarm;
	}

	/** Consumes the next `count` parts as a player would; all of them have to be right. Answers the bytes by source. */
	async play(swarm: Swarm, count: number): Promise<{ http_bytes: number; p2p_bytes: number; slowest_ms: number }> {
		const sum = { http_bytes: 0, p2p_bytes: 0, slowest_ms: 0 };
		const { signal } = new AbortController();
		let msn = this.window.open!.msn;
		let part = this.window.open!.parts.length;
		for (let i = 0; i < count; i++) {
			const text = await swarm.playlist('source', { msn, part, skip: true }, signal);
			if (text === null) throw new Error(`no playlist with ${msn}.${part}`);
			const known = new Set(text.match(/a-source-p\d+\.m4s/g));
			expect(known.size).toBeGreaterThan(0);
			const segment = this.window.open?.msn === msn ? this.window.open : this.window.listed.find((candidate) => candidate.msn === msn);
			const entry = segment?.parts[part];
			if (!entry) {
				msn++;
				part = 0;
				i--;
				continue;
			}
			part++;
			const name = `a-source-p${entry.number}.m4s`;
			expect(text).toContain(name);
			const begun_ms = performance.now();
			const got = await swarm.part(`${BASE}${name}`, signal);
			if (!got) throw new Error(`no part ${name}`);
			expect(Buffer.compare(new Uint8Array(got.data), entry.data)).toBe(0);
			sum.http_bytes += got.http_bytes;
			sum.p2p_bytes += got.p2p_bytes;
			sum.slowest_ms = Math.max(sum.slowest_ms, performance.now() - begun_ms);
		}
		return sum;
	}

	end(): void {
		for (const timer of this.#timers) clearInterval(timer);
		for (const peer of this.peers) peer.stop();
	}
}

function active(swarm: Swarm): Promise<void> {
	return new Promise((resolve) => {
		if (swarm.active) return resolve();
		const off = swarm.on('active', (is) => {
			if (!is) return;
			off();
			resolve();
		});
	});
}

let live: Live;

afterEach(() => {
	live.end();
	delays.reset();
});

describe('Swarm', () => {
	it('carries the stream from one root through all others', { timeout: 60_000 }, async () => {
		live = new Live();
		const swarms = [];
		for (let i = 0; i < 4; i++) swarms.push(await live.join());
		await Promise.all(swarms.map(active));
		await shared(swarms, 0.65);
		const sent_before = live.origin.stream_bytes + live.origin.part_bytes;
		const sums = await Promise.all(swarms.map((swarm) => live.play(swarm, 20)));
		const sent = live.origin.stream_bytes + live.origin.part_bytes - sent_before;
		const p2p = sums.reduce((sum, { p2p_bytes }) => sum + p2p_bytes, 0);
		const all = sums.reduce((sum, { p2p_bytes, http_bytes }) => sum + p2p_bytes + http_bytes, 0);
		expect(all).toBe(4 * 20 * PART_BYTES);
		// All but the root's quarter; on a busy machine HTTP helps out now and then.
		expect(p2p / all).toBeGreaterThan(0.5);
		expect(sent / all).toBeLessThan(0.55);
		for (const { slowest_ms } of sums) expect(slowest_ms).toBeLessThan(LATENCY_MS + heldUp());
		const uploads = swarms.reduce((sum, swarm) => sum + swarm.stats().upload_bytes, 0);
		const received = swarms.reduce((sum, swarm) => sum + swarm.stats().p2p_bytes, 0);
		expect(uploads).toBeGreaterThanOrEqual(received * 0.95);
	});

	it('plays on without the tracker, and without the origin where the stream still comes', { timeout: 60_000 }, async () => {
		live = new Live();
		const swarms = [];
		for (let i = 0; i < 3; i++) swarms.push(await live.join());
		await Promise.all(swarms.map(active));
		await settled(swarms);
		for (const socket of live.sockets) socket.vanish();
		const [root, ...others] = swarms as [Swarm, Swarm, Swarm];
		// The tracker's manifests are gone too: they come with the stream, and with what the root passes on.
		const requests = live.origin.requests.length;
		const sums = await Promise.all(swarms.map((swarm) => live.play(swarm, 10)));
		expect(sums[0]!.http_bytes).toBe(10 * PART_BYTES);
		expect(root.stats().peers).toBe(2);
		for (const other of others) expect(other.active).toBe(true);
		for (const { p2p_bytes } of sums.slice(1)) expect(p2p_bytes).toBeGreaterThanOrEqual(2 * PART_BYTES);
		expect(live.origin.requests.length - requests).toBeLessThan(60);
	});

	it('takes what a silent parent does not send from elsewhere in time', { timeout: 60_000 }, async () => {
		live = new Live();
		const swarms = [];
		for (let i = 0; i < 3; i++) swarms.push(await live.join());
		await Promise.all(swarms.map(active));
		await settled(swarms);
		const plays = Promise.all([live.play(swarms[0]!, 25), live.play(swarms[2]!, 25)]);
		// As if its machine had lost its network: nobody hears of it.
		muted.add(swarms[1]!.peer);
		const sums = await plays;
		for (const { slowest_ms } of sums) expect(slowest_ms).toBeLessThan(LATENCY_MS + heldUp());
	});

	it('gives nothing of a rendition that is not shared, and comes back with one that is', { timeout: 60_000 }, async () => {
		live = new Live();
		const swarms = [];
		for (let i = 0; i < 3; i++) swarms.push(await live.join());
		await Promise.all(swarms.map(active));
		await settled(swarms);
		const changing = swarms[2]!;
		const { signal } = new AbortController();
		const newest = (): string => `${BASE}a-source-p${live.window.next_number - 1}.m4s`;
		for (const small of [() => changing.setRendition('audio'), () => changing.setRendition('source', false)]) {
			small();
			expect(changing.active).toBe(false);
			expect(await changing.part(newest(), signal)).toBeNull();
			changing.setRendition('source');
			// Until its stripes flow, the origin is to be asked.
			expect(changing.active).toBe(false);
			changing.handleOriginPlaylist('source', `${BASE}source.m3u8`, live.window.render(false));
			await active(changing);
		}
		const sums = await Promise.all(swarms.map((swarm) => live.play(swarm, 10)));
		for (const { http_bytes, p2p_bytes } of sums) expect(http_bytes + p2p_bytes).toBe(10 * PART_BYTES);
		expect(sums[2]!.p2p_bytes).toBeGreaterThan(0);
	});

	it('bans who sends wrong bytes, and no wrong byte comes through', { timeout: 60_000 }, async () => {
		live = new Live();
		const swarms = [];
		for (let i = 0; i < 3; i++) swarms.push(await live.join());
		await Promise.all(swarms.map(active));
		await settled(swarms);
		const liar = swarms.slice(1).find((swarm) => swarm.stats().children > 0) ?? swarms[0]!;
		const honest = swarms.filter((swarm) => swarm !== liar);
		poisoned.add(liar.peer);
		const sums = await Promise.all(honest.map((swarm) => live.play(swarm, 20)));
		expect(sums.reduce((sum, { http_bytes, p2p_bytes }) => sum + http_bytes + p2p_bytes, 0)).toBe(honest.length * 20 * PART_BYTES);
		const children = honest.filter((swarm) => swarm.stats().banned > 0);
		expect(children.length).toBeGreaterThan(0);
		expect(live.tracker.reports.flatMap((report) => report.accused)).not.toHaveLength(0);
	});

	it('stays out where it is not wanted or not possible, and ends all waiting when it stops', async () => {
		live = new Live();
		const options = { uuid: UUID, tokenUrl: `${ORIGIN}/api/shoal/v1/swarms/${UUID}/token`, upload: true, fetch: live.origin.fetch, signalling: live.tracker.socket() };
		expect(await new Swarm(options).start()).toBe(false);
		live.origin.token.policy = 'off';
		const refused = new Swarm({ ...options, rtc });
		expect(await refused.start()).toBe(false);
		expect(refused.state).toBe('refused');
		delete live.origin.token.policy;
		live.origin.token.delaySeconds = 60;
		const waiting = new Swarm({ ...options, rtc });
		const started = waiting.start();
		setTimeout(() => waiting.stop(), 50);
		expect(await started).toBe(false);
		expect(live.tracker.peers).toHaveLength(0);
		const { signal } = new AbortController();
		const swarm = await live.join({ delay_ms: 0 });
		await active(swarm);
		expect(await swarm.part(`${BASE}unknown.m4s`, signal)).toBeNull();
		const { msn, parts } = live.window.open!;
		const playlist = swarm.playlist('source', { msn, part: parts.length + 3, skip: true }, signal);
		swarm.stop();
		expect(await playlist).toBeNull();
		expect([swarm.state, swarm.active, swarm.stats().peers]).toEqual(['stopped', false, 0]);
		expect(live.tracker.peers).toHaveLength(0);
		expect(live.origin.streams).toBe(0);
	});

	it('makes no connection below the number of viewers that the instance wants', { timeout: 20_000 }, async () => {
		live = new Live();
		live.origin.token.minimumViewers = 3;
		const made: object[] = [];
		const counting = new Proxy(rtc, {
			construct(target, words) {
				const connection = new target(words[0]) as object;
				made.push(connection);
				return connection;
			}
		});
		const first = await live.join({ rtc: counting });
		const second = await live.join({ rtc: counting });
		await new Promise((resolve) => setTimeout(resolve, 1_500));
		expect(made).toHaveLength(0);
		const third = await live.join({ rtc: counting });
		await Promise.all([first, second, third].map(active));
		expect(made.length).toBeGreaterThan(1);
	});
});

/** Until others, not the origin, bring this share of what comes. */
async function shared(swarms: Swarm[], share: number): Promise<void> {
	for (;;) {
		const before = swarms.map((swarm) => swarm.stats());
		await new Promise((resolve) => setTimeout(resolve, 1_000));
		const after = swarms.map((swarm) => swarm.stats());
		const sum = (key: 'http_bytes' | 'p2p_bytes'): number => after.reduce((all, now, i) => all + now[key] - before[i]![key], 0);
		if (sum('p2p_bytes') >= share * (sum('p2p_bytes') + sum('http_bytes'))) return;
	}
}

/** Until each of them gets most of its stripes from others, or is the root. */
async function settled(swarms: Swarm[]): Promise<void> {
	const enough = (): boolean => swarms.slice(1).every((swarm) => swarm.stats().parents > 0) && swarms.some((swarm) => swarm.stats().children > 2);
	while (!enough()) await new Promise((resolve) => setTimeout(resolve, 100));
}

const muted = new Set<PeerId>();
const poisoned = new Set<PeerId>();
const { sendSlice, send } = Transport.prototype;

Transport.prototype.sendSlice = function (this: Transport, peer, slice) {
	const { self } = this as unknown as { self: PeerId };
	if (muted.has(self)) return 0;
	const data = slice.data.slice();
	if (poisoned.has(self)) data[data.length >> 1]! ^= 1;
	return sendSlice.call(this, peer, { ...slice, data });
};
Transport.prototype.send = function (this: Transport, peer, message) {
	if (!muted.has((this as unknown as { self: PeerId }).self)) send.call(this, peer, message);
};
