/** One data channel to one peer: messages, slices put together, and what still waits to be sent. */

import { decode, encode, encodeSlice, WireError, type Message, type Place } from './wire';

/** What is used of `RTCDataChannel`. */
export interface DataChannel {
	readonly label: string;
	readonly readyState: string;
	readonly bufferedAmount: number;
	bufferedAmountLowThreshold: number;
	binaryType: string;
	onopen: ((event: never) => void) | null;
	onclose: ((event: never) => void) | null;
	onerror: ((event: never) => void) | null;
	onmessage: ((event: { data: unknown }) => void) | null;
	onbufferedamountlow: ((event: never) => void) | null;
	send(data: Uint8Array<ArrayBuffer>): void;
	close(): void;
}

/** A message as the engine sees it: SLICE and DATA are put together. */
export type ChannelMessage = Exclude<Message, { type: 'manifest' | 'slice' | 'data' }>;

/** A whole slice; its hash is not checked yet. */
export interface Slice {
	rendition: number;
	place: Place;
	index: number;
	data: Uint8Array;
}

export interface ChannelEvents {
	message(message: ChannelMessage): void;
	manifest(bytes: Uint8Array): void;
	slice(slice: Slice): void;
	/** bytes that wait to be sent, after they fell to nothing */
	buffered(bytes: number): void;
	/** The peer broke the protocol, or does not take what is sent: the pair has to be closed. */
	broken(why: string): void;
}

/** A peer that takes nothing while this much waits for it is gone: three seconds of a 10 Mbit/s stream. */
export const MAX_BUFFERED_BYTES = 4 << 20;

/** Puts SLICE and DATA together. */
export class SliceReader {
	#slice: Slice | null = null;
	#filled = 0;

	/** Until it is whole nothing but its DATA may come. */
	get open(): boolean {
		return this.#slice !== null;
	}

	/** A slice when `message` made it whole. Throws `WireError` for DATA without or beyond its SLICE. */
	handle(message: Extract<Message, { type: 'slice' | 'data' }>): Slice | null {
		const { payload } = message;
		if (message.type === 'slice') {
			if (this.#slice) throw new WireError('sequence', 'SLICE while another is open');
			const { rendition, place, index } = message;
			this.#slice = { rendition, place, index, data: new Uint8Array(message.length) };
			this.#filled = 0;
		}
		const slice = this.#slice;
		if (!slice) throw new WireError('sequence', 'DATA without SLICE');
		if (this.#filled + payload.length > slice.data.length) throw new WireError('sequence', 'DATA beyond its SLICE');
		slice.data.set(payload, this.#filled);
		this.#filled += payload.length;
		if (this.#filled < slice.data.length) return null;
		this.#slice = null;
		return slice;
	}
}

/** A bucket of messages that may come at once, and so many more each second. */
class Allowance {
	#left: number;
	#refilled_ms: number;

	constructor(
		private readonly burst: number,
		private readonly per_s: number,
		now_ms: number
	) {
		this.#left = burst;
		this.#refilled_ms = now_ms;
	}

	/** Whether one more may come. */
	take(now_ms: number): boolean {
		this.#left = Math.min(this.burst, this.#left + ((now_ms - this.#refilled_ms) * this.per_s) / 1000) - 1;
		this.#refilled_ms = now_ms;
		return this.#left >= 0;
	}
}

/** SLICE and DATA: ten times what the fastest streams need. */
const MEDIA_BURST = 3_000;
const MEDIA_PER_S = 1_000;
/** How many messages may come at once, and each second. */
export interface Bounds {
	burst: number;
	per_s: number;
}

/**
 * All others, each of which may cost a signature to be checked or an answer. Live: manifests of all parts that are kept (64) and some
 * words about each stripe at first, ten a second later. VOD: what is had, and what is asked for, up to 25 times a second, of some
 * segments each. Who sends 300 a second is found out within one.
 */
export const WORDS: Record<'live' | 'vod', Bounds> = { live: { burst: 200, per_s: 50 }, vod: { burst: 300, per_s: 100 } };

export class Channel {
	/** bytes of slices sent, and all bytes received */
	sent_bytes = 0;
	received_bytes = 0;
	#slices = new SliceReader();
	#broken = false;
	#unasked_bytes = 0;
	readonly #media: Allowance;
	readonly #words: Allowance;

	/** `channel` is open; `words`: messages that are no slices; `now` is monotonic. */
	constructor(
		private readonly channel: DataChannel,
		words: Bounds,
		private readonly events: ChannelEvents,
		private readonly now: () => number = () => performance.now()
	) {
		this.#media = new Allowance(MEDIA_BURST, MEDIA_PER_S, now());
		this.#words = new Allowance(words.burst, words.per_s, now());
		channel.binaryType = 'arraybuffer';
		channel.bufferedAmountLowThreshold = 0;
		channel.onbufferedamountlow = () => events.buffered(channel.bufferedAmount);
		channel.onmessage = (event) => this.#handle(event.data);
	}

	get buffered_bytes(): number {
		return this.channel.bufferedAmount;
	}

	send(message: Message): void {
		this.#send(encode(message));
	}

	sendSlice(slice: Slice): void {
		for (const bytes of encodeSlice(slice.rendition, slice.place, slice.index, slice.data)) this.#send(bytes);
		this.sent_bytes += slice.data.length;
	}

	#send(bytes: Uint8Array<ArrayBuffer>): void {
		if (this.#broken) return;
		// To ask is dear where the channel lives in another thread.
		this.#unasked_bytes += bytes.length;
		if (this.#unasked_bytes > MAX_BUFFERED_BYTES / 4) {
			this.#unasked_bytes = 0;
			if (this.channel.bufferedAmount > MAX_BUFFERED_BYTES) return this.#break('takes nothing');
		}
		try {
			this.channel.send(bytes);
		} catch (error) {
			this.#break(String(error));
		}
	}

	#handle(data: unknown): void {
		if (this.#broken) return;
		try {
			if (!(data instanceof ArrayBuffer)) throw new WireError('length', 'text on the channel');
			this.received_bytes += data.byteLength;
			const message = decode(new Uint8Array(data));
			const isMedia = message?.type === 'slice' || message?.type === 'data';
			if (!(isMedia ? this.#media : this.#words).take(this.now())) throw new WireError('limit', 'too many messages');
			if (!message) return;
			if (!isMedia && this.#slices.open) throw new WireError('sequence', 'a slice that does not end');
			if (message.type === 'manifest') {
				this.events.manifest(message.bytes);
			} else if (message.type === 'slice' || message.type === 'data') {
				const slice = this.#slices.handle(message);
				if (slice) this.events.slice(slice);
			} else {
				this.events.message(message);
			}
		} catch (error) {
			if (!(error instanceof WireError)) throw error;
			this.#break(error.message);
		}
	}

	#break(why: string): void {
		if (this.#broken) return;
		this.#broken = true;
		this.events.broken(why);
	}
}
