/** Whole engines over real WebRTC, with stand-ins of origin and tracker. */

import wrtc from '@roamhq/wrtc';
import { afterEach, describe, expect, it } from 'vitest';
import { nodeRtc } from '../src/node-rtc';
import { Swarm, type SwarmOptions } from '../src/swarm';
import { BASE, FakeOrigin, FakeTracker, FakeWindow, ORIGIN, UUID, type FakeSocket } from './fake';

const rtc = nodeRtc(wrtc.RTCPeerConnection);
const PART_MS = 200;
const PART_BYTES = 25_000;
/** Playback is this far behind. */
const LATENCY_MS = 1_600;

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

afterEach(() => live.end());

describe('Swarm', () => {
	it('carries the stream from one root through all others', { timeout: 30_000 }, async () => {
		live = new Live();
		const swarms = [];
		for (let i = 0; i < 4; i++) swarms.push(await live.join());
		await Promise.all(swarms.map(active));
		// Until uplinks have opened up and everybody has its parents.
		await new Promise((resolve) => setTimeout(resolve, 6_000));
		const sent_before = live.origin.stream_bytes + live.origin.part_bytes;
		const sums = await Promise.all(swarms.map((swarm) => live.play(swarm, 20)));
		const sent = live.origin.stream_bytes + live.origin.part_bytes - sent_before;
		const p2p = sums.reduce((sum, { p2p_bytes }) => sum + p2p_bytes, 0);
		const all = sums.reduce((sum, { p2p_bytes, http_bytes }) => sum + p2p_bytes + http_bytes, 0);
		console.info({ sent, p2p, all, sums, stats: swarms.map((swarm) => swarm.stats()) });
		expect(all).toBe(4 * 20 * PART_BYTES);
		expect(p2p / all).toBeGreaterThan(0.7);
		expect(sent / all).toBeLessThan(0.35);
		for (const { slowest_ms } of sums) expect(slowest_ms).toBeLessThan(LATENCY_MS);
		const uploads = swarms.reduce((sum, swarm) => sum + swarm.stats().upload_bytes, 0);
		const received = swarms.reduce((sum, swarm) => sum + swarm.stats().p2p_bytes, 0);
		expect(uploads).toBeGreaterThanOrEqual(received * 0.95);
	});
});
