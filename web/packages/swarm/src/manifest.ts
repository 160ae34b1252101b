/** Manifests (docs/swarm-protocol.md, "Manifest"): what the origin says and signs about each part. No I/O. */

import * as ed25519 from '@noble/ed25519';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { fromHex, MAX_MANIFEST_BYTES, Reader, sliceCount, sliceStart, WireError, Writer, type Place, type SwarmId } from './wire';

ed25519.hashes.sha512 = sha512;

/** Slices are counted in one byte between peers. */
const MAX_SLICES = 255;
const HASH_BYTES = 16;
const SIGNATURE_BYTES = 64;
const FLAG = { independent: 1, gap: 2, last: 4 } as const;

export interface Manifest {
	rendition: number;
	place: Place;
	/** program date-time of the part's start, milliseconds since 1970 */
	time_ms: number;
	duration_ms: number;
	/** bytes of the part */
	size: number;
	independent: boolean;
	gap: boolean;
	/** the last part of the broadcast */
	last: boolean;
	/** number of slices */
	slices: number;
	/** one behind the other */
	hashes: Uint8Array;
	/** lines by which the media playlist grew */
	text: string;
	/** as it came, signature included */
	bytes: Uint8Array;
}

/** A manifest that the origin did not make like this: dropped, and whoever sent it banned. */
export class ManifestError extends Error {
	constructor(readonly refusal: 'length' | 'version' | 'slices' | 'text' | 'signature') {
		super(`manifest: wrong ${refusal}`);
	}
}

/** What hashes and verifies; the default runs everywhere, also on pages of plain http, where `crypto.subtle` is missing. */
export interface Crypto {
	sha256(data: Uint8Array): Uint8Array;
	/** Ed25519 */
	verify(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean;
}

export const nobleCrypto: Crypto = {
	sha256,
	verify: (signature, message, key) => {
		try {
			return ed25519.verify(signature, message, key);
		} catch {
			return false;
		}
	}
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads a manifest, keeping a copy of its bytes; the signature is checked by `verifyManifest`. Throws `ManifestError`. */
export function parseManifest(from: Uint8Array, stripes: number): Manifest {
	const bytes = from.slice();
	if (bytes.length > MAX_MANIFEST_BYTES) throw new ManifestError('length');
	try {
		const r = new Reader(bytes);
		const version = r.u8();
		const rendition = r.u8();
		const place = r.u32();
		const time_ms = r.u64();
		const duration_ms = r.u16();
		const size = r.u32();
		const flags = r.u8();
		const slices = r.u16();
		const hashes = r.take(slices * HASH_BYTES);
		const text_bytes = r.take(r.u16());
		r.take(SIGNATURE_BYTES);
		r.end();
		if (version !== 1) throw new ManifestError('version');
		const gap = (flags & FLAG.gap) !== 0;
		if (slices !== sliceCount(size, stripes) || slices > MAX_SLICES || (gap && size > 0)) throw new ManifestError('slices');
		let text;
		try {
			text = utf8.decode(text_bytes);
		} catch {
			throw new ManifestError('text');
		}
		const independent = (flags & FLAG.independent) !== 0;
		const last = (flags & FLAG.last) !== 0;
		return { rendition, place, time_ms, duration_ms, size, independent, gap, last, slices, hashes, text, bytes };
	} catch (error) {
		throw error instanceof WireError ? new ManifestError('length') : error;
	}
}

const CONTEXT = new TextEncoder().encode('shoal-manifest-1');

function signedBytes(swarm: SwarmId, unsigned: Uint8Array): Uint8Array<ArrayBuffer> {
	return new Writer().bytes(CONTEXT).id(swarm).bytes(unsigned).finish();
}

/** Whether the origin of `swarm`, whose key is `key` (32 bytes), signed it. */
export function verifyManifest(manifest: Manifest, swarm: SwarmId, key: Uint8Array, crypto: Crypto = nobleCrypto): boolean {
	const end = manifest.bytes.length - SIGNATURE_BYTES;
	return crypto.verify(manifest.bytes.subarray(end), signedBytes(swarm, manifest.bytes.subarray(0, end)), key);
}

/** Where slice `index` begins and ends in the part. */
export function sliceSpan(manifest: Pick<Manifest, 'size' | 'slices'>, index: number): { start: number; end: number } {
	const { size, slices } = manifest;
	return { start: sliceStart(size, slices, index), end: sliceStart(size, slices, index + 1) };
}

/** Whether `data` is slice `index` of the part. */
export function sliceMatches(manifest: Manifest, index: number, data: Uint8Array, crypto: Crypto = nobleCrypto): boolean {
	const { start, end } = sliceSpan(manifest, index);
	if (index >= manifest.slices || data.length !== end - start) return false;
	const hash = crypto.sha256(data);
	const at = index * HASH_BYTES;
	for (let i = 0; i < HASH_BYTES; i++) if (hash[i] !== manifest.hashes[at + i]) return false;
	return true;
}

/** What `signManifest` needs. */
export interface PartToSign {
	rendition: number;
	place: Place;
	time_ms: number;
	duration_ms: number;
	independent?: boolean;
	gap?: boolean;
	last?: boolean;
	text: string;
}

/** Signs a manifest as an origin does; `secret` is the Ed25519 seed. For stand-ins of the origin. */
export function signManifest(part: PartToSign, data: Uint8Array, stripes: number, swarm: SwarmId, secret: Uint8Array): Uint8Array<ArrayBuffer> {
	const slices = sliceCount(data.length, stripes);
	const flags = (part.independent ? FLAG.independent : 0) | (part.gap ? FLAG.gap : 0) | (part.last ? FLAG.last : 0);
	const text = new TextEncoder().encode(part.text);
	const w = new Writer().u8(1).u8(part.rendition).u32(part.place).u64(part.time_ms).u16(part.duration_ms);
	w.u32(data.length).u8(flags).u16(slices);
	for (let i = 0; i < slices; i++) {
		const { start, end } = sliceSpan({ size: data.length, slices }, i);
		w.bytes(sha256(data.subarray(start, end)).subarray(0, HASH_BYTES));
	}
	const unsigned = w.u16(text.length).bytes(text).finish();
	const signature = ed25519.sign(signedBytes(swarm, unsigned), secret);
	return new Writer().bytes(unsigned).bytes(signature).finish();
}

/** The key of a token, 64 hexadecimal digits. Throws `WireError`. */
export function parseKey(hex: string): Uint8Array {
	const key = fromHex(hex);
	if (key.length !== 32) throw new WireError('length', 'a key has 32 bytes');
	return key;
}
