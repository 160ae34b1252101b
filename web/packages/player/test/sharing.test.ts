import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mayUpload, obstacle, parseTerms, Sharing, type Facts, type Playback, type SharingOptions, type SharingPorts, type Swarm, type SwarmOptions } from '../src/sharing';

const GOOD: Facts = {
	kind: 'live',
	following: true,
	capable: true,
	allowed: true,
	choice: null,
	terms: { policy: 'on', minimumViewers: 3, delaySeconds: 10 },
	viewers: 3,
	watched_s: 10,
	joined: false
};

describe('obstacle', () => {
	const off = { policy: 'off', minimumViewers: 3, delaySeconds: 10 } as const;
	const opt_in = { policy: 'opt-in', minimumViewers: 3, delaySeconds: 10 } as const;
	it.each<[string, Partial<Facts>, ReturnType<typeof obstacle>]>([
		['nothing', {}, null],
		['no WebRTC', { capable: false }, 'incapable'],
		['the embedding page', { allowed: false, choice: true }, 'forbidden'],
		['the viewer', { choice: false }, 'declined'],
		['neither a live nor a recording', { kind: null }, 'not-live'],
		['nothing in a recording, whoever else watches', { kind: 'vod', viewers: 0 }, null],
		['a pause in a recording', { kind: 'vod', following: false }, 'away'],
		['the viewer of a recording', { kind: 'vod', choice: false }, 'declined'],
		['the first seconds of a recording', { kind: 'vod', watched_s: 9.9 }, 'early'],
		['an instance that never shares recordings', { kind: 'vod', terms: off }, 'policy'],
		['terms that are not known', { terms: null, choice: true }, 'policy'],
		['an instance that never shares', { terms: off, choice: true }, 'policy'],
		['an instance that waits for a choice', { terms: opt_in }, 'declined'],
		['an instance that waited for a choice', { terms: opt_in, choice: true }, null],
		['a pause', { following: false }, 'away'],
		['too few viewers', { viewers: 2 }, 'few-viewers'],
		['the first seconds', { watched_s: 9.9 }, 'early'],
		['the first seconds of who is in already', { watched_s: 0, joined: true }, null]
	])('%s', (_, change, found) => {
		expect(obstacle({ ...GOOD, ...change })).toBe(found);
	});
});

describe('what the device can give', () => {
	it('is nothing on a cellular network, when saving data, or with a low battery', async () => {
		expect(await mayUpload({})).toBe(true);
		expect(await mayUpload({ connection: { type: 'wifi', saveData: false } })).toBe(true);
		expect(await mayUpload({ connection: { type: 'cellular' } })).toBe(false);
		expect(await mayUpload({ connection: { saveData: true } })).toBe(false);
		expect(await mayUpload({ getBattery: async () => ({ level: 0.1, charging: false }) })).toBe(false);
		expect(await mayUpload({ getBattery: async () => ({ level: 0.1, charging: true }) })).toBe(true);
		expect(await mayUpload({ getBattery: () => Promise.reject(new Error('not allowed')) })).toBe(true);
	});
});

it('reads terms, and nothing else', () => {
	expect(parseTerms({ policy: 'opt-in', minimumViewers: 5, delaySeconds: 0 })).toEqual({ policy: 'opt-in', minimumViewers: 5, delaySeconds: 0 });
	expect(parseTerms({ policy: 'on' })).toEqual({ policy: 'on', minimumViewers: 3, delaySeconds: 10 });
	for (const wrong of [null, 'on', {}, { policy: 'sometimes' }]) expect(parseTerms(wrong)).toBeNull();
});

class FakeSwarm implements Swarm {
	kind: 'live' | 'vod' = 'live';
	told: string[] = [];
	active = false;
	stopped = 0;
	rendition: string | null = null;
	playheads: (number | null)[] = [];
	/** What the next call throws. */
	broken: Error | null = null;
	bytes = { peers: 2, swarm_peers: 3, parents: 1, children: 3, depth: 2, http_bytes: 10, p2p_bytes: 100, upload_bytes: 50 };
	sharable: boolean | null = null;
	starting: Promise<boolean> = Promise.resolve(true);
	constructor(readonly options: SwarmOptions) {}
	start() {
		return this.starting;
	}
	stop() {
		this.stopped++;
		this.active = false;
	}
	setRendition(name: string, sharable: boolean) {
		this.rendition = name;
		this.sharable = sharable;
	}
	handleOriginPlaylist(rendition: string) {
		if (this.broken) throw this.broken;
		this.told.push(rendition);
	}
	buffered_ms = 0;
	handlePlayhead(time_ms: number | null, buffered_ms: number) {
		this.playheads.push(time_ms);
		this.buffered_ms = buffered_ms;
	}
	segment() {
		return this.broken ? Promise.reject(this.broken) : Promise.resolve({ data: new ArrayBuffer(1), http_bytes: 0, p2p_bytes: 1, http_ms: 0 });
	}
	ends: (ArrayBuffer | null)[] = [];
	fetching() {
		if (this.broken) throw this.broken;
		return (data: ArrayBuffer | null) => void this.ends.push(data);
	}
	playlist() {
		return this.broken ? Promise.reject(this.broken) : Promise.resolve('#EXTM3U');
	}
	part() {
		return Promise.resolve(null);
	}
	stats() {
		return this.bytes;
	}
}

/** A viewer in virtual time: a swarm is there as soon as everything allows it. */
class World implements SharingPorts {
	now_ms = 1_000;
	swarms: FakeSwarm[] = [];
	loads = 0;
	asked: [string, RequestInit][] = [];
	terms: unknown = { policy: 'on', minimumViewers: 3, delaySeconds: 10 };
	status = 200;
	upload = true;
	webrtc = true;
	failing: Error | null = null;
	starts: () => Promise<boolean> = () => Promise.resolve(true);
	playback: Playback = { kind: 'live', playing: true, following: true, rendition: 'source', bitrate_bps: 800_000, playhead_ms: 5, ahead_ms: 0 };
	sharing: Sharing;

	constructor(options: Partial<SharingOptions> = {}, viewers = 3) {
		this.sharing = new Sharing({ uuid: 'u', tokenUrl: 'https://x/token', ...options }, null, null, this);
		this.sharing.setViewers(viewers);
	}
	async load(kind: 'live' | 'vod') {
		this.loads++;
		if (this.failing) throw this.failing;
		return (options: SwarmOptions) => {
			const swarm = new FakeSwarm(options);
			swarm.starting = this.starts();
			swarm.kind = kind;
			this.swarms.push(swarm);
			return swarm;
		};
	}
	async fetch(url: string, init: RequestInit) {
		this.asked.push([url, init]);
		return new Response(JSON.stringify(this.terms), { status: this.status });
	}
	capable() {
		return this.webrtc;
	}
	async mayUpload() {
		return this.upload;
	}
	random() {
		return 1;
	}
	get swarm(): FakeSwarm {
		const last = this.swarms.at(-1);
		if (!last) throw new Error('no swarm was joined');
		return last;
	}
	async run(seconds: number) {
		for (let i = 0; i < seconds * 10; i++) {
			this.now_ms += 100;
			this.sharing.handleTick(this.now_ms, this.playback);
			// Answers of the network, and what follows from them.
			for (let turn = 0; turn < 12; turn++) await Promise.resolve();
			if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
		}
	}
}

describe('joining', () => {
	it('happens after the delay, with enough viewers, and not before', async () => {
		const world = new World({}, 2);
		await world.run(30);
		expect(world.loads).toBe(0);
		expect(world.sharing.state).toEqual({ available: true, on: true, active: false, upload: true, obstacle: 'few-viewers' });
		world.sharing.setViewers(3);
		await world.run(0.5);
		expect(world.swarms).toHaveLength(1);
		expect([world.swarm.rendition, world.swarm.sharable]).toEqual(['source', true]);
		world.swarm.active = true;
		expect(world.sharing.active).toBe(true);
		expect(world.sharing.state.obstacle).toBeNull();

		const patient = new World();
		await patient.run(9);
		expect(patient.loads).toBe(0);
		await patient.run(2);
		expect(patient.swarms).toHaveLength(1);
	});

	it('asks for the terms once, after the first picture, with the viewer\'s token', async () => {
		const world = new World();
		world.sharing = new Sharing({ uuid: 'u', tokenUrl: 'https://x/token' }, () => 'secret', null, world);
		await world.run(1);
		expect(world.asked).toEqual([]);
		await world.run(30);
		expect(world.asked).toEqual([['https://x/token', { headers: { Authorization: 'Bearer secret' } }]]);
	});

	it('counts only what was watched', async () => {
		const world = new World();
		world.playback.playing = false;
		await world.run(60);
		expect(world.loads).toBe(0);
	});

	it.each<[string, Partial<SharingOptions>, Partial<World>]>([
		['the viewer said no', { choice: false }, {}],
		['the embedding page said no', { allowed: false, choice: true }, {}],
		['the instance says no', { choice: true }, { terms: { policy: 'off', minimumViewers: 0, delaySeconds: 0 } }],
		['the instance wants to be asked', {}, { terms: { policy: 'opt-in', minimumViewers: 0, delaySeconds: 0 } }],
		['there is no WebRTC', {}, { webrtc: false }],
		['there is no swarm', {}, { status: 404 }],
		['the answer is none', {}, { terms: 'hello' }]
	])('never loads the engine when %s', async (_, options, change) => {
		const world = Object.assign(new World(options, 100), change);
		await world.run(120);
		expect(world.loads).toBe(0);
		expect(world.sharing.active).toBe(false);
		expect(world.sharing.state.available).toBe(world.sharing.state.obstacle === 'declined');
	});

	it('follows the viewer\'s switch at once', async () => {
		const world = new World();
		await world.run(11);
		const first = world.swarm;
		first.active = true;
		world.sharing.choose(false);
		expect(first.stopped).toBe(1);
		await world.run(60);
		expect(world.swarms).toHaveLength(1);
		expect(world.sharing.state.on).toBe(false);
		// What went through it stays counted.
		expect(world.sharing.stats()).toEqual({ peers: 0, swarm_peers: 0, parents: 0, children: 0, depth: 0, http_bytes: 10, p2p_bytes: 100, upload_bytes: 50 });
		world.sharing.choose(true);
		await world.run(0.5);
		expect(world.swarms).toHaveLength(2);
		expect(world.sharing.stats()).toEqual({ peers: 2, swarm_peers: 3, parents: 1, children: 3, depth: 2, http_bytes: 20, p2p_bytes: 200, upload_bytes: 100 });
	});

	it('is undone when it was still under way', async () => {
		const world = new World();
		let loaded: () => void = () => undefined;
		const wait = new Promise<void>((resolve) => (loaded = resolve));
		const load = world.load.bind(world);
		world.load = async (kind) => {
			await wait;
			return load(kind);
		};
		await world.run(11);
		world.sharing.choose(false);
		loaded();
		await world.run(1);
		expect(world.swarms).toHaveLength(0);
	});
});

describe('leaving', () => {
	let world: World;
	beforeEach(async () => {
		world = new World();
		await world.run(11);
		world.swarm.active = true;
	});
	afterEach(() => world.sharing.stop());

	it('waits out a short pause and a small audience', async () => {
		world.playback.following = false;
		await world.run(9);
		world.playback.following = true;
		world.sharing.setViewers(1);
		await world.run(29);
		expect(world.swarm.stopped).toBe(0);
		world.sharing.setViewers(3);
		await world.run(1);
		world.sharing.setViewers(1);
		await world.run(31);
		expect(world.swarm.stopped).toBe(1);
		expect(world.sharing.state.obstacle).toBe('few-viewers');
	});

	it('comes with a rendition that is too small to be shared, if that stays', async () => {
		const small = { rendition: '240p', bitrate_bps: 250_000 };
		const large = { rendition: 'source', bitrate_bps: 800_000 };
		Object.assign(world.playback, small);
		await world.run(1);
		expect([world.swarm.rendition, world.swarm.sharable]).toEqual(['240p', false]);
		Object.assign(world.playback, large);
		await world.run(15);
		expect([world.swarm.rendition, world.swarm.sharable, world.swarm.stopped]).toEqual(['source', true, 0]);
		Object.assign(world.playback, small);
		await world.run(11);
		expect(world.swarm.stopped).toBe(1);
		await world.run(60);
		expect(world.swarms).toHaveLength(1);
		// Nothing but its size is in the way.
		expect(world.sharing.state.obstacle).toBeNull();
		Object.assign(world.playback, large);
		await world.run(1);
		expect(world.swarms).toHaveLength(2);
		expect([world.swarm.rendition, world.swarm.sharable]).toEqual(['source', true]);
	});

	it('comes with a long pause, and with the end of the live', async () => {
		world.playback.following = false;
		await world.run(11);
		expect(world.swarm.stopped).toBe(1);
		world.playback.following = true;
		await world.run(1);
		expect(world.swarms).toHaveLength(2);
		world.playback.kind = null;
		await world.run(0.1);
		expect(world.swarm.stopped).toBe(1);
	});

	it('and coming back follow what the device can give', async () => {
		expect(world.swarm.options.upload).toBe(true);
		world.upload = false;
		await world.run(16);
		expect(world.swarms.map((swarm) => [swarm.options.upload, swarm.stopped])).toEqual([
			[true, 1],
			[false, 0]
		]);
	});

	it('lets go of the page\'s socket', async () => {
		const close = vi.fn();
		const signalling = { open: true, send: () => undefined, onopen: null, onclose: null, onmessage: null, close };
		world.sharing.stop();
		world = new World({ signalling: () => signalling });
		await world.run(11);
		expect(world.swarm.options.signalling).toBe(signalling);
		world.sharing.stop();
		expect(close).toHaveBeenCalledTimes(1);
	});
});

describe('an engine that fails', () => {
	it('is left at the first exception, and tried again later and later', async () => {
		const world = new World();
		await world.run(11);
		world.swarm.active = true;
		world.swarm.broken = new Error('broken');
		expect(() => world.sharing.handleOriginPlaylist('source', 'u', 't')).not.toThrow();
		expect(world.swarm.stopped).toBe(1);
		expect(world.sharing.active).toBe(false);
		await world.run(14);
		expect(world.swarms).toHaveLength(1);
		await world.run(2);
		expect(world.swarms).toHaveLength(2);
		world.swarm.active = true;
		world.swarm.broken = new Error('again');
		expect(await world.sharing.playlist('source', { msn: 1, part: 0, skip: false }, new AbortController().signal)).toBeNull();
		expect(world.swarm.stopped).toBe(1);
		await world.run(29);
		expect(world.swarms).toHaveLength(2);
		await world.run(2);
		expect(world.swarms).toHaveLength(3);
	});

	it('that cannot be loaded, or does not start, is no fault', async () => {
		const world = new World();
		world.failing = new Error('chunk is gone');
		await world.run(20);
		expect(world.loads).toBe(1);
		world.failing = null;
		world.starts = () => Promise.reject(new Error('no token'));
		await world.run(20);
		expect(world.swarms).toHaveLength(1);
		expect(world.swarm.stopped).toBe(1);
		world.starts = () => Promise.resolve(false);
		await world.run(30);
		expect(world.swarms).toHaveLength(2);
		expect(world.swarm.stopped).toBe(1);
	});

	it('that finds no way in is left after a while', async () => {
		const world = new World();
		await world.run(11);
		await world.run(21);
		expect(world.swarm.stopped).toBe(1);
		expect(world.swarms).toHaveLength(1);
	});

	it('that is alone in the swarm waits for others, and begins afresh now and then', async () => {
		const world = new World();
		await world.run(11);
		world.swarm.bytes.swarm_peers = 2;
		await world.run(100);
		expect(world.swarm.stopped).toBe(0);
		await world.run(25);
		expect(world.swarms.map(({ stopped }) => stopped)).toEqual([1, 0]);
	});

	it('is left after two stalls in a short time', async () => {
		const world = new World();
		await world.run(11);
		world.sharing.handleStall(world.now_ms);
		world.sharing.handleStall(world.now_ms);
		expect(world.swarm.stopped).toBe(0);
		world.swarm.active = true;
		world.sharing.handleStall(world.now_ms);
		await world.run(31);
		world.sharing.handleStall(world.now_ms);
		expect(world.swarm.stopped).toBe(0);
		await world.run(5);
		world.sharing.handleStall(world.now_ms);
		expect(world.swarm.stopped).toBe(1);
	});

	it('that was aborted did not fail', async () => {
		const world = new World();
		await world.run(11);
		world.swarm.active = true;
		world.swarm.broken = new DOMException('aborted', 'AbortError');
		expect(await world.sharing.playlist('source', { msn: 1, part: 0, skip: false }, AbortSignal.abort())).toBeNull();
		expect(world.swarm.stopped).toBe(0);
	});
});

it('tells the engine when the rendition changes, and which are too small to share', async () => {
	const world = new World();
	await world.run(11);
	world.playback = { ...world.playback, rendition: 'audio', bitrate_bps: 96_000 };
	await world.run(0.2);
	expect([world.swarm.rendition, world.swarm.sharable]).toEqual(['audio', false]);
});

it('tells the engine where the picture is, a few times a second', async () => {
	const world = new World();
	await world.run(11);
	world.swarm.playheads = [];
	world.playback.playhead_ms = 77;
	await world.run(3);
	expect(world.swarm.playheads.length).toBeGreaterThanOrEqual(9);
	expect(world.swarm.playheads.length).toBeLessThanOrEqual(16);
	expect(world.swarm.playheads.at(-1)).toBe(77);
});

describe('a recording', () => {
	const vod = { kind: 'vod', playhead_ms: 4_000, ahead_ms: 20_000 } as const;
	const PLAYLIST = '#EXTM3U\n#EXTINF:2,\na.mp4\n#EXT-X-ENDLIST\n';
	let world: World;
	beforeEach(() => {
		world = new World({}, 0);
		Object.assign(world.playback, vod);
	});
	afterEach(() => world.sharing.stop());

	it('is shared by the same rules; the tracker, not the page, knows how many watch it', async () => {
		world.sharing.handleOriginPlaylist('source', 'https://x/source.m3u8', PLAYLIST);
		await world.run(9);
		expect(world.loads).toBe(0);
		await world.run(2);
		expect(world.swarm.kind).toBe('vod');
		// The playlist was there before the engine, and hls.js does not ask for it again.
		expect(world.swarm.told).toEqual(['source']);
		expect([world.swarm.playheads.at(-1), world.swarm.buffered_ms]).toEqual([4_000, 24_000]);
		world.sharing.handleSeek(90_000, 0);
		expect([world.swarm.playheads.at(-1), world.swarm.buffered_ms]).toEqual([90_000, 90_000]);
		// Alone for long: there is nothing to begin afresh.
		world.swarm.bytes.swarm_peers = 1;
		await world.run(130);
		expect(world.swarms).toHaveLength(1);
	});

	it('promises something until it is known that nothing will come', async () => {
		expect(world.sharing.promising).toBe(true);
		world.terms = { policy: 'off', minimumViewers: 3, delaySeconds: 10 };
		await world.run(3);
		expect(world.sharing.promising).toBe(false);
		const another = new World({}, 0);
		Object.assign(another.playback, vod);
		await another.run(5);
		expect([another.sharing.state.obstacle, another.sharing.promising]).toEqual(['early', true]);
		another.sharing.choose(false);
		await another.run(1);
		expect(another.sharing.promising).toBe(false);
		another.sharing.stop();
		expect(new World({ allowed: false }).sharing.promising).toBe(false);
	});

	it('is not shared by who does not want it', async () => {
		world.sharing.choose(false);
		await world.run(20);
		expect(world.loads).toBe(0);
		world.sharing.choose(true);
		await world.run(1);
		expect(world.swarms).toHaveLength(1);
		world.sharing.choose(false);
		expect(world.swarm.stopped).toBe(1);
	});

	it('that is paused is of use to others for a minute', async () => {
		await world.run(11);
		world.swarm.active = true;
		world.playback.following = false;
		await world.run(55);
		expect(world.swarm.stopped).toBe(0);
		await world.run(10);
		expect(world.swarm.stopped).toBe(1);
	});

	it('that a live has become has a swarm of its own', async () => {
		world.playback.kind = 'live';
		world.sharing.setViewers(3);
		await world.run(11);
		const live = world.swarm;
		world.playback.kind = 'vod';
		await world.run(1);
		expect(live.stopped).toBe(1);
		expect(world.swarm).not.toBe(live);
		expect([live.kind, world.swarm.kind]).toEqual(['live', 'vod']);
	});

	it('gives others what was fetched before it joined, the newest as far as there is room', async () => {
		for (let index = 0; index < 5; index++) world.sharing.fetching('source', index)(new ArrayBuffer(4_000_000 + index));
		world.sharing.fetching('source', 5)(null);
		await world.run(11);
		expect(world.swarm.ends.map((data) => data?.byteLength)).toEqual([4_000_003, 4_000_004]);
		world.sharing.fetching('source', 6)(new ArrayBuffer(6));
		expect(world.swarm.ends.at(-1)?.byteLength).toBe(6);
	});

	it('keeps nothing for others when the viewer does not share', async () => {
		world.sharing.choose(false);
		world.sharing.fetching('source', 0)(new ArrayBuffer(7));
		world.sharing.choose(true);
		await world.run(11);
		expect(world.swarm.ends).toEqual([]);
	});

	it('plays on when the engine breaks', async () => {
		await world.run(11);
		const { signal } = new AbortController();
		expect(await world.sharing.segment('source', 1, 1_000, signal)).not.toBeNull();
		world.sharing.fetching('source', 2)(new ArrayBuffer(2));
		expect(world.swarm.ends).toHaveLength(1);
		const swarm = world.swarm;
		swarm.broken = new Error('broken');
		world.sharing.fetching('source', 3)(null);
		expect(swarm.stopped).toBe(1);
		expect(await world.sharing.segment('source', 1, 1_000, signal)).toBeNull();
	});
});
