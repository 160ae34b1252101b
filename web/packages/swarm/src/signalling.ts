/** The socket to the tracker: an own one that comes back by itself, or the page's. */

/** A socket that carries the tracker's messages. The page's own socket is one, too: it hands on what has an `action`, and binary frames. */
export interface Signalling {
	/** whether `send` reaches the tracker now */
	readonly open: boolean;
	onopen: (() => void) | null;
	onclose: (() => void) | null;
	onmessage: ((data: string | Uint8Array) => void) | null;
	send(text: string): void;
	/** Only if it was opened for the engine alone. */
	close?(): void;
}

/** What is used of `WebSocket`. */
export interface Socket {
	binaryType: string;
	readonly readyState: number;
	onopen: ((event: never) => void) | null;
	onclose: ((event: never) => void) | null;
	onerror: ((event: never) => void) | null;
	onmessage: ((event: { data: unknown }) => void) | null;
	send(text: string): void;
	close(): void;
}

export type OpenSocket = (url: string) => Socket;

const OPEN = 1;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;
/** A socket that was open for this long was a good one: the next attempt is soon again. */
const GOOD_MS = 10_000;

/** A WebSocket of its own, opened again when it breaks: after half a second at first, then later and later, each time by chance up to twice as late. */
export class OwnSocket implements Signalling {
	onopen: (() => void) | null = null;
	onclose: (() => void) | null = null;
	onmessage: ((data: string | Uint8Array) => void) | null = null;
	#socket: Socket | null = null;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#retry_ms = FIRST_RETRY_MS;
	#opened_ms = 0;
	#closed = false;

	constructor(
		private readonly url: string,
		private readonly connect: OpenSocket,
		private readonly now: () => number = () => performance.now(),
		private readonly random: () => number = Math.random
	) {
		this.#open();
	}

	get open(): boolean {
		return this.#socket?.readyState === OPEN;
	}

	send(text: string): void {
		if (this.open) this.#socket?.send(text);
	}

	close(): void {
		this.#closed = true;
		clearTimeout(this.#timer);
		const socket = this.#socket;
		this.#socket = null;
		if (!socket) return;
		socket.onopen = socket.onclose = socket.onmessage = null;
		socket.close();
	}

	#open(): void {
		let socket: Socket;
		try {
			socket = this.connect(this.url);
		} catch {
			return this.#retry();
		}
		this.#socket = socket;
		this.#opened_ms = Infinity;
		socket.binaryType = 'arraybuffer';
		socket.onopen = () => {
			this.#opened_ms = this.now();
			this.onopen?.();
		};
		socket.onmessage = ({ data }) => {
			if (typeof data === 'string') this.onmessage?.(data);
			else if (data instanceof ArrayBuffer) this.onmessage?.(new Uint8Array(data));
		};
		// `close` follows.
		socket.onerror = () => undefined;
		socket.onclose = () => {
			if (this.#socket !== socket) return;
			this.#socket = null;
			if (this.now() - this.#opened_ms >= GOOD_MS) this.#retry_ms = FIRST_RETRY_MS;
			this.onclose?.();
			this.#retry();
		};
	}

	#retry(): void {
		if (this.#closed) return;
		const wait_ms = this.#retry_ms * (1 + this.random());
		this.#retry_ms = Math.min(LAST_RETRY_MS, 2 * this.#retry_ms);
		this.#timer = setTimeout(() => this.#open(), wait_ms);
	}
}
