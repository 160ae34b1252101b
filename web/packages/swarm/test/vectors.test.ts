/// <reference types="node" />
/** The vectors that the native peer passes as well. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SliceReader } from '../src/channel';
import { ManifestError, nobleCrypto, parseKey, parseManifest, signManifest, sliceMatches, sliceSpan, verifyManifest } from '../src/manifest';
import { decode, encode, fromHex, msnOf, partOf, placeOf, sliceCount, toHex, WireError, type Message } from '../src/wire';
import { FrameReader } from '../src/origin';

function vectors(name: string): any {
	return JSON.parse(readFileSync(new URL(`../../../../p2p-peer/vectors/${name}.json`, import.meta.url), 'utf8'));
}

interface Case {
	name: string;
	hex: string;
	fill?: number;
	message?: any;
	canonical?: boolean;
	refusal?: string;
	stripes?: number;
	manifest?: any;
}

function bytesOf({ hex, fill = 0 }: { hex: string; fill?: number }): Uint8Array {
	const head = fromHex(hex);
	const bytes = new Uint8Array(head.length + fill).fill(0xa5);
	bytes.set(head);
	return bytes;
}

/** A message as the vectors write it. */
function plain(message: Message, fill = 0): unknown {
	const text = (bytes: Uint8Array) => toHex(bytes.subarray(0, bytes.length - fill));
	switch (message.type) {
		case 'have':
			return { ...message, parts: message.parts.map(({ place, slices, bits }) => ({ place, n: slices, bitmap: toHex(bits) })) };
		case 'request':
		case 'cancel': {
			const { slices, bits, ...rest } = message;
			return { ...rest, n: slices, bitmap: toHex(bits) };
		}
		case 'slice':
		case 'data': {
			const { payload, ...rest } = message;
			return { ...rest, bytes: text(payload) };
		}
		default:
			return message;
	}
}

function refusal(run: () => unknown): unknown {
	try {
		run();
	} catch (error) {
		if (error instanceof WireError || error instanceof ManifestError) return error.refusal;
		throw error;
	}
	return null;
}

describe('messages', () => {
	const { valid, unknown, broken, sequences, stream } = vectors('messages');

	it.each(valid as Case[])('$name', (vector) => {
		const message = decode(bytesOf(vector));
		expect(message).not.toBeNull();
		if (vector.message.type === 'manifest') expect(message).toMatchObject({ type: 'manifest' });
		else expect(plain(message!, vector.fill)).toEqual(vector.message);
		if (vector.canonical !== false) expect(toHex(encode(message!))).toBe(toHex(bytesOf(vector)));
	});

	it.each(unknown as Case[])('$name is ignored', (vector) => {
		expect(decode(bytesOf(vector))).toBeNull();
	});

	it.each(broken as Case[])('refused: $name', (vector) => {
		expect(refusal(() => decode(bytesOf(vector)))).toBe(vector.refusal);
	});

	it.each(sequences as any[])('sequence: $name', (vector) => {
		const reader = new SliceReader();
		const slices: unknown[] = [];
		const refused = refusal(() => {
			for (const hex of vector.messages) {
				const message = decode(fromHex(hex));
				const slice = message?.type === 'slice' || message?.type === 'data' ? reader.handle(message) : null;
				if (slice) slices.push({ rendition: slice.rendition, place: slice.place, index: slice.index, bytes: toHex(slice.data) });
			}
		});
		expect(refused).toBe(vector.refusal ?? null);
		expect(slices).toEqual(vector.slices);
	});

	it.each(stream.valid as Case[])('stream: $name', (vector) => {
		const bytes = bytesOf(vector);
		for (const step of [bytes.length, 1000, 7]) {
			const reader = new FrameReader();
			const messages: Message[] = [];
			for (let at = 0; at < bytes.length; at += step) messages.push(...reader.read(bytes.subarray(at, at + step)));
			expect(messages).toHaveLength(1);
			if (vector.message.type !== 'manifest') expect(plain(messages[0]!, vector.fill)).toEqual(vector.message);
			else expect(messages[0]).toMatchObject({ type: 'manifest' });
		}
	});

	it.each(stream.broken as Case[])('stream, refused: $name', (vector) => {
		expect(refusal(() => new FrameReader().read(bytesOf(vector)))).toBe(vector.refusal);
	});
});

describe('manifests', () => {
	const { secret, public: key, swarm, valid, broken } = vectors('manifests');

	it.each(valid as Case[])('$name', (vector) => {
		const manifest = parseManifest(bytesOf(vector), vector.stripes!);
		expect({
			rendition: manifest.rendition,
			place: manifest.place,
			msn: msnOf(manifest.place),
			part: partOf(manifest.place),
			timeMs: manifest.time_ms,
			durationMs: manifest.duration_ms,
			size: manifest.size,
			independent: manifest.independent,
			gap: manifest.gap,
			last: manifest.last,
			hashes: Array.from({ length: manifest.slices }, (_, i) => toHex(manifest.hashes.subarray(16 * i, 16 * i + 16))),
			text: manifest.text
		}).toMatchObject(Object.fromEntries(Object.entries(vector.manifest).filter(([name]) => !['version', 'flags', 'signature'].includes(name))));
		expect(verifyManifest(manifest, swarm, parseKey(key))).toBe(true);
	});

	it.each(broken as Case[])('refused: $name', (vector) => {
		const refused = refusal(() => {
			const manifest = parseManifest(bytesOf(vector), vector.stripes!);
			if (!verifyManifest(manifest, swarm, parseKey(key))) throw new ManifestError('signature');
		});
		expect(refused).toBe(vector.refusal);
	});

	it('signs as the origin does', () => {
		const vector = valid[0] as Case;
		const { rendition, place, timeMs, durationMs, independent, gap, last, text, size } = vector.manifest;
		const data = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) * 7 + 3) & 255);
		const part = { rendition, place, time_ms: timeMs, duration_ms: durationMs, independent, gap, last, text };
		expect(toHex(signManifest(part, data, vector.stripes!, swarm, fromHex(secret)))).toBe(vector.hex);
	});
});

describe('slices', () => {
	const { rule, hashes, places } = vectors('slices');

	it.each(rule as any[])('$size bytes, $stripes stripes', ({ size, stripes, count, slices }) => {
		expect(sliceCount(size, stripes)).toBe(count);
		if (slices) expect(Array.from({ length: count }, (_, i) => ({ ...sliceSpan({ size, slices: count }, i), stripe: i % stripes }))).toEqual(slices);
	});

	it.each(hashes as any[])('hashes of $size bytes', ({ size, stripes, seed, hashes }) => {
		const data = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) & 255);
		const bytes = signManifest({ rendition: 0, place: 0, time_ms: 0, duration_ms: 0, text: '' }, data, stripes, '00'.repeat(20), new Uint8Array(32));
		const manifest = parseManifest(bytes, stripes);
		expect(Array.from({ length: manifest.slices }, (_, i) => toHex(manifest.hashes.subarray(16 * i, 16 * i + 16)))).toEqual(hashes);
		for (let i = 0; i < manifest.slices; i++) {
			const { start, end } = sliceSpan(manifest, i);
			const slice = data.slice(start, end);
			expect(sliceMatches(manifest, i, slice)).toBe(true);
			slice[0]! ^= 1;
			expect(sliceMatches(manifest, i, slice, nobleCrypto)).toBe(false);
		}
	});

	it.each(places as any[])('place of $msn, $part', ({ msn, part, place }) => {
		expect(placeOf(msn, part)).toBe(place);
		expect([msnOf(place), partOf(place)]).toEqual([msn, part]);
	});
});
