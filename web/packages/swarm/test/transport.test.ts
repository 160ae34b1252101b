/** Two peers over real WebRTC, in one process. */

import wrtc from '@roamhq/wrtc';
import { afterEach, describe, expect, it } from 'vitest';
import { WORDS, type Slice } from '../src/channel';
import { nodeRtc } from '../src/node-rtc';
import { Transport } from '../src/transport';
import type { Message, PeerId } from '../src/wire';

const rtc = nodeRtc(wrtc.RTCPeerConnection);

class Peer {
	readonly opened: PeerId[] = [];
	readonly closed: [PeerId, string][] = [];
	readonly messages: Message[] = [];
	readonly slices: Slice[] = [];
	readonly buffered: number[] = [];
	readonly transport: Transport;
	/** passes offers and answers on */
	static all = new Map<PeerId, Peer>();
	/** Offers under way, when they are to arrive later than at once. */
	static held: (() => void)[] | null = null;
	offers = 0;
	blind = false;
	#wake: (() => void)[] = [];

	constructor(readonly id: PeerId) {
		Peer.all.set(id, this);
		this.transport = new Transport(id, rtc, [], WORDS.live, {
			offer: (to, offer_id, sdp) => {
				this.offers++;
				const other = Peer.all.get(to);
				if (!other) return false;
				const arrive = (): void => other.transport.handleOffer(id, offer_id, sdp);
				if (Peer.held) Peer.held.push(arrive);
				else if (!other.blind) setTimeout(arrive);
				this.#poke();
				return true;
			},
			answer: (to, offer_id, sdp) => void setTimeout(() => Peer.all.get(to)?.transport.handleAnswer(id, offer_id, sdp)),
			opened: (peer) => this.#note(this.opened, peer),
			closed: (peer, why) => this.#note(this.closed, [peer, why]),
			message: (_, message) => this.#note(this.messages, message),
			manifest: (_, bytes) => this.#note(this.messages, { type: 'manifest', bytes }),
			slice: (_, slice) => this.#note(this.slices, slice),
			buffered: (_, bytes) => this.#note(this.buffered, bytes)
		});
	}

	#note<T>(list: T[], entry: T): void {
		list.push(entry);
		this.#poke();
	}

	#poke(): void {
		for (const wake of this.#wake.splice(0)) wake();
	}

	async until(condition: () => boolean): Promise<void> {
		while (!condition()) await new Promise<void>((resolve) => this.#wake.push(resolve));
	}
}

const A = '2d5348303130302d' + '11'.repeat(12);
const B = '2d5348303130302d' + '22'.repeat(12);

function pair(): { a: Peer; b: Peer } {
	return { a: new Peer(A), b: new Peer(B) };
}

afterEach(() => {
	for (const peer of Peer.all.values()) peer.transport.close();
	Peer.all.clear();
	Peer.held = null;
});

describe('Transport', () => {
	it('connects, carries messages and slices both ways, and tells when all has left', async () => {
		const { a, b } = pair();
		a.transport.connect(B);
		await Promise.all([a.until(() => a.opened.length > 0), b.until(() => b.opened.length > 0)]);
		a.transport.send(B, { type: 'ping', nonce: 7 });
		b.transport.send(A, { type: 'manifest', bytes: Uint8Array.of(1, 2, 3) });
		await b.until(() => b.messages.length > 0);
		await a.until(() => a.messages.length > 0);
		expect(b.messages).toEqual([{ type: 'ping', nonce: 7 }]);
		expect(a.messages).toEqual([{ type: 'manifest', bytes: Uint8Array.of(1, 2, 3) }]);

		const data = Uint8Array.from({ length: 24_576 }, (_, i) => (i * 7) & 255);
		for (let index = 0; index < 20; index++) a.transport.sendSlice(B, { rendition: 0, place: 1024, index, data });
		await b.until(() => b.slices.length === 20);
		expect(b.slices.map((slice) => slice.index)).toEqual(Array.from({ length: 20 }, (_, i) => i));
		expect(b.slices.every((slice) => Buffer.compare(slice.data, data) === 0)).toBe(true);
		await a.until(() => a.buffered.includes(0));

		a.transport.disconnect(B);
		await b.until(() => b.closed.length > 0);
		expect(b.messages.at(-1)).toEqual({ type: 'bye' });
		expect([a.transport.size, b.transport.size]).toEqual([0, 0]);
	});

	it('keeps one connection when both offer at once: the offer of the smaller id', async () => {
		const { a, b } = pair();
		Peer.held = [];
		a.transport.connect(B);
		b.transport.connect(A);
		await Promise.all([a.until(() => a.offers === 1), b.until(() => b.offers === 1)]);
		for (const arrive of Peer.held.splice(0)) arrive();
		await Promise.all([a.until(() => a.opened.length > 0), b.until(() => b.opened.length > 0)]);
		b.transport.send(A, { type: 'ping', nonce: 1 });
		await a.until(() => a.messages.length === 1);
		expect([a.offers, b.offers]).toEqual([1, 1]);
		expect([a.transport.size, b.transport.size]).toEqual([1, 1]);
		expect([a.opened, b.opened, a.closed, b.closed]).toEqual([[B], [A], [], []]);
	});

	it('tells when there is no way to a peer, and takes no offer of a banned one', async () => {
		const { a, b } = pair();
		a.transport.connect('ff'.repeat(20));
		await a.until(() => a.closed.length > 0);
		expect(a.closed).toEqual([['ff'.repeat(20), 'no way to send an offer']]);
		b.blind = true;
		a.transport.connect(B);
		a.transport.handleUnreachable(B, 'another offer');
		expect(a.transport.size).toBe(1);
		b.transport.ban(A);
		b.transport.handleOffer(A, 'x', 'v=0');
		expect(b.transport.size).toBe(0);
	});

	it('survives offers and answers that are nonsense', async () => {
		const { a, b } = pair();
		a.transport.handleOffer(B, 'x', 'v=0\r\nnonsense');
		await a.until(() => a.closed.length > 0);
		a.transport.handleAnswer(B, 'y', 'v=0');
		expect(a.transport.size).toBe(0);
		b.transport.connect(A);
		await b.until(() => b.opened.length > 0);
	});

	it('closes the pair on a broken message', async () => {
		const b = new Peer(B);
		const connection = new wrtc.RTCPeerConnection({ iceServers: [] });
		const channel = connection.createDataChannel('shoal');
		await connection.setLocalDescription(await connection.createOffer());
		await new Promise<void>((resolve) => {
			connection.onicecandidate = ({ candidate }: { candidate: unknown }) => candidate === null && resolve();
		});
		Peer.all.set(A, {
			transport: { handleAnswer: (_: PeerId, __: string, sdp: string) => connection.setRemoteDescription({ type: 'answer', sdp }), close: () => connection.close() }
		} as unknown as Peer);
		b.transport.handleOffer(A, 'offer', connection.localDescription!.sdp);
		await b.until(() => b.opened.length > 0);
		await new Promise((resolve) => (channel.readyState === 'open' ? resolve(null) : (channel.onopen = resolve)));
		const closed = new Promise((resolve) => (channel.onclose = resolve));
		channel.send(Uint8Array.of(99, 1, 2));
		channel.send(Uint8Array.of(13, 1, 0, 0, 0));
		channel.send(Uint8Array.of(9, 1));
		channel.send(Uint8Array.of(13, 2, 0, 0, 0));
		await b.until(() => b.closed.length > 0);
		await closed;
		expect(b.closed[0]).toEqual([A, 'DATA without SLICE']);
		expect(b.messages).toEqual([{ type: 'ping', nonce: 1 }]);
		expect(b.transport.size).toBe(0);
	});
});
