/**
 * What happens to videos, told by the server over one WebSocket per page (`/api/shoal/v1/socket`).
 *
 * Every part of a page that wants to know (the page itself, the player inside it) subscribes to the one
 * `Events` object that `pageEvents()` returns. The socket is open only while somebody listens; it comes
 * back by itself and asks again for everything that is wanted.
 *
 * The same socket carries the swarm's tracker: messages with an `action` and binary frames belong to it
 * (docs/swarm-protocol.md, "At the tracker"). `tracker()` gives the engine its side of that.
 */

import type { components } from './schema.js';

/** Where a video is in its life. `interrupted`: live, but the publisher's connection is gone for now. */
export type Phase = 'waiting' | 'live' | 'interrupted' | 'ended';

/** The stream as it arrives at the server, and what to change about it; only its owner is told. */
export type Health = components['schemas']['Health'];

export type VideoEvent =
	/** `replay`: UUID of the video that holds the recording, said once it is there. */
	| { type: 'state'; video: string; phase: Phase; replay: string | null }
	| { type: 'viewers'; video: string; viewers: number }
	| { type: 'health'; video: string; health: Health }
	/** The socket is back after it was lost: what was known may be out of date. */
	| { type: 'reconnected'; video: string };

/** The tracker's half of the page's socket, for the swarm's engine. */
export interface Tracker {
	/** whether `send` reaches the server now */
	readonly open: boolean;
	/** Dropped while the socket is away. */
	send(text: string): void;
	/** Called when the socket is (again) there. */
	onopen: (() => void) | null;
	onclose: (() => void) | null;
	/** The tracker's messages as text, manifests as bytes. */
	onmessage: ((data: string | Uint8Array) => void) | null;
	/** Lets go of the socket, which the page may go on using. */
	close(): void;
}

type Listener = (event: VideoEvent) => void;

interface Subscription {
	listeners: Set<Listener>;
	token: (() => Promise<string | null>) | null;
}

/** The parts of a browser's WebSocket that are used; a test brings its own. */
export interface Socket {
	readonly readyState: number;
	binaryType?: string;
	send(text: string): void;
	close(): void;
	onopen: (() => void) | null;
	onclose: (() => void) | null;
	onmessage: ((event: { data: unknown }) => void) | null;
}

export interface Ports {
	connect(url: string): Socket;
	setTimeout(run: () => void, delay_ms: number): unknown;
	clearTimeout(timer: unknown): void;
	random(): number;
}

const OPEN = 1;
/** First wait after a lost connection: short, as a restarted server is back within a second or two. */
const RECONNECT_FIRST_MS = 500;
/** Longest wait: a page that was left open all night must not hammer a server that is down. */
const RECONNECT_MAX_MS = 15_000;
/** A socket that nobody needs is kept this long, so that going from page to page does not reopen it. */
const IDLE_CLOSE_MS = 2_000;
/** Who watches says so this often (PeerTube's interval); the server counts viewers by it. */
const WATCHING_EVERY_MS = 5_000;

export class Events {
	#subscriptions = new Map<string, Subscription>();
	#watched = new Map<string, number>();
	#trackers = new Set<Tracker>();
	#socket: Socket | null = null;
	#failures = 0;
	#reconnect: unknown = null;
	#idle: unknown = null;
	#opened_before = false;

	constructor(
		private readonly url: string,
		private readonly ports: Ports = browserPorts
	) {}

	/**
	 * Calls `listener` for each event of `video` (its UUID) until the returned function is called.
	 * With `token` the server also tells what only the owner may know (health).
	 */
	subscribe(video: string, listener: Listener, token: (() => Promise<string | null>) | null = null): () => void {
		let subscription = this.#subscriptions.get(video);
		const fresh = !subscription || (token !== null && subscription.token === null);
		if (!subscription) {
			subscription = { listeners: new Set(), token: null };
			this.#subscriptions.set(video, subscription);
		}
		subscription.token ??= token;
		subscription.listeners.add(listener);
		this.#clearIdle();
		if (!this.#socket) this.#open();
		else if (fresh && this.#socket.readyState === OPEN) void this.#announce(video);
		const own = subscription;
		return () => {
			if (!own.listeners.delete(listener) || own.listeners.size > 0) return;
			if (this.#subscriptions.get(video) !== own) return;
			this.#subscriptions.delete(video);
			this.#send({ type: 'unsubscribe', video });
			this.#closeIfIdle();
		};
	}

	/** The tracker on this socket. The socket stays open until `close` is called on what this returns. */
	tracker(): Tracker {
		const isOpen = (): boolean => this.#socket?.readyState === OPEN;
		const tracker: Tracker = {
			get open() {
				return isOpen();
			},
			send: (text) => {
				if (this.#trackers.has(tracker) && isOpen()) this.#socket?.send(text);
			},
			onopen: null,
			onclose: null,
			onmessage: null,
			close: () => {
				if (this.#trackers.delete(tracker)) this.#closeIfIdle();
			}
		};
		this.#trackers.add(tracker);
		this.#clearIdle();
		if (!this.#socket) this.#open();
		return tracker;
	}

	/**
	 * Counts this page among the viewers of `video`, to which it must be subscribed, until the returned function is
	 * called.
	 */
	watch(video: string): () => void {
		let timer: unknown = null;
		const say = (): void => {
			this.#send({ type: 'watching', video });
			timer = this.ports.setTimeout(say, WATCHING_EVERY_MS);
		};
		this.#watched.set(video, (this.#watched.get(video) ?? 0) + 1);
		say();
		return () => {
			if (timer === null) return;
			this.ports.clearTimeout(timer);
			timer = null;
			const left = (this.#watched.get(video) ?? 1) - 1;
			if (left > 0) this.#watched.set(video, left);
			else this.#watched.delete(video);
		};
	}

	/** Closes the socket and forgets all listeners. */
	close(): void {
		this.#subscriptions.clear();
		this.#trackers.clear();
		this.#clearIdle();
		if (this.#reconnect !== null) this.ports.clearTimeout(this.#reconnect);
		this.#reconnect = null;
		const socket = this.#socket;
		this.#socket = null;
		this.#opened_before = false;
		this.#failures = 0;
		socket?.close();
	}

	get #needed(): boolean {
		return this.#subscriptions.size > 0 || this.#trackers.size > 0;
	}

	#closeIfIdle(): void {
		if (this.#needed) return;
		this.#clearIdle();
		this.#idle = this.ports.setTimeout(() => this.close(), IDLE_CLOSE_MS);
	}

	#clearIdle(): void {
		if (this.#idle !== null) this.ports.clearTimeout(this.#idle);
		this.#idle = null;
	}

	#open(): void {
		if (this.#reconnect !== null) return;
		const socket = this.ports.connect(this.url);
		socket.binaryType = 'arraybuffer';
		this.#socket = socket;
		socket.onopen = () => {
			if (this.#socket !== socket) return;
			this.#failures = 0;
			const again = this.#opened_before;
			this.#opened_before = true;
			for (const video of this.#subscriptions.keys()) {
				void this.#announce(video);
				if (again) this.#tell({ type: 'reconnected', video });
			}
			for (const tracker of [...this.#trackers]) tracker.onopen?.();
		};
		socket.onmessage = (event) => {
			if (this.#socket !== socket) return;
			const { data } = event;
			if (data instanceof ArrayBuffer) this.#tellTrackers(new Uint8Array(data));
			else if (typeof data === 'string') this.#handleText(data);
		};
		socket.onclose = () => {
			if (this.#socket !== socket) return;
			this.#socket = null;
			for (const tracker of [...this.#trackers]) tracker.onclose?.();
			if (!this.#needed) return;
			const ceiling = Math.min(RECONNECT_MAX_MS, RECONNECT_FIRST_MS * 2 ** this.#failures);
			this.#failures = Math.min(this.#failures + 1, 16);
			// Half fixed, half random: thousands of pages must not come back in the same instant.
			const delay_ms = ceiling * (0.5 + 0.5 * this.ports.random());
			this.#reconnect = this.ports.setTimeout(() => {
				this.#reconnect = null;
				if (this.#needed) this.#open();
			}, delay_ms);
		};
	}

	async #announce(video: string): Promise<void> {
		const subscription = this.#subscriptions.get(video);
		if (!subscription) return;
		const socket = this.#socket;
		const token = subscription.token ? await subscription.token() : null;
		// Meanwhile nobody may care any more, or the socket may be another one, which asks for itself.
		if (this.#subscriptions.get(video) !== subscription || this.#socket !== socket) return;
		this.#send(token ? { type: 'subscribe', video, token } : { type: 'subscribe', video });
		if (this.#watched.has(video)) this.#send({ type: 'watching', video });
	}

	#send(message: object): void {
		if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(message));
	}

	#handleText(text: string): void {
		const fields = fieldsOf(text);
		if (!fields) return;
		if ('action' in fields || 'failure reason' in fields) return this.#tellTrackers(text);
		const event = eventOf(fields);
		if (event) this.#tell(event);
	}

	#tellTrackers(data: string | Uint8Array): void {
		for (const tracker of [...this.#trackers]) tracker.onmessage?.(data);
	}

	#tell(event: VideoEvent): void {
		const subscription = this.#subscriptions.get(event.video);
		if (!subscription) return;
		for (const listener of [...subscription.listeners]) listener(event);
	}
}

const PHASES: readonly string[] = ['waiting', 'live', 'interrupted', 'ended'];

/** Reads one message of the server; `null` for anything this client does not know. */
export function parse(text: string): VideoEvent | null {
	const fields = fieldsOf(text);
	return fields && eventOf(fields);
}

function fieldsOf(text: string): Record<string, unknown> | null {
	try {
		const message: unknown = JSON.parse(text);
		return typeof message === 'object' && message !== null ? (message as Record<string, unknown>) : null;
	} catch {
		return null;
	}
}

function eventOf(fields: Record<string, unknown>): VideoEvent | null {
	const video = fields.video;
	if (typeof video !== 'string') return null;
	switch (fields.type) {
		case 'state': {
			const phase = fields.state;
			const replay = typeof fields.replay === 'string' ? fields.replay : null;
			return typeof phase === 'string' && PHASES.includes(phase) ? { type: 'state', video, phase: phase as Phase, replay } : null;
		}
		case 'viewers':
			return typeof fields.viewers === 'number' ? { type: 'viewers', video, viewers: fields.viewers } : null;
		case 'health':
			return typeof fields.health === 'object' && fields.health !== null
				? { type: 'health', video, health: fields.health as Health }
				: null;
		default:
			return null;
	}
}

const browserPorts: Ports = {
	connect: (url) => new WebSocket(url) as Socket,
	setTimeout: (run, delay_ms) => setTimeout(run, delay_ms),
	clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
	random: () => Math.random()
};

const PAGE = Symbol.for('shoal.events');

/** The page's one `Events`, shared even by bundles that were built apart. */
export function pageEvents(): Events {
	const page = globalThis as unknown as Record<symbol, Events | undefined>;
	return (page[PAGE] ??= new Events(`${location.origin.replace(/^http/, 'ws')}/api/shoal/v1/socket`));
}
