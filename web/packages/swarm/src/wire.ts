/**
 * The messages between peers (docs/swarm-protocol.md, "Between peers"): bytes to messages and back. No I/O.
 *
 * Ids are lower-case hexadecimal text of 40 digits everywhere in this package; only on the wire are they bytes.
 */

/** 20 bytes, as 40 hexadecimal digits. */
export type PeerId = string;
/** 20 bytes, as 40 hexadecimal digits. */
export type SwarmId = string;
/** Last four bytes of a peer id, as they stand in a path. */
export type ShortId = number;
/** `msn << 10 | part`. */
export type Place = number;

export const PROTOCOL_VERSION = 1;
/** Bytes of a slice at most: three messages' worth would delay other messages on the channel too long. */
export const MAX_SLICE_BYTES = 24_576;
/** Bytes of a slice in one message: 16 KiB passes data channels fastest. */
export const MAX_PAYLOAD_BYTES = 16_384;
/** A message is no longer than its payload and this. */
export const MAX_MESSAGE_BYTES = MAX_PAYLOAD_BYTES + 32;
/** In a stripe stream: SLICE with its 12 bytes of fields. */
export const MAX_STREAM_MESSAGE_BYTES = MAX_SLICE_BYTES + 12;
/** A manifest travels in one message. */
export const MAX_MANIFEST_BYTES = MAX_MESSAGE_BYTES - 1;
export const MAX_HAVE_PARTS = 64;
export const MAX_PATH = 16;
export const MAX_ALTERNATIVES = 8;

const PART_BITS = 10;

export function placeOf(msn: number, part: number): Place {
	return ((msn << PART_BITS) | part) >>> 0;
}

export function msnOf(place: Place): number {
	return place >>> PART_BITS;
}

export function partOf(place: Place): number {
	return place & ((1 << PART_BITS) - 1);
}

/** Number of slices of a part of `size` bytes with `stripes` stripes. */
export function sliceCount(size: number, stripes: number): number {
	return Math.max(Math.min(stripes, size), Math.ceil(size / MAX_SLICE_BYTES));
}

/** Where slice `index` of `count` begins; with `index === count`, the size. `size` is below 2^32, so the product is exact. */
export function sliceStart(size: number, count: number, index: number): number {
	return count === 0 ? 0 : Math.floor((index * size) / count);
}

export interface Hello {
	type: 'hello';
	version: number;
	peer: PeerId;
	swarm: SwarmId;
	/** free child stripes */
	slots: number;
	/** newest place, 0 for none */
	newest: Place;
}
export interface HavePart {
	place: Place;
	/** slices of the part */
	slices: number;
	/** bit `i & 7` of byte `i >> 3` */
	bits: Uint8Array;
}
export interface Have {
	type: 'have';
	rendition: number;
	parts: HavePart[];
}
export interface Subscribe {
	type: 'subscribe';
	rendition: number;
	stripe: number;
	from: Place;
	/** send manifests too */
	manifests: boolean;
}
export interface Accept {
	type: 'accept' | 'path';
	rendition: number;
	stripe: number;
	/** from the root to the sender, both included */
	path: ShortId[];
}
/** 1 full, 2 too deep, 3 loop, 4 no source, 5 overloaded, 6 not shared. */
export type RejectReason = number;
export interface Reject {
	type: 'reject';
	rendition: number;
	stripe: number;
	reason: RejectReason;
	alternatives: PeerId[];
}
export interface ManifestMessage {
	type: 'manifest';
	bytes: Uint8Array;
}
export interface SliceMessage {
	type: 'slice';
	rendition: number;
	place: Place;
	index: number;
	/** of the whole slice */
	length: number;
	/** its first bytes */
	payload: Uint8Array;
}
export interface DataMessage {
	type: 'data';
	payload: Uint8Array;
}
export interface Request {
	type: 'request' | 'cancel';
	rendition: number;
	place: Place;
	slices: number;
	bits: Uint8Array;
}
export interface Unsubscribe {
	type: 'unsubscribe';
	rendition: number;
	stripe: number;
}
export interface Ping {
	type: 'ping' | 'pong';
	nonce: number;
}
export interface Bye {
	type: 'bye';
}

export type Message =
	| Hello
	| Have
	| Subscribe
	| Accept
	| Reject
	| ManifestMessage
	| SliceMessage
	| DataMessage
	| Request
	| Unsubscribe
	| Ping
	| Bye;

/** What is wrong with a message: too short or too long for its fields; over a bound; out of turn. */
export type Refusal = 'length' | 'limit' | 'sequence';

/** A message that breaks the protocol: the pair is closed. */
export class WireError extends Error {
	constructor(
		readonly refusal: Refusal,
		message: string
	) {
		super(message);
	}
}

const TYPES = {
	hello: 1,
	have: 2,
	subscribe: 3,
	accept: 4,
	reject: 5,
	path: 6,
	manifest: 7,
	slice: 8,
	data: 9,
	request: 10,
	cancel: 11,
	unsubscribe: 12,
	ping: 13,
	pong: 14,
	bye: 15
} as const;

export function toHex(bytes: Uint8Array): string {
	let text = '';
	for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
	return text;
}

/** Throws `WireError` unless `text` is hexadecimal. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
	if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) throw new WireError('length', 'not hexadecimal');
	const bytes = new Uint8Array(text.length / 2);
	for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
	return bytes;
}

/** Reads little-endian fields; throws `WireError` beyond the end. */
export class Reader {
	#view: DataView;
	#at = 0;

	constructor(readonly bytes: Uint8Array) {
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	}

	get position(): number {
		return this.#at;
	}

	#advance(length: number): number {
		const at = this.#at;
		if (at + length > this.bytes.length) throw new WireError('length', 'too short');
		this.#at = at + length;
		return at;
	}

	u8(): number {
		return this.#view.getUint8(this.#advance(1));
	}

	u16(): number {
		return this.#view.getUint16(this.#advance(2), true);
	}

	u32(): number {
		return this.#view.getUint32(this.#advance(4), true);
	}

	/** Throws when the number is too large to be exact. */
	u64(): number {
		const value = this.#view.getBigUint64(this.#advance(8), true);
		if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new WireError('limit', 'number too large');
		return Number(value);
	}

	take(length: number): Uint8Array {
		const at = this.#advance(length);
		return this.bytes.subarray(at, at + length);
	}

	rest(): Uint8Array {
		return this.take(this.bytes.length - this.#at);
	}

	id(): string {
		return toHex(this.take(20));
	}

	end(): void {
		if (this.#at !== this.bytes.length) throw new WireError('length', 'too long');
	}
}

/** Writes little-endian fields into as many bytes as they need. */
export class Writer {
	#bytes = new Uint8Array(64);
	#view = new DataView(this.#bytes.buffer);
	#at = 0;

	#advance(length: number): number {
		const at = this.#at;
		this.#at += length;
		if (this.#at > this.#bytes.length) {
			const grown = new Uint8Array(Math.max(this.#at, 2 * this.#bytes.length));
			grown.set(this.#bytes);
			this.#bytes = grown;
			this.#view = new DataView(grown.buffer);
		}
		return at;
	}

	u8(value: number): this {
		const at = this.#advance(1);
		this.#view.setUint8(at, value);
		return this;
	}

	u16(value: number): this {
		const at = this.#advance(2);
		this.#view.setUint16(at, value, true);
		return this;
	}

	u32(value: number): this {
		const at = this.#advance(4);
		this.#view.setUint32(at, value, true);
		return this;
	}

	u64(value: number): this {
		const at = this.#advance(8);
		this.#view.setBigUint64(at, BigInt(value), true);
		return this;
	}

	bytes(value: Uint8Array): this {
		const at = this.#advance(value.length);
		this.#bytes.set(value, at);
		return this;
	}

	id(hex: string): this {
		const bytes = fromHex(hex);
		if (bytes.length !== 20) throw new WireError('length', 'an id has 20 bytes');
		return this.bytes(bytes);
	}

	finish(): Uint8Array<ArrayBuffer> {
		return this.#bytes.slice(0, this.#at);
	}
}

function counted(value: number, limit: number): number {
	if (value > limit) throw new WireError('limit', `${value} is more than ${limit}`);
	return value;
}

function writeBits(writer: Writer, slices: number, bits: Uint8Array): void {
	if (bits.length !== Math.ceil(slices / 8)) throw new WireError('length', 'bitmap of a wrong length');
	writer.u8(slices).bytes(bits);
}

/** The bytes of `message`. Throws `WireError` when it is beyond a limit of the protocol. */
export function encode(message: Message): Uint8Array<ArrayBuffer> {
	const w = new Writer().u8(TYPES[message.type]);
	switch (message.type) {
		case 'hello':
			w.u8(message.version).id(message.peer).id(message.swarm).u8(message.slots).u32(message.newest);
			break;
		case 'have':
			w.u8(message.rendition).u8(counted(message.parts.length, MAX_HAVE_PARTS));
			for (const part of message.parts) writeBits(w.u32(part.place), part.slices, part.bits);
			break;
		case 'subscribe':
			w.u8(message.rendition).u8(message.stripe).u32(message.from).u8(message.manifests ? 1 : 0);
			break;
		case 'accept':
		case 'path':
			w.u8(message.rendition).u8(message.stripe).u8(counted(message.path.length, MAX_PATH));
			for (const id of message.path) w.u32(id);
			break;
		case 'reject':
			w.u8(message.rendition).u8(message.stripe).u8(message.reason);
			w.u8(counted(message.alternatives.length, MAX_ALTERNATIVES));
			for (const peer of message.alternatives) w.id(peer);
			break;
		case 'manifest':
			w.bytes(message.bytes);
			break;
		case 'slice':
			w.u8(message.rendition).u32(message.place).u16(message.index);
			w.u32(counted(message.length, MAX_SLICE_BYTES)).bytes(message.payload);
			break;
		case 'data':
			w.bytes(message.payload);
			break;
		case 'request':
		case 'cancel':
			writeBits(w.u8(message.rendition).u32(message.place), message.slices, message.bits);
			break;
		case 'unsubscribe':
			w.u8(message.rendition).u8(message.stripe);
			break;
		case 'ping':
		case 'pong':
			w.u32(message.nonce);
			break;
		case 'bye':
			break;
	}
	return w.finish();
}

/** The messages that carry `slice`: SLICE with its first bytes, DATA with the next. */
export function encodeSlice(rendition: number, place: Place, index: number, slice: Uint8Array): Uint8Array<ArrayBuffer>[] {
	const payload = slice.subarray(0, MAX_PAYLOAD_BYTES);
	const messages = [encode({ type: 'slice', rendition, place, index, length: slice.length, payload })];
	for (let at = payload.length; at < slice.length; at += MAX_PAYLOAD_BYTES) {
		messages.push(encode({ type: 'data', payload: slice.subarray(at, at + MAX_PAYLOAD_BYTES) }));
	}
	return messages;
}

function readBits(r: Reader): { slices: number; bits: Uint8Array } {
	const slices = r.u8();
	return { slices, bits: r.take(Math.ceil(slices / 8)).slice() };
}

function some(bytes: Uint8Array): Uint8Array {
	if (bytes.length === 0) throw new WireError('length', 'nothing behind the type');
	return bytes;
}

/** How a message came: from a peer (at most 16 KiB of payload), or in a stripe stream (each slice whole). */
export type Carrier = 'channel' | 'stream';

/**
 * The message in `bytes`; null when its type is unknown. Throws `WireError` when it is broken. Payloads of MANIFEST, SLICE and DATA
 * are views of `bytes`.
 */
export function decode(bytes: Uint8Array, carrier: Carrier = 'channel'): Message | null {
	if (bytes.length > (carrier === 'channel' ? MAX_MESSAGE_BYTES : MAX_STREAM_MESSAGE_BYTES)) throw new WireError('limit', 'message too long');
	const r = new Reader(bytes);
	const message = decodeFields(r.u8(), r, carrier);
	if (message) r.end();
	return message;
}

function decodeFields(type: number, r: Reader, carrier: Carrier): Message | null {
	switch (type) {
		case TYPES.hello:
			return { type: 'hello', version: r.u8(), peer: r.id(), swarm: r.id(), slots: r.u8(), newest: r.u32() };
		case TYPES.have: {
			const rendition = r.u8();
			const count = counted(r.u8(), MAX_HAVE_PARTS);
			const parts = Array.from({ length: count }, () => ({ place: r.u32(), ...readBits(r) }));
			return { type: 'have', rendition, parts };
		}
		case TYPES.subscribe:
			return { type: 'subscribe', rendition: r.u8(), stripe: r.u8(), from: r.u32(), manifests: (r.u8() & 1) !== 0 };
		case TYPES.accept:
		case TYPES.path: {
			const [rendition, stripe] = [r.u8(), r.u8()];
			const path = Array.from({ length: counted(r.u8(), MAX_PATH) }, () => r.u32());
			return { type: type === TYPES.accept ? 'accept' : 'path', rendition, stripe, path };
		}
		case TYPES.reject: {
			const [rendition, stripe, reason] = [r.u8(), r.u8(), r.u8()];
			const alternatives = Array.from({ length: counted(r.u8(), MAX_ALTERNATIVES) }, () => r.id());
			return { type: 'reject', rendition, stripe, reason, alternatives };
		}
		case TYPES.manifest:
			return { type: 'manifest', bytes: some(r.rest()) };
		case TYPES.slice: {
			const [rendition, place, index, length] = [r.u8(), r.u32(), r.u16(), counted(r.u32(), MAX_SLICE_BYTES)];
			if (length === 0) throw new WireError('limit', 'no slice is empty');
			const payload = some(r.rest());
			if (carrier === 'channel') counted(payload.length, MAX_PAYLOAD_BYTES);
			if (payload.length > length || (carrier === 'stream' && payload.length < length)) {
				throw new WireError('length', 'SLICE with a wrong number of bytes');
			}
			return { type: 'slice', rendition, place, index, length, payload };
		}
		case TYPES.data: {
			const payload = some(r.rest());
			counted(payload.length, MAX_PAYLOAD_BYTES);
			return { type: 'data', payload };
		}
		case TYPES.request:
		case TYPES.cancel: {
			const [rendition, place] = [r.u8(), r.u32()];
			return { type: type === TYPES.request ? 'request' : 'cancel', rendition, place, ...readBits(r) };
		}
		case TYPES.unsubscribe:
			return { type: 'unsubscribe', rendition: r.u8(), stripe: r.u8() };
		case TYPES.ping:
		case TYPES.pong:
			return { type: type === TYPES.ping ? 'ping' : 'pong', nonce: r.u32() };
		case TYPES.bye:
			return { type: 'bye' };
		default:
			return null;
	}
}
