/** What the engine asks the origin for (docs/swarm-protocol.md, "From the origin"): token, stripe streams, ranges of parts. */

import { within } from './sleep';
import { decode, MAX_STREAM_MESSAGE_BYTES, WireError, type Message, type Place, type SwarmId } from './wire';

export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;
/** Gives the viewer's access token, for videos that are not open to everybody. */
export type AccessToken = () => string | null | Promise<string | null>;

/** The answer of the token endpoint. */
export interface SwarmToken {
	swarm: SwarmId;
	token: string;
	/** when the token ends, by the caller's clock */
	expires_ms: number;
	/** of the tracker's WebSocket */
	tracker: string;
	stun: string[];
	/** Ed25519, 64 hexadecimal digits */
	key: string;
	stripes: number;
	renditions: string[];
	policy: 'on' | 'opt-in' | 'off';
	/** no connection to others below this many viewers */
	minimum_viewers: number;
	/** ...nor before somebody has watched for this long */
	delay_s: number;
	/** most that a viewer sends, as a multiple of the stream's rate */
	uplink_ceiling: number;
	/** folder of the playlists */
	base: string;
	/** a running broadcast, or a video that does not change any more */
	kind: 'live' | 'vod';
}

/** An answer that is no success. */
export class OriginError extends Error {
	constructor(
		readonly status: number,
		what: string
	) {
		super(`${what}: HTTP ${status}`);
	}
}

/** More would be a mistake: stripes are counted in bits of one number. */
const MAX_STRIPES = 16;
const MAX_STUN = 4;
const TOKEN_TIMEOUT_MS = 10_000;

/** Reads the token endpoint's answer. Throws when something is missing or wrong. */
export function parseToken(value: unknown, url: string, now_ms: number): SwarmToken {
	const fields = value as Record<string, unknown>;
	const text = (name: string, pattern: RegExp): string => {
		const field = fields[name];
		if (typeof field !== 'string' || !pattern.test(field)) throw new TypeError(`token: ${name}`);
		return field;
	};
	const number = (name: string, least: number, most: number, fallback?: number): number => {
		const field = fields[name] ?? fallback;
		if (typeof field !== 'number' || !(field >= least && field <= most)) throw new TypeError(`token: ${name}`);
		return field;
	};
	const texts = (name: string): string[] => {
		const field = fields[name];
		if (!Array.isArray(field) || !field.every((entry) => typeof entry === 'string')) throw new TypeError(`token: ${name}`);
		return field;
	};
	return {
		swarm: text('swarm', /^[0-9a-f]{40}$/),
		token: text('token', /./),
		expires_ms: now_ms + 1000 * number('expiresIn', 0, 1e7, 3600),
		tracker: text('tracker', /^wss?:/),
		stun: texts('stun').slice(0, MAX_STUN),
		key: text('key', /^[0-9a-f]{64}$/),
		stripes: number('stripes', 1, MAX_STRIPES),
		renditions: texts('renditions'),
		policy: text('policy', /^(on|opt-in|off)$/) as SwarmToken['policy'],
		minimum_viewers: number('minimumViewers', 0, 1e6, 3),
		delay_s: number('delaySeconds', 0, 3600, 10),
		uplink_ceiling: number('uplinkCeiling', 0, 100, 2),
		base: new URL(text('base', /./), url).href.replace(/\/?$/, '/'),
		kind: fields.kind === undefined ? 'live' : (text('kind', /^(live|vod)$/) as SwarmToken['kind'])
	};
}

/** Cuts a stripe stream into messages: `length u32` and the message, again and again. */
export class FrameReader {
	#kept = new Uint8Array(0);

	/** The messages that `chunk` made whole; unknown types are left out. Throws `WireError`. */
	read(chunk: Uint8Array): Message[] {
		let bytes = chunk;
		if (this.#kept.length > 0) {
			bytes = new Uint8Array(this.#kept.length + chunk.length);
			bytes.set(this.#kept);
			bytes.set(chunk, this.#kept.length);
		}
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		const messages: Message[] = [];
		let at = 0;
		while (at + 4 <= bytes.length) {
			const length = view.getUint32(at, true);
			if (length > MAX_STREAM_MESSAGE_BYTES) throw new WireError('limit', 'message too long');
			if (at + 4 + length > bytes.length) break;
			const message = decode(bytes.subarray(at + 4, at + 4 + length), 'stream');
			if (message) messages.push(message);
			at += 4 + length;
		}
		// At most one message is kept, so the copying stays small.
		this.#kept = bytes.slice(at);
		return messages;
	}
}

export class Origin {
	constructor(
		readonly token_url: string,
		private readonly fetch: Fetch,
		private readonly access_token: AccessToken | null = null
	) {}

	/** Rejects with `OriginError` when there is no swarm for this viewer. */
	async token(signal: AbortSignal, now_ms: () => number): Promise<SwarmToken> {
		const response = await this.#get(this.token_url, within(signal, TOKEN_TIMEOUT_MS), {}, 'no-store');
		return parseToken(await response.json(), response.url || this.token_url, now_ms());
	}

	/**
	 * Reads the stream of `stripes` until it ends. `opened` is called once the origin has answered; rejects when the
	 * connection breaks, the answer is no success or the origin sends nonsense.
	 */
	async stream(
		wanted: { rendition: number; stripes: readonly number[]; from: Place; token: string },
		signal: AbortSignal,
		opened: () => void,
		handle: (message: Message) => void
	): Promise<void> {
		const url = new URL(this.token_url.replace(/\/token(?=$|\?)/, `/stripes/${wanted.rendition}`));
		url.search = `?stripes=${wanted.stripes.join(',')}&from=${wanted.from}&token=${encodeURIComponent(wanted.token)}`;
		const response = await this.#get(url.href, signal, {}, 'no-store');
		const body = response.body?.getReader();
		if (!body) throw new TypeError('no streaming responses here');
		opened();
		const frames = new FrameReader();
		try {
			for (;;) {
				const { done, value } = await body.read();
				if (done || signal.aborted) return;
				for (const message of frames.read(value)) handle(message);
			}
		} finally {
			body.cancel().catch(() => undefined);
		}
	}

	/** Manifests of the segments of a video from index `from` on, as many of `count` as there are. */
	async manifests(
		wanted: { rendition: number; from: number; count: number; token: string },
		signal: AbortSignal,
		handle: (manifest: Uint8Array) => void
	): Promise<void> {
		const url = new URL(this.token_url.replace(/\/token(?=$|\?)/, `/manifests/${wanted.rendition}`));
		url.search = `?from=${wanted.from}&count=${wanted.count}&token=${encodeURIComponent(wanted.token)}`;
		const response = await this.#get(url.href, signal, {}, 'no-store');
		const bytes = new Uint8Array(await response.arrayBuffer());
		for (const message of new FrameReader().read(bytes)) if (message.type === 'manifest') handle(message.bytes);
	}

	/** Bytes `start` up to `end` of a part of `size` bytes, or, with `size` null, of a larger file. */
	async range(url: string, start: number, end: number, size: number | null, signal: AbortSignal): Promise<Uint8Array> {
		const whole = start === 0 && end === size;
		const response = await this.#get(url, signal, whole ? {} : { Range: `bytes=${start}-${end - 1}` }, 'default');
		const data = new Uint8Array(await response.arrayBuffer());
		const part = response.status === 200 && !whole ? data.subarray(start, end) : data;
		if (part.length !== end - start) throw new OriginError(response.status, 'part of another size');
		return part;
	}

	/** The viewer's access token goes to the origin of the token endpoint alone. */
	async #get(url: string, signal: AbortSignal, headers: Record<string, string>, cache: RequestCache): Promise<Response> {
		if (this.access_token && new URL(url).origin === new URL(this.token_url).origin) {
			const token = await this.access_token();
			if (token) headers.Authorization = `Bearer ${token}`;
		}
		const response = await this.fetch(url, { signal, headers, cache });
		if (!response.ok) {
			response.body?.cancel().catch(() => undefined);
			throw new OriginError(response.status, new URL(url).pathname);
		}
		return response;
	}
}

/** The token endpoint's answer, for a notice before anything starts. Rejects with `OriginError` when there is no swarm. */
export function fetchSwarmToken(tokenUrl: string, accessToken: AccessToken | null, signal: AbortSignal): Promise<SwarmToken> {
	return new Origin(tokenUrl, (url, init) => fetch(url, init), accessToken).token(signal, () => performance.now());
}
