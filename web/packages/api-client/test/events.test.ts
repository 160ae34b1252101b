import { expect, test } from 'vitest';
import { Events, parse, type Ports, type Socket, type VideoEvent } from '../src/events.js';

const UUID = '3a8e34f6-4c52-43ae-83fb-8157a2d0c8ea';

class FakeSocket implements Socket {
	readyState = 0;
	binaryType?: string;
	sent: unknown[] = [];
	closed = false;
	onopen: (() => void) | null = null;
	onclose: (() => void) | null = null;
	onmessage: ((event: { data: unknown }) => void) | null = null;
	send(text: string) {
		if (this.readyState !== 1) throw new Error('not open');
		this.sent.push(JSON.parse(text));
	}
	close() {
		this.closed = true;
	}
	open() {
		this.readyState = 1;
		this.onopen?.();
	}
	lose() {
		this.readyState = 3;
		this.onclose?.();
	}
	say(message: object) {
		this.onmessage?.({ data: JSON.stringify(message) });
	}
}

/** Virtual time: timers run when the test says so. */
class World implements Ports {
	sockets: FakeSocket[] = [];
	timers = new Map<number, { run: () => void; delay_ms: number }>();
	#next = 0;
	connect() {
		const socket = new FakeSocket();
		this.sockets.push(socket);
		return socket;
	}
	setTimeout(run: () => void, delay_ms: number) {
		this.timers.set(++this.#next, { run, delay_ms });
		return this.#next;
	}
	clearTimeout(timer: unknown) {
		this.timers.delete(timer as number);
	}
	random() {
		return 1;
	}
	/** Runs the one pending timer and answers how long it would have waited. */
	elapse(): number {
		const [entry] = [...this.timers];
		if (!entry || this.timers.size !== 1) throw new Error(`expected one timer, found ${this.timers.size}`);
		this.timers.delete(entry[0]);
		entry[1].run();
		return entry[1].delay_ms;
	}
	get socket(): FakeSocket {
		const last = this.sockets.at(-1);
		if (!last) throw new Error('no socket');
		return last;
	}
}

test('two listeners of one video share one socket and one subscription', async () => {
	const world = new World();
	const events = new Events('ws://test', world);
	const seen: VideoEvent[][] = [[], []];
	const stops = seen.map((list) => events.subscribe(UUID, (event) => list.push(event)));
	world.socket.open();
	await Promise.resolve();
	expect(world.sockets).toHaveLength(1);
	expect(world.socket.sent).toEqual([{ type: 'subscribe', video: UUID }]);

	world.socket.say({ type: 'state', video: UUID, state: 'live' });
	expect(seen).toEqual([[{ type: 'state', video: UUID, phase: 'live', replay: null }], [{ type: 'state', video: UUID, phase: 'live', replay: null }]]);

	stops[0]?.();
	world.socket.say({ type: 'viewers', video: UUID, viewers: 3 });
	expect(seen[0]).toHaveLength(1);
	expect(seen[1]).toHaveLength(2);
	stops[1]?.();
	expect(world.socket.sent.at(-1)).toEqual({ type: 'unsubscribe', video: UUID });
});

test('a lost socket comes back, waits longer each time, and asks again', async () => {
	const world = new World();
	const events = new Events('ws://test', world);
	const seen: VideoEvent[] = [];
	events.subscribe(UUID, (event) => seen.push(event), async () => 'secret');
	world.socket.open();
	world.socket.lose();
	expect(world.elapse()).toBe(500);
	world.socket.lose();
	expect(world.elapse()).toBe(1000);
	world.socket.open();
	await new Promise((resolve) => setTimeout(resolve));
	expect(world.socket.sent).toEqual([{ type: 'subscribe', video: UUID, token: 'secret' }]);
	expect(seen).toEqual([{ type: 'reconnected', video: UUID }]);
	for (let failures = 0; failures < 12; failures++) {
		world.socket.lose();
		expect(world.elapse()).toBeLessThanOrEqual(15_000);
	}
});

test('who watches says so at once, again and again, and after a lost connection', async () => {
	const world = new World();
	const events = new Events('ws://test', world);
	events.subscribe(UUID, () => {});
	const stop = events.watch(UUID);
	const watching = { type: 'watching', video: UUID };
	world.socket.open();
	await new Promise((resolve) => setTimeout(resolve));
	expect(world.socket.sent).toEqual([{ type: 'subscribe', video: UUID }, watching]);
	expect(world.elapse()).toBe(5000);
	expect(world.socket.sent.filter((message) => JSON.stringify(message) === JSON.stringify(watching))).toHaveLength(2);
	stop();
	expect(world.timers.size).toBe(0);
});

test('the socket closes when nobody listens, but survives a change of page', () => {
	const world = new World();
	const events = new Events('ws://test', world);
	const stop = events.subscribe(UUID, () => {});
	world.socket.open();
	stop();
	const stopAgain = events.subscribe(UUID, () => {});
	expect(world.timers.size).toBe(0);
	expect(world.sockets).toHaveLength(1);
	stopAgain();
	world.elapse();
	expect(world.socket.closed).toBe(true);
});

test('messages that are not understood are left alone', () => {
	for (const text of ['', 'null', '[]', '{"type":"state"}', `{"type":"state","video":"${UUID}","state":"flying"}`, '{"type":"x","video":"y"}']) {
		expect(parse(text)).toBeNull();
	}
});

test("the tracker shares the page's socket: messages with an action and binary frames are its own", async () => {
	const world = new World();
	const events = new Events('ws://test', world);
	const seen: VideoEvent[] = [];
	const stop = events.subscribe(UUID, (event) => seen.push(event));
	const tracker = events.tracker();
	const heard: (string | Uint8Array)[] = [];
	const turns: string[] = [];
	tracker.onmessage = (data) => heard.push(data);
	tracker.onopen = () => turns.push('open');
	tracker.onclose = () => turns.push('close');
	tracker.send('lost');
	expect(tracker.open).toBe(false);
	world.socket.open();
	await Promise.resolve();
	expect(world.sockets).toHaveLength(1);
	expect(world.socket.binaryType).toBe('arraybuffer');
	tracker.send('{"action":"announce"}');
	expect(world.socket.sent).toEqual([{ type: 'subscribe', video: UUID }, { action: 'announce' }]);

	const manifest = new Uint8Array([1, 2]);
	world.socket.say({ action: 'assign', info_hash: 'x' });
	world.socket.say({ 'failure reason': 'no such swarm' });
	world.socket.onmessage?.({ data: manifest.buffer });
	world.socket.say({ type: 'viewers', video: UUID, viewers: 3 });
	world.socket.onmessage?.({ data: 'no JSON' });
	expect(heard).toEqual(['{"action":"assign","info_hash":"x"}', '{"failure reason":"no such swarm"}', manifest]);
	expect(seen).toEqual([{ type: 'viewers', video: UUID, viewers: 3 }]);

	world.socket.lose();
	world.elapse();
	world.socket.open();
	await Promise.resolve();
	expect(turns).toEqual(['open', 'close', 'open']);

	// The last listener goes, the tracker stays: so does the socket. Without both it is closed.
	stop();
	expect(world.timers.size).toBe(0);
	tracker.close();
	world.elapse();
	expect(world.socket.closed).toBe(true);
	expect(world.sockets).toHaveLength(2);
});
