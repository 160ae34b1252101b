/** Stand-ins of an origin and a tracker, in one process with the peers. */

import * as ed25519 from '@noble/ed25519';
import { signManifest } from '../src/manifest';
import type { Signalling } from '../src/signalling';
import { encode, fromHex, placeOf, sliceCount, sliceStart, toHex, Writer, type Place } from '../src/wire';

export const SECRET = new Uint8Array(32).fill(7);
export const SWARM = 'c8d5e2effc091623303d4a5764717e8b98a5b2bf';
export const ORIGIN = 'http://origin.test';
export const UUID = 'b7e5f1c0-0000-4000-8000-000000000001';
export const BASE = `${ORIGIN}/static/hls/${UUID}/`;

interface FakePart {
	number: number;
	duration_ms: number;
	independent: boolean;
	gap: boolean;
	data: Uint8Array;
}
interface FakeSegment {
	msn: number;
	init: number;
	discontinuity: boolean;
	pdt_ms: number;
	parts: FakePart[];
	leading_ms: number;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);
const span = (segment: FakeSegment): number => segment.leading_ms + segment.parts.reduce((sum, part) => sum + part.duration_ms, 0);
const isGap = (segment: FakeSegment): boolean => segment.parts.every((part) => part.gap);

/** The rendition `source` as the server's window and renderer have it (segmenter/src). */
export class FakeWindow {
	listed: FakeSegment[] = [];
	open: FakeSegment | null = null;
	target_s = 2;
	ended = false;
	discontinuity_sequence = 0;
	next_number = 0;
	init = 0;
	#next_discontinuity = false;
	manifests = new Map<Place, Uint8Array>();
	parts = new Map<string, FakePart>();
	listeners = new Set<(place: Place, part: FakePart, manifest: Uint8Array) => void>();
	now_ms: number;

	constructor(
		readonly window_ms = 20_000,
		first_msn = 3,
		readonly stripes = 4,
		start_ms = Date.UTC(2026, 10, 23)
	) {
		this.now_ms = start_ms;
		for (let msn = 0; msn < first_msn; msn++) {
			this.listed.push({ msn, init: 0, discontinuity: false, pdt_ms: start_ms - (first_msn - msn) * 2000, parts: [], leading_ms: 2000 });
		}
	}

	/** The next segment begins with another initialization section. */
	interrupt(): void {
		this.#next_discontinuity = true;
		this.init++;
	}

	/** `begins`: it is the first of a segment. */
	add(data: Uint8Array, { begins = false, gap = false, duration_ms = 200 } = {}): void {
		let text = '';
		if (begins || !this.open) {
			const before = this.open ?? this.listed.at(-1) ?? null;
			if (before) text += this.#end(before);
			this.close();
			const discontinuity = this.#next_discontinuity;
			this.#next_discontinuity = false;
			this.open = { msn: (before?.msn ?? -1) + 1, init: this.init, discontinuity, pdt_ms: this.now_ms, parts: [], leading_ms: 0 };
			if (discontinuity) text += '#EXT-X-DISCONTINUITY\n';
			if (discontinuity || before?.init !== this.init) text += `${this.#map(this.init)}\n`;
			text += `${this.#pdt(this.now_ms)}\n`;
		}
		const part = { number: this.next_number++, duration_ms, independent: begins, gap, data: gap ? new Uint8Array(0) : data };
		this.open!.parts.push(part);
		text += `${this.#part(part)}\n`;
		this.#sign(placeOf(this.open!.msn, this.open!.parts.length - 1), part, text, false);
		this.now_ms += duration_ms;
	}

	close(): void {
		if (!this.open) return;
		this.listed.push(this.open);
		this.open = null;
		const total = (): number => this.listed.reduce((sum, segment) => sum + span(segment), 0);
		const real = this.listed.reduce((sum, segment) => sum + span(segment) - segment.leading_ms, 0);
		while (this.listed[0] && (this.listed[0].leading_ms > 0 ? real >= 3000 * this.target_s : total() - span(this.listed[0]) >= this.window_ms)) {
			if (this.listed.shift()!.discontinuity) this.discontinuity_sequence++;
		}
	}

	end(): void {
		const last = this.open!;
		const text = this.#end(last);
		this.close();
		this.ended = true;
		const part = { number: 0, duration_ms: 0, independent: false, gap: true, data: new Uint8Array(0) };
		this.#sign(placeOf(last.msn, last.parts.length), part, text, true);
	}

	render(skip: boolean, first_msn = Infinity): string {
		void first_msn;
		const total = this.listed.reduce((sum, segment) => sum + span(segment), this.open ? span(this.open) : 0);
		let distance = total;
		let skipped = 0;
		if (skip && !this.ended) {
			for (const segment of this.listed) {
				distance -= span(segment);
				if (distance <= 6000 * this.target_s) break;
				skipped++;
			}
		}
		const lines = [
			'#EXTM3U',
			`#EXT-X-VERSION:${skipped ? 9 : 6}`,
			`#EXT-X-TARGETDURATION:${this.target_s}`,
			'#EXT-X-PART-INF:PART-TARGET=0.200',
			`#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${seconds(6000 * this.target_s)},HOLD-BACK=${seconds(3000 * this.target_s)},PART-HOLD-BACK=1.000`,
			`#EXT-X-MEDIA-SEQUENCE:${this.listed[0]?.msn ?? this.open?.msn ?? 0}`,
			`#EXT-X-DISCONTINUITY-SEQUENCE:${this.discontinuity_sequence}`
		];
		if (skipped) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`);
		let init: number | null = null;
		const begin = (segment: FakeSegment): void => {
			if (segment.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
			if (segment.discontinuity || init !== segment.init) lines.push(this.#map(segment.init));
			init = segment.init;
			lines.push(this.#pdt(segment.pdt_ms));
		};
		distance = total;
		this.listed.forEach((segment, index) => {
			const from_start = distance;
			distance -= span(segment);
			if (index < skipped) return;
			begin(segment);
			if (from_start <= 3000 * this.target_s) lines.push(...segment.parts.map((part) => this.#part(part)));
			lines.push(...this.#end(segment).trimEnd().split('\n'));
		});
		if (this.open) {
			begin(this.open);
			lines.push(...this.open.parts.map((part) => this.#part(part)));
		}
		if (this.ended) lines.push('#EXT-X-ENDLIST');
		else lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="a-source-p${this.next_number}.m4s"`, '#EXT-X-RENDITION-REPORT:URI="audio.m3u8",LAST-MSN=3,LAST-PART=1');
		return `${lines.join('\n')}\n`;
	}

	#map(init: number): string {
		return `#EXT-X-MAP:URI="a-source-init${init}.mp4"`;
	}

	#pdt(ms: number): string {
		return `#EXT-X-PROGRAM-DATE-TIME:${new Date(ms).toISOString()}`;
	}

	#part({ duration_ms, number, independent, gap }: FakePart): string {
		return `#EXT-X-PART:DURATION=${seconds(duration_ms)},URI="a-source-p${number}.m4s"${independent ? ',INDEPENDENT=YES' : ''}${gap ? ',GAP=YES' : ''}`;
	}

	#end(segment: FakeSegment): string {
		return `${isGap(segment) ? '#EXT-X-GAP\n' : ''}#EXTINF:${seconds(span(segment))},\na-source-${segment.msn}.m4s\n`;
	}

	#sign(place: Place, part: FakePart, text: string, last: boolean): void {
		const { duration_ms, independent, gap, data } = part;
		const manifest = signManifest({ rendition: 0, place, time_ms: this.now_ms, duration_ms, independent, gap, last, text }, data, this.stripes, SWARM, SECRET);
		this.manifests.set(place, manifest);
		if (!last) this.parts.set(`a-source-p${part.number}.m4s`, part);
		for (const listener of this.listeners) listener(place, part, manifest);
	}
}

/** Answers the engine's requests out of a `FakeWindow`. */
export class FakeOrigin {
	/** bytes sent in stripe streams, and in parts */
	stream_bytes = 0;
	part_bytes = 0;
	requests: string[] = [];
	/** stripe streams that are open */
	streams = 0;
	/** no answers while set */
	down = false;
	/** what peers ask for comes this much later */
	delay_ms = 0;

	constructor(
		readonly window: FakeWindow,
		readonly token: Record<string, unknown> = {}
	) {}

	readonly fetch = async (address: string, init: RequestInit = {}): Promise<Response> => {
		const url = new URL(address);
		const signal = init.signal ?? null;
		this.requests.push(url.pathname + url.search);
		if (this.down) throw new TypeError('failed to fetch');
		if (this.delay_ms) await new Promise((resolve) => setTimeout(resolve, this.delay_ms));
		signal?.throwIfAborted();
		if (url.pathname.endsWith('/token')) return Response.json(this.#token());
		if (url.pathname.includes('/stripes/')) return this.#stripes(url, signal);
		const part = this.window.parts.get(url.pathname.split('/').at(-1)!);
		if (!part || part.gap) return new Response(null, { status: 404 });
		const range = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init.headers).get('range') ?? '');
		const data = range ? part.data.slice(Number(range[1]), Number(range[2]) + 1) : part.data.slice();
		this.part_bytes += data.length;
		return new Response(data, { status: range ? 206 : 200 });
	};

	#token(): unknown {
		return {
			swarm: SWARM,
			token: 'let me in',
			expiresIn: 600,
			tracker: 'ws://origin.test/tracker/socket',
			stun: [],
			key: toHex(ed25519.getPublicKey(SECRET)),
			stripes: this.window.stripes,
			renditions: ['source'],
			policy: 'on',
			minimumViewers: 0,
			delaySeconds: 0,
			uplinkCeiling: 4,
			base: `/static/hls/${UUID}`,
			...this.token
		};
	}

	#stripes(url: URL, signal: AbortSignal | null): Response {
		const wanted = new Set(url.searchParams.get('stripes')!.split(',').map(Number));
		const { window } = this;
		let listener: (place: Place, part: FakePart, manifest: Uint8Array) => void;
		this.streams++;
		const stop = (): void => {
			if (window.listeners.delete(listener)) this.streams--;
		};
		return new Response(
			new ReadableStream({
				start: (controller) => {
					listener = (place, { data }, manifest) => {
						const frame = (message: Uint8Array): void => {
							this.stream_bytes += message.length + 4;
							controller.enqueue(new Writer().u32(message.length).bytes(message).finish());
						};
						frame(encode({ type: 'manifest', bytes: manifest }));
						const count = sliceCount(data.length, window.stripes);
						for (let index = 0; index < count; index++) {
							if (!wanted.has(index % window.stripes)) continue;
							const payload = data.subarray(sliceStart(data.length, count, index), sliceStart(data.length, count, index + 1));
							frame(encode({ type: 'slice', rendition: 0, place, index, length: payload.length, payload }));
						}
					};
					window.listeners.add(listener);
					signal?.addEventListener('abort', () => {
						stop();
						try {
							controller.error(signal.reason);
						} catch {
							// It was closed already.
						}
					});
				},
				cancel: stop
			})
		);
	}
}

const binary = (hex: string): string => String.fromCharCode(...fromHex(hex));
const hex = (text: string): string => toHex(Uint8Array.from(text, (character) => character.charCodeAt(0)));

/** One peer's socket at a `FakeTracker`. */
export class FakeSocket implements Signalling {
	open = true;
	onopen: (() => void) | null = null;
	onclose: (() => void) | null = null;
	onmessage: ((data: string | Uint8Array) => void) | null = null;
	peer = '';
	slots = 0;

	constructor(private readonly tracker: FakeTracker) {}

	send(text: string): void {
		if (this.open) this.tracker.handle(this, JSON.parse(text));
	}

	close(): void {
		this.open = false;
		this.tracker.leave(this);
	}

	/** The tracker has crashed. */
	vanish(): void {
		this.open = false;
		this.onclose?.();
	}

	tell(message: object | Uint8Array): void {
		queueMicrotask(() => this.open && this.onmessage?.(message instanceof Uint8Array ? message : JSON.stringify(message)));
	}
}

/**
 * Passes offers and answers on; the first peer is the root of all stripes, and who has a stripe and slots left is a
 * parent. A parent stays while it can.
 */
export class FakeTracker {
	readonly peers: FakeSocket[] = [];
	readonly reports: any[] = [];
	readonly #parents = new Map<string, string>();

	constructor(readonly window: FakeWindow) {
		window.listeners.add((_, __, manifest) => {
			const frame = new Writer().u8(1).id(SWARM).bytes(manifest).finish();
			for (const peer of this.peers) peer.tell(frame);
		});
	}

	socket(): FakeSocket {
		return new FakeSocket(this);
	}

	handle(from: FakeSocket, message: any): void {
		const info_hash = binary(SWARM);
		if (message.info_hash !== info_hash) throw new Error('another swarm');
		if (message.action === 'report') {
			this.reports.push({ ...message, peer_id: hex(message.peer_id) });
			const slots_before = from.slots;
			from.slots = message.slots;
			for (const { stripe, peer } of message.lost) {
				if (this.#parents.get(`${from.peer} ${stripe}`) === hex(peer)) this.#parents.delete(`${from.peer} ${stripe}`);
			}
			if (from.slots !== slots_before || message.lost.length > 0) this.tellAll();
			return;
		}
		if (message.action !== 'announce') throw new Error(`action ${message.action}`);
		if (message.event === 'stopped') return this.leave(from);
		if (message.to_peer_id) {
			const to = this.peers.find((peer) => peer.peer === hex(message.to_peer_id));
			const { peer_id, offer_id, offer, answer } = message;
			if (to) to.tell({ action: 'announce', info_hash, peer_id, offer_id, offer, answer });
			else if (offer) from.tell({ action: 'gone', info_hash, peer_id: message.to_peer_id, offer_id });
			return;
		}
		if (message.token !== 'let me in') return from.tell({ action: 'announce', info_hash, 'failure reason': 'token' });
		from.peer = hex(message.peer_id);
		from.slots = message.shoal.slots;
		if (!this.peers.includes(from)) this.peers.push(from);
		from.tell({ action: 'announce', info_hash, interval: 60, complete: 0, incomplete: this.peers.length });
		this.tellAll();
	}

	leave(socket: FakeSocket): void {
		const at = this.peers.indexOf(socket);
		if (at < 0) return;
		this.peers.splice(at, 1);
		for (const peer of this.peers) peer.tell({ action: 'gone', info_hash: binary(SWARM), peer_id: binary(socket.peer) });
		this.tellAll();
	}

	/** Who has which stripe from whom; 0: from the origin. */
	#assign(): Map<FakeSocket, object[]> {
		const assigned = new Map<FakeSocket, object[]>(this.peers.map((peer) => [peer, []]));
		const left = new Map(this.peers.map((peer) => [peer.peer, peer.slots]));
		const root = this.peers[0];
		for (let stripe = 0; stripe < this.window.stripes && root; stripe++) {
			const fed = [root];
			assigned.get(root)!.push({ rendition: 0, stripe, root: true });
			// Each stripe through others first.
			const others = this.peers.slice(1);
			others.push(...others.splice(0, stripe % Math.max(1, others.length)));
			for (const peer of others) {
				const key = `${peer.peer} ${stripe}`;
				const able = fed.filter((candidate) => left.get(candidate.peer)! > 0);
				const parent = able.find((candidate) => candidate.peer === this.#parents.get(key)) ?? able.at(-1);
				if (!parent) continue;
				left.set(parent.peer, left.get(parent.peer)! - 1);
				this.#parents.set(key, parent.peer);
				const standby = fed.find((candidate) => candidate !== parent);
				assigned.get(peer)!.push({ rendition: 0, stripe, parent: binary(parent.peer), standby: standby ? binary(standby.peer) : null });
				fed.push(peer);
			}
		}
		return assigned;
	}

	tellAll(): void {
		for (const [peer, stripes] of this.#assign()) {
			peer.tell({ action: 'assign', info_hash: binary(SWARM), peers: this.peers.length, manifests: true, stripes });
		}
	}
}
