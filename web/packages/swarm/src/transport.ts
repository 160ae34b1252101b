/**
 * Connections to other peers over WebRTC: one data channel `shoal` for each pair, set up by one offer and one answer
 * (no trickle) that the tracker passes on. Event driven: the only timers here end attempts that lead nowhere.
 */

import { Channel, type Bounds, type ChannelMessage, type DataChannel, type Slice } from './channel';
import type { Message, PeerId } from './wire';

/** What is used of `RTCPeerConnection`. */
export interface PeerConnection {
	readonly connectionState: string;
	readonly iceGatheringState: string;
	readonly localDescription: { sdp: string } | null;
	onicecandidate: ((event: { candidate: unknown }) => void) | null;
	onicegatheringstatechange: ((event: never) => void) | null;
	onconnectionstatechange: ((event: never) => void) | null;
	ondatachannel: ((event: { channel: DataChannel }) => void) | null;
	createDataChannel(label: string, options?: { ordered?: boolean }): DataChannel;
	createOffer(): Promise<{ type: string; sdp?: string }>;
	createAnswer(): Promise<{ type: string; sdp?: string }>;
	setLocalDescription(description: never): Promise<void>;
	setRemoteDescription(description: { type: 'offer' | 'answer'; sdp: string }): Promise<void>;
	close(): void;
}

/** `RTCPeerConnection` of the browser, or of @roamhq/wrtc. */
export type PeerConnectionConstructor = new (config: { iceServers: { urls: string }[] }) => unknown;

export interface TransportEvents {
	/** Passes an offer on to `peer`; false when there is no way to it now. */
	offer(peer: PeerId, offer_id: string, sdp: string): boolean;
	answer(peer: PeerId, offer_id: string, sdp: string): void;
	opened(peer: PeerId): void;
	/** The pair is no more, or could not be connected. */
	closed(peer: PeerId, why: string): void;
	message(peer: PeerId, message: ChannelMessage): void;
	manifest(peer: PeerId, bytes: Uint8Array): void;
	slice(peer: PeerId, slice: Slice): void;
	buffered(peer: PeerId, bytes: number): void;
}

export const CHANNEL_LABEL = 'shoal';
/** Connections and attempts at most: more than any role needs, and below what makes browsers slow. */
export const MAX_CONNECTIONS = 40;
/** An attempt that is not open by then is given up. */
const ATTEMPT_MS = 10_000;
/** Candidates that come later than this after the first are not waited for... */
const LATE_CANDIDATES_MS = 1_000;
/** ...and none are after this. */
const GATHERING_MS = 5_000;
/** BYE is on its way by then. */
const FAREWELL_MS = 1_000;
/** No honest description is longer. */
const MAX_SDP_CHARS = 32_768;

interface Link {
	peer: PeerId;
	connection: PeerConnection;
	/** null for the side that answers */
	offer_id: string | null;
	channel: Channel | null;
	timer: ReturnType<typeof setTimeout>;
}

export class Transport {
	readonly #links = new Map<PeerId, Link>();
	readonly #banned = new Set<PeerId>();
	readonly #broken = new Set<PeerId>();
	#offers = 0;
	#closed = false;

	constructor(
		private readonly self: PeerId,
		private readonly rtc: PeerConnectionConstructor,
		private readonly stun: readonly string[],
		private readonly words: Bounds,
		private readonly events: TransportEvents
	) {}

	/** Connections and attempts. */
	get size(): number {
		return this.#links.size;
	}

	isOpen(peer: PeerId): boolean {
		return Boolean(this.#links.get(peer)?.channel);
	}

	/** Sets out to connect to `peer`; `opened` or `closed` follows. */
	connect(peer: PeerId): void {
		if (this.#links.has(peer)) return;
		const link = this.#begin(peer, `${this.self.slice(-12)}${(this.#offers++).toString(16).padStart(8, '0')}`);
		// Never from within the call: the caller is not done with what it does.
		if (!link) return queueMicrotask(() => this.events.closed(peer, 'no room'));
		const { connection } = link;
		this.#watch(link, connection.createDataChannel(CHANNEL_LABEL, { ordered: true }));
		this.#attempt(link, async () => {
			await connection.setLocalDescription((await connection.createOffer()) as never);
			await gathered(connection);
			if (!this.#is(link)) return;
			const sdp = connection.localDescription?.sdp ?? '';
			if (!this.events.offer(peer, link.offer_id ?? '', sdp)) this.#close(link, 'no way to send an offer');
		});
	}

	/** An offer came. When both sides offered, the smaller peer id's offer counts. */
	handleOffer(peer: PeerId, offer_id: string, sdp: string): void {
		if (peer === this.self || this.#banned.has(peer) || this.#closed || sdp.length > MAX_SDP_CHARS) return;
		const known = this.#links.get(peer);
		if (known && known.offer_id !== null && !known.channel) {
			if (this.self < peer) return;
			this.#forget(known);
		} else if (known) {
			// It has lost the connection that is thought to be there.
			this.#close(known, 'connected anew');
		}
		const link = this.#begin(peer, null);
		if (!link) return;
		const { connection } = link;
		connection.ondatachannel = ({ channel }) => {
			if (channel.label === CHANNEL_LABEL && !link.channel) this.#watch(link, channel);
			else channel.close();
		};
		this.#attempt(link, async () => {
			await connection.setRemoteDescription({ type: 'offer', sdp });
			await connection.setLocalDescription((await connection.createAnswer()) as never);
			await gathered(connection);
			if (this.#is(link)) this.events.answer(peer, offer_id, connection.localDescription?.sdp ?? '');
		});
	}

	/** The answer to an offer of ours; any other is ignored. */
	handleAnswer(peer: PeerId, offer_id: string, sdp: string): void {
		const link = this.#links.get(peer);
		if (!link || link.offer_id !== offer_id || link.channel || sdp.length > MAX_SDP_CHARS) return;
		this.#attempt(link, () => link.connection.setRemoteDescription({ type: 'answer', sdp }));
	}

	/** The tracker could not pass the offer on. */
	handleUnreachable(peer: PeerId, offer_id: string): void {
		const link = this.#links.get(peer);
		if (link && link.offer_id === offer_id && !link.channel) this.#close(link, 'not there');
	}

	send(peer: PeerId, message: Message): void {
		this.#links.get(peer)?.channel?.send(message);
	}

	/** Sends a slice; what waits to be sent afterwards, in bytes. */
	sendSlice(peer: PeerId, slice: Slice): number {
		const channel = this.#links.get(peer)?.channel;
		if (!channel) return 0;
		channel.sendSlice(slice);
		return channel.buffered_bytes;
	}

	/** Ends the pair without an event. */
	disconnect(peer: PeerId): void {
		const link = this.#links.get(peer);
		if (!link) return;
		this.send(peer, { type: 'bye' });
		this.#forget(link, FAREWELL_MS);
	}

	/** Ends the pair without an event, and takes no offer from the peer any more. */
	ban(peer: PeerId): void {
		this.#banned.add(peer);
		const link = this.#links.get(peer);
		if (link) this.#forget(link);
	}

	/** Says BYE to all and ends everything. No event follows. */
	close(): void {
		this.#closed = true;
		for (const peer of [...this.#links.keys()]) this.disconnect(peer);
	}

	#begin(peer: PeerId, offer_id: string | null): Link | null {
		if (this.#closed || this.#banned.has(peer) || this.#links.size >= MAX_CONNECTIONS) return null;
		let connection: PeerConnection;
		try {
			connection = new this.rtc({ iceServers: this.stun.map((urls) => ({ urls })) }) as PeerConnection;
		} catch {
			return null;
		}
		const link: Link = {
			peer,
			connection,
			offer_id,
			channel: null,
			timer: setTimeout(() => this.#close(link, 'not connected in time'), ATTEMPT_MS)
		};
		this.#links.set(peer, link);
		connection.onconnectionstatechange = () => {
			if (connection.connectionState === 'failed' || connection.connectionState === 'closed') this.#close(link, connection.connectionState);
		};
		return link;
	}

	#attempt(link: Link, step: () => Promise<void>): void {
		step().catch((error: unknown) => this.#close(link, String(error)));
	}

	#watch(link: Link, data_channel: DataChannel): void {
		const { peer } = link;
		const open = (): void => {
			if (!this.#is(link) || link.channel) return;
			clearTimeout(link.timer);
			link.channel = new Channel(data_channel, this.words, {
				message: (message) => this.#is(link) && this.events.message(peer, message),
				manifest: (bytes) => this.#is(link) && this.events.manifest(peer, bytes),
				slice: (slice) => this.#is(link) && this.events.slice(peer, slice),
				buffered: (bytes) => this.#is(link) && this.events.buffered(peer, bytes),
				// Found while sending, it must not call back into whoever sends.
				broken: (why) => queueMicrotask(() => this.#closeBroken(link, why))
			});
			this.events.opened(peer);
		};
		data_channel.onclose = () => this.#close(link, 'closed');
		data_channel.onopen = open;
		if (data_channel.readyState === 'open') open();
	}

	#is(link: Link): boolean {
		return this.#links.get(link.peer) === link;
	}

	/** A peer that breaks the protocol may try once more. */
	#closeBroken(link: Link, why: string): void {
		if (this.#broken.has(link.peer)) this.#banned.add(link.peer);
		this.#broken.add(link.peer);
		this.#close(link, why);
	}

	/** Ends a pair that somebody counts on. */
	#close(link: Link, why: string): void {
		if (!this.#is(link)) return;
		this.#forget(link);
		this.events.closed(link.peer, why);
	}

	#forget(link: Link, delay_ms = 0): void {
		clearTimeout(link.timer);
		this.#links.delete(link.peer);
		const { connection } = link;
		connection.onconnectionstatechange = connection.ondatachannel = null;
		if (delay_ms > 0) setTimeout(() => connection.close(), delay_ms);
		else connection.close();
	}
}

/** Resolves when candidates are gathered, or have been waited for long enough. */
function gathered(connection: PeerConnection): Promise<void> {
	return new Promise((resolve) => {
		if (connection.iceGatheringState === 'complete') return resolve();
		let late: ReturnType<typeof setTimeout> | undefined;
		const done = (): void => {
			clearTimeout(late);
			clearTimeout(end);
			connection.onicecandidate = connection.onicegatheringstatechange = null;
			resolve();
		};
		const end = setTimeout(done, GATHERING_MS);
		connection.onicegatheringstatechange = () => {
			if (connection.iceGatheringState === 'complete') done();
		};
		connection.onicecandidate = ({ candidate }) => {
			if (!candidate) return done();
			late ??= setTimeout(done, LATE_CANDIDATES_MS);
		};
	});
}
