import type { Page } from 'playwright-core';

/** A connection to another viewer, seen from outside of the engine; times are of `Date.now`. */
export interface Pair {
	/** as its HELLO said; null: it has said nothing */
	peer: string | null;
	/** when it said so */
	opened_ms: number | null;
	closed_ms: number | null;
	received_bytes: number;
}

export interface Seen {
	/** its own id in the swarm, once it has introduced itself to somebody */
	self: string | null;
	pairs: Pair[];
	/** of each media data box that the player appended, in order */
	media: string[];
	/** bytes appended that are no whole boxes */
	strange: number;
}

/** Looks on, from before the page's own scripts, at the connections it makes and at the bytes that its player puts into the buffer. */
export async function probe(page: Page): Promise<void> {
	await page.addInitScript(`window.digestMedia = ${digestMedia.toString()}`);
	await page.addInitScript(() => {
		const seen: Seen = { self: null, pairs: [], media: [], strange: 0 };
		Object.assign(window, { seen });
		const introduced = (bytes: Uint8Array): string | null =>
			// HELLO: type, version, peer id.
			bytes[0] === 1 ? Array.from(bytes.subarray(2, 22), (byte) => byte.toString(16).padStart(2, '0')).join('') : null;
		const watch = (channel: RTCDataChannel, pair: Pair): void =>
			channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
				if (!(data instanceof ArrayBuffer)) return;
				pair.received_bytes += data.byteLength;
				pair.peer ??= introduced(new Uint8Array(data));
				if (pair.peer !== null) pair.opened_ms ??= Date.now();
			});
		const { send } = RTCDataChannel.prototype;
		RTCDataChannel.prototype.send = function (data: unknown): void {
			if (data instanceof Uint8Array) seen.self ??= introduced(data);
			send.call(this, data as never);
		};
		const Original = RTCPeerConnection;
		class Watched extends Original {
			readonly pair: Pair = { peer: null, opened_ms: null, closed_ms: null, received_bytes: 0 };

			constructor(...settings: ConstructorParameters<typeof Original>) {
				super(...settings);
				seen.pairs.push(this.pair);
				this.addEventListener('datachannel', ({ channel }) => watch(channel, this.pair));
			}

			override createDataChannel(...words: Parameters<RTCPeerConnection['createDataChannel']>): RTCDataChannel {
				const channel = super.createDataChannel(...words);
				watch(channel, this.pair);
				return channel;
			}

			override close(): void {
				this.pair.closed_ms ??= Date.now();
				super.close();
			}
		}
		Object.assign(window, { RTCPeerConnection: Watched });
		const { appendBuffer } = SourceBuffer.prototype;
		const { digestMedia } = window as unknown as { digestMedia: (data: Uint8Array) => { media: string[]; strange: number } };
		SourceBuffer.prototype.appendBuffer = function (data: BufferSource): void {
			const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
			const { media, strange } = digestMedia(bytes);
			seen.media.push(...media);
			seen.strange += strange;
			appendBuffer.call(this, data);
		};
	});
}

export function seen(page: Page): Promise<Seen> {
	return page.evaluate(() => (window as unknown as { seen: Seen }).seen);
}

/** A digest of each `mdat` box (ISO/IEC 14496-12, 8.1.1) of `data`: players may rewrite times around the media, never the media. */
export function digestMedia(data: Uint8Array): { media: string[]; strange: number } {
	const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
	const media: string[] = [];
	let at = 0;
	while (at + 8 <= data.length) {
		const size = view.getUint32(at);
		if (size < 8 || at + size > data.length) break;
		if (view.getUint32(at + 4) === 0x6d646174) {
			// Two sums of 32 bits are enough against accidents and liars who know nothing of them.
			let [a, b] = [0x811c9dc5, 5381];
			for (let i = at + 8; i < at + size; i++) {
				a = Math.imul(a ^ data[i]!, 0x01000193);
				b = (Math.imul(b, 33) + data[i]!) | 0;
			}
			media.push(`${size} ${a >>> 0} ${b >>> 0}`);
		}
		at += size;
	}
	return { media, strange: data.length - at };
}
