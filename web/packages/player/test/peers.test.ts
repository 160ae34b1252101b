import type { FragmentLoaderContext, HlsConfig, LoaderConfiguration, LoaderStats, PlaylistLoaderContext } from 'hls.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadersFor } from '../src/loaders';
import { hedged, playlistRequest, renditionOf, type Peers, type PlaylistRequest, type SharedPart, type SharedSegment } from '../src/peers';
import { Source } from '../src/source';

const BASE = 'https://shoal.test/static/streaming-playlists/hls/u/';
const PLAYLIST = `#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-PART-INF:PART-TARGET=0.2
#EXT-X-MEDIA-SEQUENCE:4
#EXT-X-MAP:URI="init.mp4"
#EXT-X-PART:DURATION=0.2,URI="4.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="4.1.m4s"
`;
const NEXT = PLAYLIST.replace('#EXT-X-PRELOAD', '#EXT-X-PART:DURATION=0.2,URI="4.1.m4s"\n#EXT-X-PRELOAD');

/** A swarm that answers what the test says, when it says it. */
class FakePeers implements Peers {
	active = true;
	told: [string, string, string][] = [];
	requests: [string, PlaylistRequest][] = [];
	parts: string[] = [];
	aborted = 0;
	answer: () => Promise<string | null> = () => Promise.resolve(null);
	give: (url: string) => Promise<SharedPart | null> = () => Promise.resolve(null);
	handleOriginPlaylist(rendition: string, url: string, text: string) {
		this.told.push([rendition, url, text]);
	}
	playlist(rendition: string, request: PlaylistRequest, signal: AbortSignal) {
		this.requests.push([rendition, request]);
		signal.addEventListener('abort', () => this.aborted++);
		return this.answer();
	}
	part(url: string, signal: AbortSignal) {
		this.parts.push(url);
		signal.addEventListener('abort', () => this.aborted++);
		return this.give(url);
	}
	segments: [string, number, number][] = [];
	own: [string, number, ArrayBuffer | null][] = [];
	bring: () => Promise<SharedSegment | null> = () => Promise.resolve(null);
	segment(rendition: string, index: number, within_ms: number, signal: AbortSignal) {
		this.segments.push([rendition, index, within_ms]);
		signal.addEventListener('abort', () => this.aborted++);
		return this.bring();
	}
	fetching(rendition: string, index: number) {
		return (data: ArrayBuffer | null) => void this.own.push([rendition, index, data]);
	}
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
const later = <T>(value: T, ms: number): Promise<T> => new Promise((resolve) => setTimeout(() => resolve(value), ms));

interface Loaded {
	data: string | ArrayBuffer;
	stats: LoaderStats;
}

describe('with peers', () => {
	let peers: FakePeers;
	let source: Source;
	/** URLs that the origin was asked for. */
	let fetched: string[];
	let origin: (url: string, init: RequestInit) => Promise<Response>;

	beforeEach(() => {
		vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
		peers = new FakePeers();
		source = new Source(`${BASE}master.m3u8`, 0.95, null);
		source.peers = peers;
		source.buffered_s = () => 1.3;
		fetched = [];
		origin = async (url) => new Response(url.includes('.m3u8') ? PLAYLIST : new Uint8Array([9, 9]));
		vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
			fetched.push(url);
			return origin(url, init);
		});
	});
	afterEach(() => {
		vi.unstubAllGlobals();
		vi.useRealTimers();
	});

	function load(kind: 'pLoader' | 'fLoader', url: string): Promise<Loaded> {
		const loader = new (loadersFor(source)[kind])({} as HlsConfig);
		const context = { url, ...(kind === 'fLoader' ? { part: {} } : {}) } as unknown as PlaylistLoaderContext & FragmentLoaderContext;
		const config = { loadPolicy: { maxTimeToFirstByteMs: 8_000, maxLoadTimeMs: 15_000 } } as LoaderConfiguration;
		return new Promise((resolve, reject) => {
			loader.load(context, config, {
				onSuccess: (response, stats) => resolve({ data: response.data as string | ArrayBuffer, stats }),
				onError: (error) => reject(new Error(error.text)),
				onTimeout: () => reject(new Error('timeout'))
			});
		});
	}
	const reload = `${BASE}source.m3u8?_HLS_msn=4&_HLS_part=1&_HLS_skip=YES`;

	describe('a playlist', () => {
		it('comes from them, and what it names is not fetched ahead', async () => {
			peers.answer = () => later(NEXT, 150);
			const loaded = load('pLoader', reload);
			await vi.advanceTimersByTimeAsync(150);
			expect((await loaded).data).toContain('4.1.m4s');
			expect(peers.requests).toEqual([['source', { msn: 4, part: 1, skip: true }]]);
			expect(fetched).toEqual([]);
			expect(source.rendition).toBe('source');
			expect(source.playlist?.parts).toHaveLength(2);
			// What came from peers is no news to them.
			expect(peers.told).toEqual([]);
		});

		it('comes from the origin when nothing has to be waited for, and is told to them', async () => {
			await load('pLoader', `${BASE}source.m3u8`);
			expect(peers.requests).toEqual([]);
			expect(fetched).toEqual([`${BASE}source.m3u8`]);
			expect(peers.told).toEqual([['source', `${BASE}source.m3u8`, PLAYLIST]]);
		});

		it('comes from the origin at once when they have nothing, and after three parts when they are late', async () => {
			await load('pLoader', reload);
			expect(fetched).toEqual([reload]);

			peers.answer = never;
			const loaded = load('pLoader', reload);
			await vi.advanceTimersByTimeAsync(590);
			expect(fetched).toHaveLength(1);
			await vi.advanceTimersByTimeAsync(20);
			expect(fetched).toHaveLength(2);
			await loaded;
			expect(peers.told).toHaveLength(2);
			expect(peers.aborted).toBe(2);
		});

		it('is taken from them even late, if the origin is later', async () => {
			peers.answer = () => later(NEXT, 700);
			origin = never;
			const loaded = load('pLoader', reload);
			await vi.advanceTimersByTimeAsync(700);
			expect((await loaded).data).toContain('4.1.m4s');
			expect(fetched).toHaveLength(1);
		});

		it('comes from the origin when they fail, or are not there', async () => {
			peers.answer = () => Promise.reject(new Error('broken'));
			await load('pLoader', reload);
			peers.active = false;
			await load('pLoader', reload);
			expect(fetched).toEqual([reload, reload, `${BASE}init.mp4`, `${BASE}4.0.m4s`]);
			expect(peers.requests).toHaveLength(1);
		});
	});

	it('lets another rendition begin over HTTP', async () => {
		peers.answer = () => Promise.resolve(NEXT);
		await load('pLoader', reload);
		expect(fetched).toEqual([]);
		peers.answer = () => Promise.resolve(null);
		const other = reload.replace('source', '360p');
		await load('pLoader', other);
		// From the keyframe on, all at once.
		expect(fetched).toEqual([other, `${BASE}init.mp4`, `${BASE}4.0.m4s`]);
		expect(source.rendition).toBe('360p');
		expect(peers.told.at(-1)?.[0]).toBe('360p');
	});

	it('tells of each part before hls.js has it', async () => {
		const told: string[] = [];
		source.onpart = () => told.push('part');
		peers.give = () => Promise.resolve(null);
		await load('fLoader', `${BASE}4.1.m4s`).then(() => told.push('hls.js'));
		expect(told).toEqual(['part', 'hls.js']);
	});

	describe('what the link carries', () => {
		/** A body of `bytes` that takes `ms`. */
		const body = (bytes: number, ms: number): Response =>
			new Response(
				new ReadableStream({
					start(controller) {
						setTimeout(() => {
							controller.enqueue(new Uint8Array(bytes));
							controller.close();
						}, ms);
					}
				}),
				{ status: 206 }
			);
		async function probe(answer: typeof origin): Promise<boolean> {
			origin = answer;
			const found = source.probe(4_000_000);
			await vi.advanceTimersByTimeAsync(2_000);
			return found;
		}
		beforeEach(async () => {
			origin = async () => new Response(PLAYLIST.replace('#EXT-X-PART:', '#EXTINF:2,\n3.m4s\n#EXT-X-PART:'));
			await load('pLoader', `${BASE}source.m3u8`);
			fetched = [];
		});

		it('is seen at half a second of the newest whole segment', async () => {
			let asked: RequestInit = {};
			const answer = (bytes: number, ms: number) => async (_: string, init: RequestInit) => {
				asked = init;
				return body(bytes, ms);
			};
			expect(await probe(answer(250_000, 450))).toBe(true);
			expect(fetched).toEqual([`${BASE}3.m4s`]);
			// What lies in the browser's cache says nothing.
			expect(asked).toMatchObject({ headers: { Range: 'bytes=0-249999' }, cache: 'no-store' });
			expect(await probe(answer(250_000, 550))).toBe(false);
			// Less came, as fast.
			expect(await probe(answer(125_000, 230))).toBe(true);
		});

		it('is not proven by errors, nor by an answer that does not come', async () => {
			expect(await probe(async () => new Response(null, { status: 404 }))).toBe(false);
			const aborted = (signal: AbortSignal) => new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
			expect(await probe(async (_, { signal }) => aborted(signal as AbortSignal))).toBe(false);
			expect(await probe(async () => Promise.reject(new Error('offline')))).toBe(false);
		});
	});

	describe('a part', () => {
		const url = `${BASE}4.1.m4s`;
		const shared = (...bytes: number[]): SharedPart => ({ data: new Uint8Array(bytes).buffer, http_bytes: 0, p2p_bytes: bytes.length });

		it('comes from them as a copy, with the time that the link would have taken', async () => {
			source.throughput.add(1_000_000, 1_000);
			const part: SharedPart = { data: new ArrayBuffer(100_000), http_bytes: 0, p2p_bytes: 100_000 };
			peers.give = () => Promise.resolve(part);
			await vi.advanceTimersByTimeAsync(1_000);
			const now_ms = performance.now();
			const { data, stats } = await load('fLoader', url);
			expect(data).not.toBe(part.data);
			structuredClone(data, { transfer: [data as ArrayBuffer] });
			expect(part.data.byteLength).toBe(100_000);
			expect(stats.loading.end).toBe(now_ms);
			expect(stats.loading.end - stats.loading.first).toBeCloseTo(100, 3);
			expect(stats.loaded).toBe(100_000);
			expect(source.http_bytes).toBe(0);
			// Nothing was learnt of the link.
			expect(source.throughput.bps).toBeCloseTo(8_000_000, 0);
			expect(fetched).toEqual([]);
		});

		it('comes from the origin at once when they have nothing or fail', async () => {
			expect(new Uint8Array((await load('fLoader', url)).data as ArrayBuffer)).toEqual(new Uint8Array([9, 9]));
			peers.give = () => Promise.reject(new Error('broken'));
			await load('fLoader', url);
			expect(fetched).toEqual([url, url]);
			expect(source.http_bytes).toBe(4);
		});

		it('is waited for as long as the buffer lasts, less what the origin needs', async () => {
			peers.give = never;
			const loaded = load('fLoader', url);
			await vi.advanceTimersByTimeAsync(1_090);
			expect(fetched).toEqual([]);
			await vi.advanceTimersByTimeAsync(20);
			expect(fetched).toEqual([url]);
			await loaded;
			expect(peers.aborted).toBe(1);
		});

		it('is hardly waited for when the buffer is empty', async () => {
			source.buffered_s = () => 0;
			peers.give = () => later(shared(1), 40);
			const early = load('fLoader', url);
			await vi.advanceTimersByTimeAsync(40);
			expect((await early).stats.loaded).toBe(1);
			peers.give = never;
			const late = load('fLoader', url);
			await vi.advanceTimersByTimeAsync(60);
			expect((await late).stats.loaded).toBe(2);
		});

		it('that was on its way already is not asked for again', async () => {
			peers.active = false;
			await load('pLoader', reload);
			await vi.advanceTimersByTimeAsync(0);
			peers.active = true;
			await load('fLoader', `${BASE}4.0.m4s`);
			expect(peers.parts).toEqual([]);
			expect(fetched.filter((asked) => asked.endsWith('4.0.m4s'))).toHaveLength(1);
		});
	});

	describe('a segment of a recording', () => {
		const url = `${BASE}run.mp4`;
		const vod = `#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="run.mp4",BYTERANGE="700@0"
#EXTINF:2,
#EXT-X-BYTERANGE:3@700
run.mp4
#EXT-X-ENDLIST
`;
		const asked: (string | null)[] = [];
		const brought = (bytes: number[], http_bytes = 0, http_ms = 0): SharedSegment => ({ data: Uint8Array.from(bytes).buffer, http_bytes, p2p_bytes: bytes.length - http_bytes, http_ms });

		beforeEach(async () => {
			asked.length = 0;
			source.buffered_s = () => 12;
			vi.stubGlobal('fetch', async (address: string, init: RequestInit) => {
				const range = new Headers(init.headers).get('range');
				asked.push(range);
				return new Response(address.includes('.m3u8') ? vod : new Uint8Array([7, 8, 9]));
			});
			await load('pLoader', `${BASE}source.m3u8`);
			asked.length = 0;
		});

		function loadRange(sn: number | 'initSegment', start: number, end: number): Promise<Loaded> {
			const loader = new (loadersFor(source).fLoader)({} as HlsConfig);
			const frag = { sn, type: 'main', baseurl: `${BASE}720p.m3u8` };
			const context = { url, frag, part: null, rangeStart: start, rangeEnd: end } as unknown as FragmentLoaderContext;
			const config = { loadPolicy: { maxTimeToFirstByteMs: 10_000, maxLoadTimeMs: 60_000 } } as LoaderConfiguration;
			return new Promise((resolve, reject) => {
				loader.load(context, config, {
					onSuccess: (response, stats) => resolve({ data: response.data as ArrayBuffer, stats }),
					onError: (error) => reject(new Error(error.text)),
					onTimeout: () => reject(new Error('timeout'))
				});
			});
		}

		it('comes from them, as if it had been loaded as fast as the link is', async () => {
			source.throughput.add(1_000_000, 1_000);
			peers.bring = () => later(brought([1, 2, 3]), 9_000);
			const loaded = loadRange(3, 700, 703);
			await vi.advanceTimersByTimeAsync(9_000);
			const { data, stats } = await loaded;
			expect(new Uint8Array(data as ArrayBuffer)).toEqual(Uint8Array.of(1, 2, 3));
			expect(asked).toEqual([]);
			expect(peers.segments).toEqual([['720p', 3, 11_000]]);
			// Neither no time at all nor the nine seconds of waiting.
			expect(stats.loading.end - stats.loading.start).toBeCloseTo((3 * 8_000) / 8_000_000, 3);
			expect(source.rendition).toBe('720p');
		});

		it('that others did not bring comes from the origin, in its own time, and is given to them', async () => {
			peers.bring = never;
			const loaded = loadRange(3, 700, 703);
			await vi.advanceTimersByTimeAsync(10_990);
			expect(asked).toEqual([]);
			await vi.advanceTimersByTimeAsync(20);
			const { data, stats } = await loaded;
			expect(asked).toEqual(['bytes=700-702']);
			expect(stats.loading.end - stats.loading.start).toBeLessThan(100);
			expect(peers.own).toEqual([['720p', 3, data]]);
			expect(peers.aborted).toBe(1);
		});

		it('is fetched at once when they do not have it, or give another size', async () => {
			await loadRange(3, 700, 703);
			peers.bring = () => Promise.resolve(brought([1, 2]));
			await loadRange(4, 703, 706);
			expect(asked).toEqual(['bytes=700-702', 'bytes=703-705']);
		});

		it('is fetched without them while nobody is there, but told of', async () => {
			peers.active = false;
			await loadRange(3, 700, 703);
			expect(peers.segments).toEqual([]);
			expect(peers.own.map(([, index]) => index)).toEqual([3]);
			vi.stubGlobal('fetch', async () => new Response(null, { status: 500 }));
			await expect(loadRange(4, 703, 706)).rejects.toThrow('500');
			expect(peers.own.map(([, , data]) => data === null)).toEqual([false, true]);
		});

		it('has the time that the engine needs for a fetch when the buffer is empty, as after a seek', async () => {
			source.buffered_s = () => 0;
			peers.bring = () => later(brought([1, 2, 3], 3, 300), 300);
			const loaded = loadRange(3, 700, 703);
			await vi.advanceTimersByTimeAsync(300);
			await loaded;
			expect(asked).toEqual([]);
			expect(peers.segments).toEqual([['720p', 3, 0]]);
		});

		it('is not what an initialization section is', async () => {
			await loadRange('initSegment', 0, 700);
			expect(peers.segments).toEqual([]);
			expect(peers.own).toEqual([]);
			expect(asked).toEqual(['bytes=0-699']);
		});
	});
});

describe('what a reload asks for', () => {
	it('is read from its address', () => {
		expect(playlistRequest('https://x/s.m3u8?_HLS_msn=12&_HLS_part=3')).toEqual({ msn: 12, part: 3, skip: false });
		expect(playlistRequest('https://x/s.m3u8?_HLS_msn=12&_HLS_skip=YES')).toEqual({ msn: 12, part: null, skip: true });
		for (const url of ['https://x/s.m3u8', 'https://x/s.m3u8?_HLS_msn=-1', 'https://x/s.m3u8?_HLS_msn=1&_HLS_part=x']) {
			expect(playlistRequest(url)).toBeNull();
		}
		expect(renditionOf('https://x/a/b/720p.m3u8?_HLS_msn=1')).toBe('720p');
	});
});

describe('hedged', () => {
	it('aborts the one that lost, and both with the caller', async () => {
		const signals: AbortSignal[] = [];
		const note = <T>(answer: Promise<T>) => (signal: AbortSignal) => {
			signals.push(signal);
			return answer;
		};
		await hedged(new AbortController().signal, 0, note(never<number | null>()), note(later(1, 5)));
		expect(signals.map((signal) => signal.aborted)).toEqual([true, true]);

		const caller = new AbortController();
		const second = vi.fn(() => never<number>());
		const waiting = hedged(
			caller.signal,
			1_000,
			(signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
			second
		);
		caller.abort();
		await expect(waiting).rejects.toThrow('aborted');
		expect(second).not.toHaveBeenCalled();
	});

	it('fails with the origin', async () => {
		const failed = hedged(new AbortController().signal, 0, () => never<number | null>(), () => Promise.reject(new Error('HTTP 503')));
		await expect(failed).rejects.toThrow('HTTP 503');
	});
});
