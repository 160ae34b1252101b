/**
 * A peer's place in a swarm, whatever is shared there: token, tracker, and the transport to others, set up in the order
 * that privacy asks for. No connection is prepared before the tracker says that there are enough viewers.
 */

import { WORDS } from './channel';
import type { Origin, SwarmToken } from './origin';
import { OwnSocket, type OpenSocket, type Signalling, type Socket } from './signalling';
import { sleep } from './sleep';
import { TrackerClient, type Assign, type Joining } from './tracker';
import { Transport, type PeerConnectionConstructor, type TransportEvents } from './transport';
import type { PeerId } from './wire';

/** Offers kept until it is known that there are enough viewers. */
const MAX_EARLY = 8;
/** Tokens are renewed this long before they end. */
const TOKEN_MARGIN_MS = 30_000;
/** After a refused announce. */
const FIRST_REJOIN_MS = 2_000;
const LAST_REJOIN_MS = 60_000;

export interface MembershipOptions {
	/** the page's socket; default: an own one to the tracker that the token names */
	signalling?: Signalling;
	/** default: the browser's */
	rtc?: PeerConnectionConstructor;
	/** opens the own socket; default: the global `WebSocket` */
	socket?: OpenSocket;
	/** waited for before joining; default: what the token says */
	delay_ms?: number;
}

export interface MembershipEvents extends Omit<TransportEvents, 'offer' | 'answer'> {
	/** What an announce says now, apart from the token. */
	joining(): Omit<Joining, 'token'>;
	assign(assign: Assign): void;
	/** A peer has left. */
	gone(peer: PeerId): void;
	/** From the tracker. */
	announced(manifest: Uint8Array): void;
	/** The tracker cannot be reached any more. */
	lost(): void;
	/** The swarm is another one by now. */
	replaced(): void;
	/** The page goes away. */
	leave(): void;
	log(line: string): void;
}

export class Membership {
	#token: SwarmToken | null = null;
	#transport: Transport | null = null;
	#tracker: TrackerClient | null = null;
	#rejoining = false;
	/** there were enough viewers once */
	#connects = false;
	/** offers of peers that knew so before */
	#early = new Map<PeerId, { offer_id: string; sdp: string }>();
	readonly #ended = new AbortController();

	/** `most`: connections, beyond which no offer is taken. */
	constructor(
		readonly peer: PeerId,
		private readonly kind: SwarmToken['kind'],
		private readonly most: number,
		private readonly origin: Origin,
		private readonly options: MembershipOptions,
		private readonly now: () => number,
		private readonly events: MembershipEvents
	) {}

	/** What the token endpoint said, once it has. */
	get token(): SwarmToken | null {
		return this.#token;
	}

	get transport(): Transport | null {
		return this.#transport;
	}

	get tracker(): TrackerClient | null {
		return this.#tracker;
	}

	/** There are, or were, enough viewers for connections to others. */
	get connects(): boolean {
		return this.#connects;
	}

	/** Aborted when this peer leaves. */
	get ended(): AbortSignal {
		return this.#ended.signal;
	}

	/**
	 * Gets the token, waits for the delay that it names, and announces itself; `prepare` is called right before that. False when
	 * left meanwhile; rejects when there is no swarm for this viewer.
	 */
	async join(prepare: (token: SwarmToken) => void): Promise<boolean> {
		const { signal } = this.#ended;
		const rtc = this.options.rtc ?? (globalThis as { RTCPeerConnection?: PeerConnectionConstructor }).RTCPeerConnection;
		if (!rtc) throw new TypeError('no WebRTC here');
		const started_ms = this.now();
		const token = await this.origin.token(signal, this.now);
		if (signal.aborted) return false;
		this.#token = token;
		if (token.policy === 'off') throw new TypeError('the instance does not want it');
		if (token.kind !== this.kind) throw new TypeError(`this is no ${this.kind} swarm`);
		await sleep((this.options.delay_ms ?? token.delay_s * 1000) - (this.now() - started_ms), signal);
		if (signal.aborted) return false;
		prepare(token);
		this.#announce(token, rtc);
		return true;
	}

	/** BYE to all, and everything closed. For good. */
	leave(): void {
		this.#ended.abort();
		this.#transport?.close();
		this.#tracker?.close();
		this.#early.clear();
		(globalThis as { removeEventListener?: typeof removeEventListener }).removeEventListener?.('pagehide', this.events.leave);
	}

	/** A token that is good for a while; a new one after the origin has `refused` it. */
	async freshToken(refused: boolean): Promise<string> {
		if (refused || (this.#token?.expires_ms ?? 0) - this.now() < TOKEN_MARGIN_MS) await this.#renewToken();
		return this.#token?.token ?? '';
	}

	#announce(token: SwarmToken, rtc: PeerConnectionConstructor): void {
		const { events, peer } = this;
		this.#transport = new Transport(peer, rtc, token.stun, WORDS[this.kind], {
			...events,
			offer: (to, offer_id, sdp) => this.#tracker?.offer(to, offer_id, sdp) ?? false,
			answer: (to, offer_id, sdp) => this.#tracker?.answer(to, offer_id, sdp)
		});
		const socket = this.options.socket ?? ((url: string) => new WebSocket(url) as unknown as Socket);
		const signalling = this.options.signalling ?? new OwnSocket(token.tracker, socket, this.now);
		this.#tracker = new TrackerClient(signalling, token.swarm, peer, () => ({ ...events.joining(), token: this.#token?.token ?? '' }), {
			offer: (from, offer_id, sdp) => {
				if (this.#connects) this.#take(from, offer_id, sdp);
				else if (this.#early.size < MAX_EARLY) this.#early.set(from, { offer_id, sdp });
			},
			answer: (from, offer_id, sdp) => this.#transport?.handleAnswer(from, offer_id, sdp),
			assign: (assign) => this.#handleAssign(assign),
			gone: (other, offer_id) => {
				if (offer_id !== null) this.#transport?.handleUnreachable(other, offer_id);
				else events.gone(other);
			},
			manifest: (bytes) => events.announced(bytes),
			failure: (reason) => void this.#rejoin(reason),
			lost: () => events.lost()
		});
		(globalThis as { addEventListener?: typeof addEventListener }).addEventListener?.('pagehide', events.leave);
	}

	#take(from: PeerId, offer_id: string, sdp: string): void {
		const transport = this.#transport;
		if (transport && transport.size < this.most) transport.handleOffer(from, offer_id, sdp);
	}

	#handleAssign(assign: Assign): void {
		// Some systems ask the viewer as soon as the first connection is prepared: only when it is worth it.
		if (!this.#connects && assign.peers >= (this.#token?.minimum_viewers ?? 0)) {
			this.#connects = true;
			for (const [from, { offer_id, sdp }] of this.#early) this.#take(from, offer_id, sdp);
			this.#early.clear();
		}
		this.events.assign(assign);
	}

	/** The tracker did not take the announce: another token, another try, until it does. */
	async #rejoin(reason: string): Promise<void> {
		this.events.log(`tracker: ${reason}`);
		if (this.#rejoining) return;
		this.#rejoining = true;
		const { signal } = this.#ended;
		let wait_ms = FIRST_REJOIN_MS;
		let renewed = false;
		while (!renewed && !signal.aborted) {
			await sleep(wait_ms * (1 + Math.random()), signal);
			wait_ms = Math.min(LAST_REJOIN_MS, 2 * wait_ms);
			renewed = await this.#renewToken();
		}
		this.#rejoining = false;
		if (!signal.aborted) this.#tracker?.announce();
	}

	/** False when there is none now. */
	async #renewToken(): Promise<boolean> {
		const { signal } = this.#ended;
		try {
			const token = await this.origin.token(signal, this.now);
			if (signal.aborted) return false;
			if (token.swarm !== this.#token?.swarm || token.kind !== this.kind) {
				// Nothing of this one will come any more.
				this.events.replaced();
				return false;
			}
			this.#token = token;
			return true;
		} catch {
			return false;
		}
	}
}
