/** One peer's side of the tracker protocol (docs/swarm-protocol.md, "At the tracker"). */

import type { Assigned, Report } from './core';
import type { Signalling } from './signalling';
import { fromHex, Reader, toHex, WireError, type PeerId, type SwarmId } from './wire';

/** Where this peer stands in the trees. */
export interface Assign {
	/** in the swarm */
	peers: number;
	/** the tracker sends them to this peer */
	manifests: boolean;
	stripes: Assigned[];
	/** of a video that does not change any more: others to connect to */
	neighbours: PeerId[];
}

export interface TrackerEvents {
	offer(peer: PeerId, offer_id: string, sdp: string): void;
	answer(peer: PeerId, offer_id: string, sdp: string): void;
	assign(assign: Assign): void;
	/** `offer_id`: an offer could not be passed on; null: a peer has left */
	gone(peer: PeerId, offer_id: string | null): void;
	manifest(bytes: Uint8Array): void;
	/** The tracker refused an announce. */
	failure(reason: string): void;
	/** It cannot be reached any more. */
	lost(): void;
}

/** What joining says. */
export interface Joining {
	token: string;
	rendition: number;
	slots: number;
	upload: boolean;
}

/** More cannot be assigned: 16 stripes in each of 16 renditions. */
const MAX_ASSIGNED = 256;
/** The tracker names 12. */
const MAX_NEIGHBOURS = 24;
const MAX_OFFER_ID = 64;
/** Unless the tracker names another interval. */
const ANNOUNCE_MS = 120_000;
const MIN_ANNOUNCE_MS = 10_000;

/** 20 bytes as WebTorrent writes them in JSON: one character each. */
export function binaryString(hex: string): string {
	return String.fromCharCode(...fromHex(hex));
}

/** The inverse of `binaryString`; null when it is not one of 20 bytes. */
export function parseBinaryString(text: unknown): string | null {
	if (typeof text !== 'string' || text.length !== 20) return null;
	const bytes = new Uint8Array(20);
	for (let i = 0; i < 20; i++) {
		const code = text.charCodeAt(i);
		if (code > 255) return null;
		bytes[i] = code;
	}
	return toHex(bytes);
}

function index(value: unknown): number | null {
	return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 256 ? value : null;
}

function parseAssigned(value: unknown): Assigned | null {
	if (typeof value !== 'object' || value === null) return null;
	const fields = value as Record<string, unknown>;
	const rendition = index(fields.rendition);
	const stripe = index(fields.stripe);
	if (rendition === null || stripe === null) return null;
	if (fields.root === true) return { rendition, stripe, root: true };
	const parent = parseBinaryString(fields.parent);
	return parent === null ? null : { rendition, stripe, root: false, parent, standby: parseBinaryString(fields.standby) };
}

export class TrackerClient {
	#announced = false;
	#announce_ms = ANNOUNCE_MS;
	#timer: ReturnType<typeof setTimeout> | undefined;
	readonly #info_hash: string;
	readonly #peer_id: string;

	/** Joins as soon as `signalling` is open, and again each time it opens. `joining` is asked each time. */
	constructor(
		private readonly signalling: Signalling,
		private readonly swarm: SwarmId,
		self: PeerId,
		private readonly joining: () => Joining,
		private readonly events: TrackerEvents
	) {
		this.#info_hash = binaryString(swarm);
		this.#peer_id = binaryString(self);
		signalling.onopen = () => this.announce();
		signalling.onclose = () => {
			this.#announced = false;
			clearTimeout(this.#timer);
			events.lost();
		};
		signalling.onmessage = (data) => this.#handle(data);
		if (signalling.open) this.announce();
	}

	/** The tracker knows of this peer, as far as can be told from here. */
	get joined(): boolean {
		return this.#announced && this.signalling.open;
	}

	announce(): void {
		const { token, ...shoal } = this.joining();
		const event = this.#announced ? {} : { event: 'started' };
		this.#send({ action: 'announce', numwant: 0, uploaded: 0, downloaded: 0, left: null, ...event, token, shoal: { version: 1, ...shoal } });
		this.#announced = true;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.announce(), this.#announce_ms);
	}

	/** False when the tracker cannot be reached now. */
	offer(peer: PeerId, offer_id: string, sdp: string): boolean {
		if (!this.joined) return false;
		this.#send({ action: 'announce', to_peer_id: binaryString(peer), offer_id, offer: { type: 'offer', sdp } });
		return true;
	}

	answer(peer: PeerId, offer_id: string, sdp: string): void {
		this.#send({ action: 'announce', to_peer_id: binaryString(peer), offer_id, answer: { type: 'answer', sdp } });
	}

	report(report: Report & { neighbours?: number }): void {
		this.#send({
			action: 'report',
			...report,
			unreachable: report.unreachable.map(binaryString),
			accused: report.accused.map(binaryString),
			lost: report.lost.map(({ peer, ...where }) => ({ ...where, peer: binaryString(peer) }))
		});
	}

	/** Leaves the swarm, and closes the socket if it was the engine's own. */
	close(): void {
		clearTimeout(this.#timer);
		if (this.joined) this.#send({ action: 'announce', numwant: 0, event: 'stopped' });
		this.#announced = false;
		this.signalling.onopen = this.signalling.onclose = this.signalling.onmessage = null;
		this.signalling.close?.();
	}

	#send(message: { action: string; [field: string]: unknown }): void {
		if (!this.signalling.open) return;
		const { action, ...rest } = message;
		this.signalling.send(JSON.stringify({ action, info_hash: this.#info_hash, peer_id: this.#peer_id, ...rest }));
	}

	#handle(data: string | Uint8Array): void {
		if (typeof data !== 'string') return this.#handleFrame(data);
		let message: Record<string, unknown>;
		try {
			const value: unknown = JSON.parse(data);
			if (typeof value !== 'object' || value === null) return;
			message = value as Record<string, unknown>;
		} catch {
			return;
		}
		if (typeof message['failure reason'] === 'string') {
			const about = message.info_hash;
			if (about === undefined || about === this.#info_hash) this.events.failure(message['failure reason']);
			return;
		}
		if (message.info_hash !== this.#info_hash) return;
		const peer = parseBinaryString(message.peer_id);
		const offer_id = typeof message.offer_id === 'string' && message.offer_id.length <= MAX_OFFER_ID ? message.offer_id : null;
		switch (message.action) {
			case 'announce':
				this.#handleAnnounce(message, peer, offer_id);
				break;
			case 'assign':
				this.#handleAssign(message);
				break;
			case 'gone':
				if (peer !== null) this.events.gone(peer, offer_id);
				break;
		}
	}

	#handleAnnounce(message: Record<string, unknown>, peer: PeerId | null, offer_id: string | null): void {
		const sdp = (field: unknown): string | null => {
			const text = (field as { sdp?: unknown } | null | undefined)?.sdp;
			return typeof text === 'string' ? text : null;
		};
		const offer = sdp(message.offer);
		const answer = sdp(message.answer);
		if (peer !== null && offer_id !== null && offer !== null) {
			this.events.offer(peer, offer_id, offer);
		} else if (peer !== null && offer_id !== null && answer !== null) {
			this.events.answer(peer, offer_id, answer);
		} else if (typeof message.interval === 'number' && Number.isFinite(message.interval)) {
			this.#announce_ms = Math.min(1e8, Math.max(MIN_ANNOUNCE_MS, message.interval * 1000));
		}
	}

	#handleAssign(message: Record<string, unknown>): void {
		const { stripes: named = [], neighbours: others = [] } = message;
		if (!Array.isArray(named) || named.length > MAX_ASSIGNED || !Array.isArray(others) || others.length > MAX_NEIGHBOURS) return;
		const stripes = named.map(parseAssigned).filter((assigned) => assigned !== null);
		const neighbours = others.map(parseBinaryString).filter((peer) => peer !== null);
		const peers = typeof message.peers === 'number' && message.peers >= 0 ? message.peers : 0;
		this.events.assign({ peers, manifests: message.manifests !== false, stripes, neighbours });
	}

	/** `u8 1`, swarm id, manifest. */
	#handleFrame(data: Uint8Array): void {
		try {
			const r = new Reader(data);
			if (r.u8() === 1 && r.id() === this.swarm) this.events.manifest(r.rest());
		} catch (error) {
			if (!(error instanceof WireError)) throw error;
		}
	}
}
