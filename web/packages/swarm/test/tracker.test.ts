/** The tracker client over a fake socket, and the socket that comes back. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OwnSocket, type Signalling, type Socket } from '../src/signalling';
import { binaryString, parseBinaryString, TrackerClient, type TrackerEvents } from '../src/tracker';
import { Writer } from '../src/wire';

const SWARM = 'c8d5e2effc091623303d4a5764717e8b98a5b2bf';
const SELF = '2d5348303130302d' + '01'.repeat(12);
const OTHER = '2d5348303130302d' + 'fe'.repeat(12);
const other = binaryString(OTHER);

class Page implements Signalling {
	open = false;
	onopen: (() => void) | null = null;
	onclose: (() => void) | null = null;
	onmessage: ((data: string | Uint8Array) => void) | null = null;
	sent: any[] = [];
	closed = false;

	send(text: string): void {
		this.sent.push(JSON.parse(text));
	}

	close(): void {
		this.closed = true;
	}

	up(): void {
		this.open = true;
		this.onopen?.();
	}

	tell(message: object): void {
		this.onmessage?.(JSON.stringify({ info_hash: binaryString(SWARM), ...message }));
	}
}

function client(): { page: Page; tracker: TrackerClient; events: { [K in keyof TrackerEvents]: ReturnType<typeof vi.fn> } } {
	const page = new Page();
	const events = { offer: vi.fn(), answer: vi.fn(), assign: vi.fn(), gone: vi.fn(), manifest: vi.fn(), failure: vi.fn(), lost: vi.fn() };
	const tracker = new TrackerClient(page, SWARM, SELF, () => ({ token: 't', rendition: 0, slots: 1, upload: true }), events as unknown as TrackerEvents);
	return { page, tracker, events };
}

/** One that has joined. */
function joined(): ReturnType<typeof client> {
	const made = client();
	made.page.up();
	return made;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('TrackerClient', () => {
	it('joins when the socket opens, again at the interval, and after each break', () => {
		const { page, tracker, events } = client();
		expect(tracker.joined).toBe(false);
		page.up();
		const joining = { action: 'announce', info_hash: binaryString(SWARM), peer_id: binaryString(SELF), numwant: 0, left: null, token: 't', shoal: { version: 1, rendition: 0, slots: 1, upload: true } };
		expect(page.sent).toEqual([expect.objectContaining({ ...joining, event: 'started' })]);
		expect(tracker.joined).toBe(true);
		page.tell({ action: 'announce', interval: 60 });
		vi.advanceTimersByTime(120_000);
		expect(page.sent).toHaveLength(2);
		expect(page.sent[1].event).toBeUndefined();
		vi.advanceTimersByTime(60_000);
		expect(page.sent).toHaveLength(3);
		page.open = false;
		page.onclose?.();
		expect(events.lost).toHaveBeenCalledTimes(1);
		vi.advanceTimersByTime(600_000);
		expect(page.sent).toHaveLength(3);
		expect(tracker.offer(OTHER, 'x', 'v=0')).toBe(false);
		page.up();
		expect(page.sent.at(-1).event).toBe('started');
		tracker.close();
		expect(page.sent.at(-1).event).toBe('stopped');
		expect([page.closed, page.onmessage]).toEqual([true, null]);
		vi.advanceTimersByTime(600_000);
		expect(page.sent.at(-1).event).toBe('stopped');
	});

	it('sends offers to one peer, answers and reports', () => {
		const { page, tracker } = joined();
		expect(tracker.offer(OTHER, 'offer', 'v=0')).toBe(true);
		tracker.answer(OTHER, 'theirs', 'v=1');
		tracker.report({
			rendition: 0,
			slots: 4,
			upload: true,
			unreachable: [OTHER],
			lost: [{ rendition: 0, stripe: 2, peer: OTHER, refused: true }],
			accused: [OTHER],
			http_bytes: 1,
			p2p_bytes: 2,
			upload_bytes: 3
		});
		expect(page.sent.slice(1)).toEqual([
			expect.objectContaining({ action: 'announce', to_peer_id: other, offer_id: 'offer', offer: { type: 'offer', sdp: 'v=0' } }),
			expect.objectContaining({ action: 'announce', to_peer_id: other, offer_id: 'theirs', answer: { type: 'answer', sdp: 'v=1' } }),
			expect.objectContaining({ action: 'report', peer_id: binaryString(SELF), unreachable: [other], accused: [other], lost: [{ rendition: 0, stripe: 2, peer: other, refused: true }], slots: 4, p2p_bytes: 2 })
		]);
	});

	it('hands on what the tracker says', () => {
		const { page, events } = joined();
		page.tell({ action: 'announce', peer_id: other, offer_id: 'o', offer: { type: 'offer', sdp: 'v=0' } });
		page.tell({ action: 'announce', peer_id: other, offer_id: 'o', answer: { type: 'answer', sdp: 'v=1' } });
		page.tell({ action: 'gone', peer_id: other });
		page.tell({ action: 'gone', peer_id: other, offer_id: 'o' });
		page.tell({
			action: 'assign',
			peers: 7,
			manifests: false,
			stripes: [
				{ rendition: 0, stripe: 0, root: true },
				{ rendition: 0, stripe: 1, parent: other, standby: null },
				{ rendition: 0, stripe: 2, parent: other, standby: binaryString(SELF) },
				{ rendition: 0, stripe: 3, parent: 'short', standby: null },
				{ rendition: 0, stripe: -1, root: true },
				null
			]
		});
		const frame = new Writer().u8(1).id(SWARM).bytes(Uint8Array.of(5, 6)).finish();
		page.onmessage?.(frame);
		page.tell({ action: 'announce', 'failure reason': 'token' });
		expect(events.offer.mock.calls).toEqual([[OTHER, 'o', 'v=0']]);
		expect(events.answer.mock.calls).toEqual([[OTHER, 'o', 'v=1']]);
		expect(events.gone.mock.calls).toEqual([
			[OTHER, null],
			[OTHER, 'o']
		]);
		expect(events.assign.mock.calls).toEqual([
			[
				{
					peers: 7,
					manifests: false,
					stripes: [
						{ rendition: 0, stripe: 0, root: true },
						{ rendition: 0, stripe: 1, root: false, parent: OTHER, standby: null },
						{ rendition: 0, stripe: 2, root: false, parent: OTHER, standby: SELF }
					],
					neighbours: []
				}
			]
		]);
		expect(events.manifest.mock.calls).toEqual([[Uint8Array.of(5, 6)]]);
		expect(events.failure.mock.calls).toEqual([['token']]);
	});

	it('ignores what is broken, and other swarms', () => {
		const { page, events } = joined();
		for (const text of ['', 'null', '7', '[]', '{', '{"action":1}']) page.onmessage?.(text);
		page.onmessage?.(JSON.stringify({ action: 'gone', info_hash: other, peer_id: other }));
		page.tell({ action: 'gone', peer_id: 'x' });
		page.tell({ action: 'announce', peer_id: other, offer_id: 7, offer: { sdp: 'v=0' } });
		page.tell({ action: 'announce', peer_id: other, offer_id: 'o', offer: { sdp: 7 } });
		page.tell({ action: 'assign', stripes: 'all' });
		page.onmessage?.(Uint8Array.of(1, 2, 3));
		page.onmessage?.(new Writer().u8(1).id(OTHER).u8(1).finish());
		page.onmessage?.(new Writer().u8(2).id(SWARM).u8(1).finish());
		for (const event of Object.values(events)) expect(event).not.toHaveBeenCalled();
	});

	it('writes ids as WebTorrent does', () => {
		expect(parseBinaryString(binaryString(OTHER))).toBe(OTHER);
		expect(binaryString(OTHER)).toHaveLength(20);
		for (const bad of ['', 'x'.repeat(19), 'ā'.repeat(20), 7, null, undefined]) expect(parseBinaryString(bad)).toBeNull();
	});
});

describe('OwnSocket', () => {
	class FakeWebSocket implements Socket {
		binaryType = '';
		readyState = 0;
		onopen: (() => void) | null = null;
		onclose: (() => void) | null = null;
		onerror: (() => void) | null = null;
		onmessage: ((event: { data: unknown }) => void) | null = null;
		sent: string[] = [];
		send(text: string): void {
			this.sent.push(text);
		}
		close(): void {
			this.readyState = 3;
			this.onclose?.();
		}
		up(): void {
			this.readyState = 1;
			this.onopen?.();
		}
	}

	it('comes back later and later, soon again after a good time, and not after close', () => {
		const sockets: FakeWebSocket[] = [];
		const opened = vi.fn();
		const closed = vi.fn();
		const messages: unknown[] = [];
		const own = new OwnSocket('wss://x', () => (sockets.push(new FakeWebSocket()), sockets.at(-1)!), () => Date.now(), () => 0.5);
		own.onopen = opened;
		own.onclose = closed;
		own.onmessage = (data) => messages.push(data);
		own.send('lost');
		sockets[0]!.up();
		own.send('a');
		sockets[0]!.onmessage?.({ data: 'text' });
		sockets[0]!.onmessage?.({ data: Uint8Array.of(1).buffer });
		sockets[0]!.onmessage?.({ data: 7 });
		expect([sockets[0]!.sent, messages, own.open]).toEqual([['a'], ['text', Uint8Array.of(1)], true]);
		for (const wait_ms of [750, 1500, 3000]) {
			sockets.at(-1)!.close();
			const count = sockets.length;
			vi.advanceTimersByTime(wait_ms - 1);
			expect(sockets).toHaveLength(count);
			vi.advanceTimersByTime(1);
			expect(sockets).toHaveLength(count + 1);
		}
		expect(closed).toHaveBeenCalledTimes(3);
		sockets.at(-1)!.up();
		vi.advanceTimersByTime(20_000);
		sockets.at(-1)!.close();
		vi.advanceTimersByTime(750);
		expect(sockets).toHaveLength(5);
		own.close();
		vi.advanceTimersByTime(100_000);
		expect(sockets).toHaveLength(5);
		expect(opened).toHaveBeenCalledTimes(2);
	});
});
