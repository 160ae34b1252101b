/**
 * What the engines of lives and of recordings have in common: they join a swarm, give what comes in to their scheduler
 * (a core without I/O) and do what it puts out, by network and clock, and keep no byte unchecked. What is shared, and
 * how the player gets it, each of them knows by itself.
 */

import type { ChannelMessage, Slice } from './channel';
import type { Message as CoreMessage, Output } from './core';
import { ManifestError, nobleCrypto, parseKey, sliceMatches, sliceSpan, verifyManifest, type Crypto, type Manifest } from './manifest';
import { Membership, type MembershipOptions } from './membership';
import { Origin, type AccessToken, type Fetch, type SwarmToken } from './origin';
import { within } from './sleep';
import type { StoredPart } from './store';
import type { Assign } from './tracker';
import type { VodOutput } from './vod/core';
import { PROTOCOL_VERSION, toHex, type Message, type PeerId, type Place } from './wire';

export interface SwarmOptions extends MembershipOptions {
	/** of the video */
	uuid: string;
	/** `.../api/shoal/v1/swarms/{uuid}/token` */
	tokenUrl: string;
	/** for a video that is not open to everybody */
	accessToken?: AccessToken;
	/** default: the global one */
	fetch?: Fetch;
	/** whether this viewer sends to others at all */
	upload: boolean;
	/** monotonic, milliseconds; default `performance.now` */
	now?: () => number;
	/** default: runs everywhere */
	crypto?: Crypto;
	/** takes a line now and then, for developers */
	log?: (line: string) => void;
}

/** Numbers since the start. Bytes are media bytes. */
export interface SwarmStats {
	active: boolean;
	/** open connections */
	peers: number;
	/** in the swarm, as the tracker says */
	swarm_peers: number;
	/** useful bytes by where they came from; what came twice counts once */
	http_bytes: number;
	p2p_bytes: number;
	upload_bytes: number;
	/** bytes that were here already */
	duplicate_bytes: number;
	/** manifests taken in */
	manifests: number;
	parents: number;
	/** stripes of others that come from here */
	children: number;
	/** longest path to a root */
	depth: number;
	/** stripes that others may have from here */
	slots: number;
	banned: number;
	/** slices that had to come by HTTP in the end */
	rescued: number;
	failovers: number;
}

/** Whether P2P runs, and why not. */
export type SwarmState =
	| 'idle'
	| 'starting'
	/** in the swarm */
	| 'joined'
	/** the instance does not want it, or there is no swarm for this viewer */
	| 'refused'
	| 'stopped';

export interface SwarmEvents {
	state: SwarmState;
	active: boolean;
}

/** A scheduler as far as it is driven from here; `O` is all that it puts out. */
export interface Scheduler<O> {
	handlePeerOpen(now: number, peer: PeerId): void;
	handlePeerClose(now: number, peer: PeerId): void;
	handleMessage(now: number, peer: PeerId, message: CoreMessage): void;
	handleBuffered(now: number, peer: PeerId, bytes: number): void;
	handleFetched(now: number, id: number, ok: boolean, duration_ms: number): void;
	handleTimeout(now: number): void;
	pollTimeout(now: number): number;
	pollOutput(): O | null;
	stats(): { active: boolean };
}

/** What a scheduler may put out that is done in the same way for all of them. */
export type SharedOutput = Extract<
	Output | VodOutput,
	{ type: 'send' | 'push' | 'connect' | 'disconnect' | 'ban' | 'fetch' | 'abort' | 'active' | 'report' }
>;

/** Where the origin has the bytes of a part or segment. */
export interface Address {
	url: string;
	/** of the first one, in what is at `url` */
	offset: number;
	/** whether they are all that is there */
	whole: boolean;
}

/** `-SH0100-` and twelve random bytes. */
export function freshPeerId(): PeerId {
	const bytes = new Uint8Array(20);
	bytes.set(new TextEncoder().encode('-SH0100-'));
	crypto.getRandomValues(bytes.subarray(8));
	return toHex(bytes);
}

const NOTHING: SwarmStats = {
	active: false,
	peers: 0,
	swarm_peers: 0,
	http_bytes: 0,
	p2p_bytes: 0,
	upload_bytes: 0,
	duplicate_bytes: 0,
	manifests: 0,
	parents: 0,
	children: 0,
	depth: 0,
	slots: 0,
	banned: 0,
	rescued: 0,
	failovers: 0
};

export abstract class Driver<C extends Scheduler<O>, O> {
	readonly peer: PeerId = freshPeerId();
	/** there is one from joining to leaving */
	protected core: C | null = null;
	protected readonly member: Membership;
	protected readonly origin: Origin;
	/** index of the rendition that plays, -1 for one that is not shared */
	protected rendition = -1;
	protected rendition_name: string | null = null;
	protected sharable = true;
	protected assign: Assign | null = null;
	protected readonly now: () => number;
	readonly #crypto: Crypto;
	#key = new Uint8Array(0);
	#state: SwarmState = 'idle';
	#timer: ReturnType<typeof setTimeout> | undefined;
	#timer_ms = Infinity;
	#pumping = false;
	#fetches = new Map<number, AbortController>();
	#manifests = 0;
	/** numbers of the engine that was stopped */
	#final = NOTHING;
	#listeners: { [K in keyof SwarmEvents]: Set<(value: SwarmEvents[K]) => void> } = { state: new Set(), active: new Set() };

	/** `most`: connections, beyond which no offer is taken; a fetch of slices takes no longer than `fetch_timeout_ms`: then another is tried. */
	protected constructor(
		protected readonly options: SwarmOptions,
		kind: SwarmToken['kind'],
		most: number,
		private readonly fetch_timeout_ms: number
	) {
		const now = options.now ?? (() => performance.now());
		this.now = () => Math.floor(now());
		this.#crypto = options.crypto ?? nobleCrypto;
		this.origin = new Origin(options.tokenUrl, options.fetch ?? ((url, init) => fetch(url, init)), options.accessToken ?? null);
		this.member = new Membership(this.peer, kind, most, this.origin, options, this.now, {
			joining: () => ({ rendition: Math.max(0, this.rendition), slots: this.lentSlots(), upload: options.upload }),
			assign: (assign) => {
				this.assign = assign;
				this.handleAssign(assign);
			},
			gone: (other) => this.handleGone(other),
			announced: (bytes) => this.handleManifest(null, bytes),
			lost: () => this.handleLost(),
			// Another broadcast by now.
			replaced: () => this.stop(),
			leave: () => this.stop(),
			log: (line) => this.log(line),
			opened: (from) => {
				this.log(`${from.slice(-8)} opened`);
				this.run((core, at) => core.handlePeerOpen(at, from));
			},
			closed: (from, why) => {
				this.log(`${from.slice(-8)} closed: ${why}`);
				this.run((core, at) => core.handlePeerClose(at, from));
			},
			message: (from, message) => this.#handleMessage(from, message),
			manifest: (from, bytes) => this.handleManifest(from, bytes),
			slice: (from, slice) => this.handleSlice(from, slice),
			buffered: (to, bytes) => this.run((core, at) => core.handleBuffered(at, to, bytes))
		});
	}

	// ---- for the player

	get state(): SwarmState {
		return this.#state;
	}

	/** Playback should take what it needs from here: it comes from others. */
	get active(): boolean {
		return this.core?.stats().active ?? false;
	}

	/** What the token endpoint said, once it has. */
	get token(): SwarmToken | null {
		return this.member.token;
	}

	/** Calls `listener` on each change; returns what ends that. */
	on<K extends keyof SwarmEvents>(event: K, listener: (value: SwarmEvents[K]) => void): () => void {
		this.#listeners[event].add(listener);
		return () => this.#listeners[event].delete(listener);
	}

	/** Gets the token, waits for the delay that it names, and joins. Resolves to whether it did; never rejects. */
	async start(): Promise<boolean> {
		if (this.#state !== 'idle') return this.#state === 'joined';
		this.#enter('starting');
		try {
			const joined = await this.member.join((token) => this.#prepare(token));
			if (joined) this.#enter('joined');
			this.#pump();
			return joined;
		} catch (error) {
			if (!this.member.ended.aborted) {
				this.log(`not joined: ${String(error)}`);
				this.#enter('refused');
			}
			return false;
		}
	}

	/** Leaves: BYE to all, everything closed, all promises kept by "ask the origin". For good. */
	stop(): void {
		if (this.#state === 'stopped') return;
		const was_active = this.active;
		this.#enter('stopped');
		clearTimeout(this.#timer);
		this.member.leave();
		for (const fetching of this.#fetches.values()) fetching.abort();
		this.#final = { ...this.stats(), active: false, peers: 0 };
		this.core = null;
		this.clear();
		this.giveUp();
		if (was_active) this.#tell('active', false);
	}

	/** The rendition that plays, by its playlist's name; not `sharable`: too small to be worth it (below 300 kbit/s). */
	setRendition(name: string, sharable = true): void {
		this.rendition_name = name;
		this.sharable = sharable;
		this.run((core, now) => this.applyRendition(core, now));
	}

	stats(): SwarmStats {
		if (!this.core) return { ...this.#final };
		return { ...this.numbersOf(this.core), swarm_peers: this.assign?.peers ?? 0, manifests: this.#manifests };
	}

	// ---- what each engine has of its own

	/** A scheduler for the swarm of `token`; `ceiling_tenths`: of the stream's rate, at most, is sent to others. */
	protected abstract makeCore(token: SwarmToken, ceiling_tenths: number): C;

	/** Does one of the scheduler's outputs; what is done for all in the same way, by `performShared`. */
	protected abstract perform(output: O): void;

	/** Tells the scheduler which rendition plays, if that is known. */
	protected abstract applyRendition(core: C, now: number): void;

	/** What the tracker assigned is in `assign`. */
	protected abstract handleAssign(assign: Assign): void;

	/** A slice has come whose hash is still to be checked. */
	protected abstract handleSlice(from: PeerId | 'http', slice: Slice): void;

	/** The part or segment at that place, with the slices that are here; null: it is not known. */
	protected abstract find(rendition: number, place: Place): StoredPart | null;

	protected abstract addressOf(rendition: number, place: Place): Address | null;

	/** Nothing will come from others: whoever waits for it is told so. */
	protected abstract giveUp(): void;

	/** For good: everything is forgotten and closed. */
	protected abstract clear(): void;

	/** What the scheduler counts. */
	protected abstract numbersOf(core: C): Omit<SwarmStats, 'swarm_peers' | 'manifests'>;

	/** Stripes that the tracker may give to others from here. */
	protected lentSlots(): number {
		return 0;
	}

	/** The tracker says that a peer has left. */
	protected handleGone(_peer: PeerId): void {}

	/** The tracker cannot be reached any more. */
	protected handleLost(): void {}

	/** From the tracker or the origin (null), or a peer. */
	protected handleManifest(_from: PeerId | null, _bytes: Uint8Array): void {}

	// ---- what they have in common

	/** Gives something to the scheduler, if there is one, and does what it puts out. */
	protected run(input: (core: C, now: number) => void): void {
		if (this.core) input(this.core, this.now());
		this.#pump();
	}

	protected performShared(output: SharedOutput): void {
		const { transport } = this.member;
		switch (output.type) {
			case 'send':
				transport?.send(output.peer, this.#complete(output.message));
				break;
			case 'push': {
				const data = this.find(output.rendition, output.place)?.slice(output.index);
				if (!data || !transport) break;
				this.core?.handleBuffered(this.now(), output.peer, transport.sendSlice(output.peer, { ...output, data }));
				break;
			}
			case 'connect':
				transport?.connect(output.peer);
				break;
			case 'disconnect':
				this.log(`${output.peer.slice(-8)} let go`);
				transport?.disconnect(output.peer);
				break;
			case 'ban':
				this.log(`${output.peer.slice(-8)} banned`);
				transport?.ban(output.peer);
				break;
			case 'fetch':
				void this.#fetch(output);
				break;
			case 'abort':
				this.#fetches.get(output.id)?.abort();
				break;
			case 'active':
				this.log(output.active ? 'active' : 'inactive');
				if (!output.active) this.giveUp();
				this.#tell('active', output.active);
				break;
			case 'report':
				this.log(`report ${JSON.stringify(output.report)}`);
				this.member.tracker?.report(output.report);
				break;
		}
	}

	/** Counts a manifest that the origin signed; throws `ManifestError` for any other. */
	protected verify(manifest: Manifest, token: SwarmToken): void {
		if (!verifyManifest(manifest, token.swarm, this.#key, this.#crypto)) throw new ManifestError('signature');
		this.#manifests++;
	}

	/** Whether `data` is that slice; then it is kept. One that is here already is not looked at. */
	protected put(stored: StoredPart, index: number, data: Uint8Array, source: 'http' | 'p2p'): boolean {
		if (stored.slice(index)) return true;
		const valid = sliceMatches(stored.manifest, index, data, this.#crypto);
		if (valid) stored.put(index, data, source);
		return valid;
	}

	protected log(line: string): void {
		this.options.log?.(`swarm: ${line}`);
	}

	#prepare(token: SwarmToken): void {
		this.#key = parseKey(token.key) as Uint8Array<ArrayBuffer>;
		this.core = this.makeCore(token, Math.round(token.uplink_ceiling * 10));
		this.applyRendition(this.core, this.now());
	}

	#handleMessage(from: PeerId, message: ChannelMessage): void {
		if (message.type === 'hello') {
			const right = message.version === PROTOCOL_VERSION && message.peer === from && message.swarm === this.token?.swarm;
			if (!right) {
				this.member.transport?.disconnect(from);
				return this.run((core, now) => core.handlePeerClose(now, from));
			}
		}
		this.run((core, now) => core.handleMessage(now, from, message));
	}

	#complete(message: CoreMessage): Message {
		if (message.type !== 'hello') return message;
		return { ...message, version: PROTOCOL_VERSION, peer: this.peer, swarm: this.token?.swarm ?? '' };
	}

	/** Does what the scheduler put out, and sets the timer. Outputs may lead to inputs: the outer call drains them all. */
	#pump(): void {
		const { core } = this;
		if (!core || this.#pumping) return;
		this.#pumping = true;
		try {
			for (let output = core.pollOutput(); output !== null && this.core === core; output = core.pollOutput()) this.perform(output);
		} finally {
			this.#pumping = false;
		}
		if (this.core === core) this.#schedule(core.pollTimeout(this.now()));
	}

	#schedule(due_ms: number): void {
		if (due_ms === this.#timer_ms) return;
		clearTimeout(this.#timer);
		this.#timer_ms = due_ms;
		if (due_ms === Infinity) return;
		this.#timer = setTimeout(() => {
			this.#timer_ms = Infinity;
			this.run((core, now) => core.handleTimeout(now));
		}, Math.max(0, due_ms - this.now()));
	}

	async #fetch({ id, rendition, place, first, last }: Extract<SharedOutput, { type: 'fetch' }>): Promise<void> {
		const stored = this.find(rendition, place);
		const address = this.addressOf(rendition, place);
		const begun_ms = this.now();
		const fetching = new AbortController();
		this.#fetches.set(id, fetching);
		let ok = false;
		try {
			if (!stored || !address) throw new TypeError('a part that is not known');
			const { manifest } = stored;
			const { start } = sliceSpan(manifest, first);
			const { end } = sliceSpan(manifest, last);
			const { url, offset, whole } = address;
			const signal = within(fetching.signal, this.fetch_timeout_ms);
			const data = await this.origin.range(url, offset + start, offset + end, whole ? manifest.size : null, signal);
			stored.http_ms += this.now() - begun_ms;
			for (let index = first; index <= last; index++) {
				const span = sliceSpan(manifest, index);
				this.handleSlice('http', { rendition, place, index, data: data.subarray(span.start - start, span.end - start) });
			}
			ok = true;
		} catch (error) {
			if (!fetching.signal.aborted) this.log(`fetch: ${String(error)}`);
		} finally {
			this.#fetches.delete(id);
		}
		this.run((core, now) => core.handleFetched(now, id, ok, now - begun_ms));
	}

	#enter(state: SwarmState): void {
		this.#state = state;
		this.#tell('state', state);
	}

	#tell<K extends keyof SwarmEvents>(event: K, value: SwarmEvents[K]): void {
		for (const listener of this.#listeners[event]) listener(value);
	}
}
