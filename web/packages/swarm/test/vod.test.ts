/// <reference types="node" />
/** Whole engines of viewers of a recording over real WebRTC, with stand-ins of origin and tracker. */

import * as ed25519 from '@noble/ed25519';
import wrtc from '@roamhq/wrtc';
import { afterEach, describe, expect, it } from 'vitest';
import type { SwarmOptions } from '../src/driver';
import { signManifest } from '../src/manifest';
import { Transport, type PeerConnectionConstructor } from '../src/transport';
import { Timeline } from '../src/vod/timeline';
import { VodSwarm } from '../src/vod/swarm';
import { encode, placeOf, toHex, Writer, fromHex, type PeerId } from '../src/wire';
import { FakeTracker, FakeWindow, ORIGIN, SECRET, SWARM, UUID } from './fake';

const SEGMENT_MS = 2_000;
const SEGMENTS = 60;
const INIT_BYTES = 700;
const BASE = `${ORIGIN}/static/streaming-playlists/hls/${UUID}/`;
const sizeOf = (index: number): number => 40_000 + 10 * index;

/** The run file, and what is said about it. */
class Recording {
	readonly file: Uint8Array;
	readonly offsets: number[] = [];
	readonly playlist: string;
	bytes = 0;
	requests: string[] = [];
	down = false;
	/** segments without a manifest */
	unshared = new Set<number>();
	token: Record<string, unknown> = {};

	constructor() {
		const lines = ['#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-TARGETDURATION:2', '#EXT-X-MEDIA-SEQUENCE:0', '#EXT-X-PLAYLIST-TYPE:VOD'];
		lines.push(`#EXT-X-MAP:URI="run.mp4",BYTERANGE="${INIT_BYTES}@0"`);
		let at = INIT_BYTES;
		for (let index = 0; index < SEGMENTS; index++) {
			lines.push('#EXTINF:2.000,', `#EXT-X-BYTERANGE:${sizeOf(index)}@${at}`, 'run.mp4');
			this.offsets.push(at);
			at += sizeOf(index);
		}
		this.playlist = [...lines, '#EXT-X-ENDLIST', ''].join('\n');
		this.file = new Uint8Array(at).map((_, i) => (i * 31 + (i >> 9)) & 255);
	}

	segment(index: number): Uint8Array {
		return this.file.subarray(this.offsets[index], this.offsets[index]! + sizeOf(index));
	}

	/** As the player does when nobody else brings it. */
	async fetchSegment(index: number): Promise<ArrayBuffer> {
		const start = this.offsets[index]!;
		const response = await this.fetch(`${BASE}run.mp4`, { headers: { Range: `bytes=${start}-${start + sizeOf(index) - 1}` } });
		return response.arrayBuffer();
	}

	readonly fetch = async (address: string, init: RequestInit = {}): Promise<Response> => {
		const url = new URL(address);
		this.requests.push(url.pathname + url.search);
		await new Promise((resolve) => setTimeout(resolve, 5));
		if (this.down) throw new TypeError('failed to fetch');
		init.signal?.throwIfAborted();
		if (url.pathname.endsWith('/token')) return Response.json(this.#token());
		if (url.pathname.endsWith('/manifests/0')) return this.#manifests(Number(url.searchParams.get('from')), Number(url.searchParams.get('count')));
		const range = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init.headers).get('range') ?? '');
		if (!url.pathname.endsWith('/run.mp4') || !range) return new Response(null, { status: 404 });
		const data = this.file.slice(Number(range[1]), Number(range[2]) + 1);
		this.bytes += data.length;
		return new Response(data, { status: 206 });
	};

	#token(): unknown {
		const key = toHex(ed25519.getPublicKey(SECRET));
		const base = { swarm: SWARM, token: 'let me in', expiresIn: 600, tracker: 'ws://origin.test/', stun: [], key, stripes: 4, renditions: ['source'], kind: 'vod' };
		return { ...base, policy: 'on', minimumViewers: 2, delaySeconds: 0, uplinkCeiling: 20, base: BASE, ...this.token };
	}

	#manifests(from: number, count: number): Response {
		const writer = new Writer();
		for (let index = from; index < Math.min(SEGMENTS, from + count); index++) {
			if (this.unshared.has(index)) continue;
			const part = { rendition: 0, place: placeOf(index, 0), time_ms: index * SEGMENT_MS, duration_ms: SEGMENT_MS, independent: true, text: '' };
			const message = encode({ type: 'manifest', bytes: signManifest(part, this.segment(index), 4, SWARM, SECRET) });
			writer.u32(message.length).bytes(message);
		}
		return new Response(writer.finish());
	}
}

/** Everybody is everybody's neighbour. */
class Neighbourhood extends FakeTracker {
	constructor() {
		super(new FakeWindow());
	}

	override tellAll(): void {
		const binary = (id: string): string => String.fromCharCode(...fromHex(id));
		for (const peer of this.peers) {
			const neighbours = this.peers.filter((other) => other !== peer).map((other) => binary(other.peer));
			peer.tell({ action: 'assign', info_hash: binary(SWARM), peers: this.peers.length, manifests: false, neighbours });
		}
	}
}

class Showing {
	readonly recording = new Recording();
	readonly tracker = new Neighbourhood();
	readonly swarms: VodSwarm[] = [];
	readonly made: object[] = [];
	#timers: ReturnType<typeof setInterval>[] = [];
	readonly #rtc = new Proxy(wrtc.RTCPeerConnection as unknown as new (config: object) => object, {
		construct: (target, words) => {
			const connection = new target(words[0]);
			this.made.push(connection);
			return connection;
		}
	}) as unknown as PeerConnectionConstructor;

	async join(options: Partial<SwarmOptions> = {}): Promise<VodSwarm> {
		const { recording } = this;
		const tokenUrl = `${ORIGIN}/api/shoal/v1/swarms/${UUID}/token`;
		const swarm = new VodSwarm({ uuid: UUID, tokenUrl, signalling: this.tracker.socket(), rtc: this.#rtc, fetch: recording.fetch, upload: true, ...options });
		this.swarms.push(swarm);
		swarm.handleOriginPlaylist('source', `${BASE}source.m3u8`, recording.playlist);
		swarm.setRendition('source');
		expect(await swarm.start()).toBe(true);
		return swarm;
	}

	/** Tells the playhead again and again, as a player does. */
	plays(swarm: VodSwarm, position_ms: () => number, buffered_ms: () => number): void {
		swarm.handlePlayhead(position_ms(), buffered_ms());
		this.#timers.push(setInterval(() => swarm.handlePlayhead(position_ms(), buffered_ms()), 100));
	}

	/** One that fetched `indices` by itself, as before anybody else was there. */
	async own(swarm: VodSwarm, indices: readonly number[]): Promise<void> {
		for (const index of indices) {
			const end = swarm.fetching('source', index);
			end?.(await this.recording.fetchSegment(index));
		}
	}

	end(): void {
		for (const timer of this.#timers) clearInterval(timer);
		for (const swarm of this.swarms) swarm.stop();
	}
}

const { signal } = new AbortController();
let showing: Showing;

async function until(what: () => boolean): Promise<void> {
	while (!what()) await new Promise((resolve) => setTimeout(resolve, 20));
}

const active = (swarms: VodSwarm[]): Promise<void> => until(() => swarms.every((swarm) => swarm.active));

const poisoned = new Set<PeerId>();
const { sendSlice } = Transport.prototype;
Transport.prototype.sendSlice = function (this: Transport, peer, slice) {
	const data = slice.data.slice();
	if (poisoned.has((this as unknown as { self: PeerId }).self)) data[data.length >> 1]! ^= 1;
	return sendSlice.call(this, peer, { ...slice, data });
};

afterEach(() => showing.end());

describe('VodSwarm', () => {
	it('brings segments that another viewer holds, and says where they came from', { timeout: 60_000 }, async () => {
		showing = new Showing();
		const { recording } = showing;
		const first = await showing.join();
		const held = [10, 11, 12, 13];
		await showing.own(first, held);
		showing.plays(first, () => 20_000, () => 28_000);
		const second = await showing.join();
		await active([first, second]);
		await until(() => first.stats().manifests >= 4);
		showing.plays(second, () => 0, () => 20_000);
		for (const index of held) {
			let data = await second.segment('source', index, 19_000, signal);
			// The manifests may be on their way.
			while (!data) {
				await new Promise((resolve) => setTimeout(resolve, 50));
				data = await second.segment('source', index, 19_000, signal);
			}
			expect(Buffer.compare(new Uint8Array(data.data), recording.segment(index))).toBe(0);
			expect([data.p2p_bytes, data.http_bytes]).toEqual([sizeOf(index), 0]);
		}
		const bytes = held.reduce((sum, index) => sum + sizeOf(index), 0);
		expect(second.stats().p2p_bytes).toBeGreaterThanOrEqual(bytes);
		expect(first.stats().upload_bytes).toBeGreaterThanOrEqual(bytes);
		// What is not shared, or not known, is the player's to fetch.
		expect(await second.segment('source', 999, 1_000, signal)).toBeNull();
		expect(await second.segment('other', 10, 1_000, signal)).toBeNull();
	});

	it('takes by HTTP what is needed now, as after a seek', { timeout: 60_000 }, async () => {
		showing = new Showing();
		const { recording } = showing;
		const swarms = [await showing.join(), await showing.join()] as const;
		let position_ms = 0;
		showing.plays(swarms[0], () => 0, () => 20_000);
		showing.plays(swarms[1], () => position_ms, () => position_ms);
		await active([...swarms]);
		position_ms = 80_000;
		swarms[1].handlePlayhead(position_ms, position_ms);
		let data = null;
		while (!data) {
			await new Promise((resolve) => setTimeout(resolve, 20));
			data = await swarms[1].segment('source', 40, 0, signal);
		}
		expect(Buffer.compare(new Uint8Array(data.data), recording.segment(40))).toBe(0);
		expect(data.http_bytes).toBe(sizeOf(40));
		expect(data.http_ms).toBeGreaterThan(0);
	});

	it('bans who sends wrong bytes, and none of them comes through', { timeout: 60_000 }, async () => {
		showing = new Showing();
		const { recording, tracker } = showing;
		const liar = await showing.join();
		const honest = await showing.join();
		poisoned.add(liar.peer);
		await showing.own(liar, [10, 11, 12]);
		showing.plays(liar, () => 20_000, () => 26_000);
		await active([liar, honest]);
		await until(() => liar.stats().manifests >= 3);
		let buffered_ms = 20_000;
		showing.plays(honest, () => 0, () => buffered_ms);
		await until(() => honest.stats().banned > 0);
		expect(honest.stats().p2p_bytes).toBe(0);
		expect(honest.active).toBe(false);
		// Nobody is left: the player has to help itself.
		expect(await honest.segment('source', 10, 10_000, signal)).toBeNull();
		buffered_ms = 24_000;
		await until(() => tracker.reports.some((report) => report.accused.length > 0));
		expect(recording.bytes).toBeGreaterThan(0);
	});

	it('makes no connection below the number of viewers that the instance wants', { timeout: 30_000 }, async () => {
		showing = new Showing();
		showing.recording.token.minimumViewers = 3;
		const swarms = [await showing.join(), await showing.join()];
		await new Promise((resolve) => setTimeout(resolve, 1_000));
		expect(showing.made).toHaveLength(0);
		expect(swarms.map((swarm) => swarm.stats().swarm_peers)).toEqual([2, 2]);
		swarms.push(await showing.join());
		await active(swarms);
		expect(showing.made.length).toBeGreaterThan(1);
	});

	it('stays out of swarms of lives, and ends all waiting when it stops', { timeout: 30_000 }, async () => {
		showing = new Showing();
		showing.recording.token.kind = 'live';
		const options = { uuid: UUID, tokenUrl: `${ORIGIN}/api/shoal/v1/swarms/${UUID}/token`, upload: true, fetch: showing.recording.fetch };
		const refused = new VodSwarm({ ...options, rtc: wrtc.RTCPeerConnection as unknown as PeerConnectionConstructor, signalling: showing.tracker.socket() });
		expect(await refused.start()).toBe(false);
		expect(refused.state).toBe('refused');
		delete showing.recording.token.kind;
		expect(await new VodSwarm(options).start()).toBe(false);

		const swarms = [await showing.join(), await showing.join()] as const;
		for (const swarm of swarms) showing.plays(swarm, () => 0, () => 20_000);
		await active([...swarms]);
		await until(() => swarms[0].stats().manifests >= 10);
		showing.recording.down = true;
		const waiting = swarms[0].segment('source', 15, 60_000, signal);
		swarms[0].stop();
		expect(await waiting).toBeNull();
		expect([swarms[0].state, swarms[0].active, swarms[0].stats().peers]).toEqual(['stopped', false, 0]);
		await until(() => !swarms[1].active);
		expect(showing.tracker.peers).toHaveLength(1);
	});
});

describe('Timeline', () => {
	const playlist = (lines: string[]): string => ['#EXTM3U', '#EXT-X-TARGETDURATION:4', ...lines, ''].join('\n');

	it('reads the byte ranges of a recording', () => {
		const text = playlist(['#EXT-X-MEDIA-SEQUENCE:7', '#EXTINF:2.500,', '#EXT-X-BYTERANGE:100@700', 'a.mp4', '#EXTINF:4,', '#EXT-X-BYTERANGE:50', 'a.mp4', '#EXTINF:1,', 'b.mp4', '#EXT-X-ENDLIST']);
		const timeline = Timeline.parse(text, 'https://x.test/v/source.m3u8')!;
		expect([timeline.first, timeline.end]).toEqual([7, 10]);
		expect(timeline.at(7)).toEqual({ start_ms: 0, duration_ms: 2_500, size: 100, offset: 700, url: 'https://x.test/v/a.mp4' });
		expect(timeline.at(8)).toMatchObject({ start_ms: 2_500, offset: 800, size: 50 });
		expect(timeline.at(9)).toMatchObject({ size: null, offset: 0, url: 'https://x.test/v/b.mp4' });
		expect(timeline.at(10)).toBeNull();
		expect([-5, 0, 2_499, 2_500, 6_600, 99_999].map((time_ms) => timeline.indexAt(time_ms))).toEqual([7, 7, 7, 8, 9, 9]);
	});

	it.each([
		['one that goes on', ['#EXTINF:2,', 'a.mp4']],
		['an empty one', ['#EXT-X-ENDLIST']],
		['broken durations', ['#EXTINF:x,', 'a.mp4', '#EXT-X-ENDLIST']],
		['broken ranges', ['#EXTINF:2,', '#EXT-X-BYTERANGE:x', 'a.mp4', '#EXT-X-ENDLIST']],
		['no address', ['#EXTINF:2,', 'http://[', '#EXT-X-ENDLIST']],
		['more than a recording has', [...Array.from({ length: 70_000 }, () => '#EXTINF:2,\na.mp4'), '#EXT-X-ENDLIST']]
	])('refuses %s', (_, lines) => {
		expect(Timeline.parse(playlist(lines), 'https://x.test/v/source.m3u8')).toBeNull();
	});
});
