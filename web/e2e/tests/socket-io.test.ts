import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { Privacy } from '@shoal/api-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Publisher } from '../support/publisher';
import { PASSWORD, Shoal, type TestLive } from '../support/shoal';
import { until } from '../support/until';

/** What is used of socket.io-client, which PeerTube's pages and its app speak. */
interface Socket {
	readonly connected: boolean;
	readonly io: { engine: { transport: { name: string } } };
	on(event: string, listener: (argument: never) => void): this;
	emit(event: string, argument: unknown): this;
	timeout(ms: number): { emitWithAck(event: string, argument: unknown): Promise<{ status?: number }> };
	close(): this;
}
const client = createRequire(resolve('../interop/package.json'))('socket.io-client') as {
	io(address: string, options: object): Socket;
};

/** As pages do it: by polling first, then by WebSocket; and with one of them alone. */
const TRAVELS = [['polling', 'websocket'], ['polling'], ['websocket']];
const ANSWER_MS = 5000;

let shoal: Shoal;
let token: string;
const sockets: Socket[] = [];

beforeAll(async () => {
	shoal = await Shoal.start();
	token = (await shoal.api.login('root', PASSWORD)).access_token;
});

afterAll(async () => {
	for (const socket of sockets) socket.close();
	await shoal?.stop();
});

function open(namespace: string, transports: string[], query: object = {}): Socket {
	const socket = client.io(`${shoal.url}/${namespace}`, { transports, query, forceNew: true, reconnection: false });
	sockets.push(socket);
	return socket;
}

function follow(socket: Socket, live: TestLive): Promise<{ status?: number }> {
	return socket.timeout(ANSWER_MS).emitWithAck('subscribe', { videoId: live.id });
}

test('states and viewers of a live come by every transport', async () => {
	const live = await shoal.createLive({ name: 'Told' });
	const seen = await Promise.all(
		TRAVELS.map(async (transports) => {
			const [states, viewers]: [number[], number[]] = [[], []];
			const socket = open('live-videos', transports)
				.on('state-change', ({ state }: { state: number }) => states.push(state))
				.on('views-change', ({ viewers: now }: { viewers: number }) => viewers.push(now));
			await until('it is connected', ANSWER_MS, async () => socket.connected);
			expect(await follow(socket, live)).toEqual({});
			const last = transports.at(-1);
			await until(`it travels by ${last}`, ANSWER_MS, async () => socket.io.engine.transport.name === last);
			return { states, viewers };
		})
	);
	const publisher = new Publisher(live.publishUrl);
	try {
		await until('all hear of the beginning', 20_000, async () => seen.every(({ states }) => states.includes(1)));
		const viewed = await fetch(`${shoal.url}/api/v1/videos/${live.uuid}/views`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ currentTime: 1, sessionId: 'socket-io' })
		});
		expect(viewed.status).toBe(204);
		await until('all hear of the viewer', 10_000, async () => seen.every(({ viewers }) => viewers.at(-1) === 1));
		await shoal.api.endLive(live.uuid);
		await until('all hear of the end', 20_000, async () => seen.every(({ states }) => states.at(-1) === 5));
		for (const { states } of seen) expect(states).toEqual([1, 5]);
	} finally {
		await publisher.kill();
	}
});

test('lives that one may not watch are not told of', async () => {
	const live = await shoal.createLive({ name: 'Hidden', privacy: Privacy.private });
	expect(await follow(open('live-videos', ['websocket']), live)).toMatchObject({ status: 401 });
	expect(await follow(open('live-videos', ['polling'], { accessToken: token }), live)).toEqual({});
	expect(await follow(open('live-videos', ['websocket']), { ...live, id: 999_999 })).toMatchObject({ status: 404 });
});

test('notifications are for those who are logged in', async () => {
	for (const [query, message] of [
		[{}, 'No access token provided'],
		[{ accessToken: 'nonsense' }, 'Invalid access token.']
	] as const) {
		let refusal = '';
		open('user-notifications', ['polling', 'websocket'], query).on('connect_error', (error: Error) => (refusal = error.message));
		await until('it is refused', ANSWER_MS, async () => refusal !== '');
		expect(refusal).toBe(message);
	}
	const socket = open('user-notifications', ['polling', 'websocket'], { accessToken: token });
	await until('it is let in', ANSWER_MS, async () => socket.connected);
});

test('all end with the server', async () => {
	const open_ones = TRAVELS.map((transports) => open('live-videos', transports));
	await until('they are connected', ANSWER_MS, async () => open_ones.every((socket) => socket.connected));
	expect(await shoal.stop()).toBe(0);
	await until('they are gone', ANSWER_MS, async () => sockets.every((socket) => !socket.connected));
});
