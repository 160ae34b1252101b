/**
 * The engine in a page: joins the swarm of one broadcast, keeps its connections and streams, checks every byte, and
 * gives the player playlists and parts. What to send to whom, and when HTTP has to help, the scheduler (`core`)
 * decides; here is everything that touches network and clock. Whatever goes wrong, the answer is "ask the origin".
 */

import { PartAddresses } from './addresses';
import { Core, type CoreStats, type Output } from './core';
import type { ChannelMessage, Slice } from './channel';
import { ManifestError, nobleCrypto, parseKey, parseManifest, sliceMatches, sliceSpan, verifyManifest, type Crypto, type Manifest } from './manifest';
import { HeldSlices } from './held';
import { Membership } from './membership';
import { Origin, type AccessToken, type Fetch, type SwarmToken } from './origin';
import { PlaylistModel, type Reload } from './playlist';
import type { OpenSocket, Signalling } from './signalling';
import { within } from './sleep';
import { PartStore } from './store';
import { StripeStream } from './stream';
import type { Assign } from './tracker';
import { MAX_CONNECTIONS, type PeerConnectionConstructor } from './transport';
import { Waiting } from './waiting';
import { PROTOCOL_VERSION, toHex, type Message, type PeerId, type Place } from './wire';

export interface SwarmOptions {
	/** of the video */
	uuid: string;
	/** `.../api/shoal/v1/swarms/{uuid}/token` */
	tokenUrl: string;
	/** for a video that is not open to everybody */
	accessToken?: AccessToken;
	/** the page's socket; default: an own one to the tracker that the token names */
	signalling?: Signalling;
	/** default: the browser's */
	rtc?: PeerConnectionConstructor;
	/** default: the global one */
	fetch?: Fetch;
	/** opens the own socket; default: the global `WebSocket` */
	socket?: OpenSocket;
	/** whether this viewer sends to others at all */
	upload: boolean;
	/** waited for before joining; default: what the token says */
	delay_ms?: number;
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

/** One part for the player; the bytes are a copy of its own. */
export interface PartData {
	data: ArrayBuffer;
	http_bytes: number;
	p2p_bytes: number;
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

/** A manifest comes this long after the playlist that names its part, or not at all. */
const MANIFEST_MS = 500;
/** A fetch of slices takes no longer: then another is tried. */
const FETCH_TIMEOUT_MS = 4_000;
/** The token endpoint's answer, for a notice before anything starts. Rejects with `OriginError` when there is no swarm. */
export function fetchSwarmToken(tokenUrl: string, accessToken: AccessToken | null, signal: AbortSignal): Promise<SwarmToken> {
	return new Origin(tokenUrl, (url, init) => fetch(url, init), accessToken).token(signal, () => performance.now());
}

/** `-SH0100-` and twelve random bytes. */
export function freshPeerId(): PeerId {
	const bytes = new Uint8Array(20);
	bytes.set(new TextEncoder().encode('-SH0100-'));
	crypto.getRandomValues(bytes.subarray(8));
	return toHex(bytes);
}

const NOTHING: CoreStats = {
	active: false,
	peers: 0,
	parents: 0,
	children: 0,
	slots: 0,
	depth: 0,
	http_bytes: 0,
	p2p_bytes: 0,
	upload_bytes: 0,
	duplicate_bytes: 0,
	rescued: 0,
	failovers: 0,
	banned: 0
};

export class Swarm {
	readonly peer: PeerId = freshPeerId();
	#state: SwarmState = 'idle';
	#key = new Uint8Array(0);
	#core: Core | null = null;
	readonly #member: Membership;
	readonly #origin: Origin;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#timer_ms = Infinity;
	#pumping = false;
	/** index of the rendition that plays, -1 for one that is not shared */
	#rendition = -1;
	#rendition_name: string | null = null;
	#sharable = true;
	#assign: Assign | null = null;
	#playlists = new Map<string, PlaylistModel>();
	#addresses = new PartAddresses();
	#store = new PartStore((place) => this.#wanted.settle(place, () => null));
	#held = new HeldSlices();
	#wanted = new Waiting<PartData>();
	#unknown = new Waiting<true>();
	#fetches = new Map<number, AbortController>();
	#stream: StripeStream;
	#manifests = 0;
	/** numbers of the engine that was stopped */
	#final: CoreStats = NOTHING;
	#listeners: { [K in keyof SwarmEvents]: Set<(value: SwarmEvents[K]) => void> } = { state: new Set(), active: new Set() };
	readonly #now: () => number;
	readonly #crypto: Crypto;

	constructor(private readonly options: SwarmOptions) {
		const now = options.now ?? (() => performance.now());
		this.#now = () => Math.floor(now());
		this.#crypto = options.crypto ?? nobleCrypto;
		this.#origin = new Origin(options.tokenUrl, options.fetch ?? ((url, init) => fetch(url, init)), options.accessToken ?? null);
		this.#member = new Membership(this.peer, 'live', MAX_CONNECTIONS, this.#origin, options, this.#now, {
			joining: () => ({ rendition: Math.max(0, this.#rendition), slots: this.#core?.stats().slots ?? 0, upload: options.upload }),
			assign: (assign) => this.#handleAssign(assign),
			gone: (other) => this.#run((core, at) => core.handleGone(at, other)),
			announced: (bytes) => this.#handleManifest(null, bytes),
			lost: () => {
				// What flows flows on, but manifests have to come from parents now.
				if (this.#assign) this.#assign.manifests = false;
				this.#deliverAssign();
				this.#pump();
			},
			// Another broadcast by now.
			replaced: () => this.stop(),
			leave: () => this.stop(),
			log: (line) => this.#log(line),
			opened: (from) => {
				this.#log(`${from.slice(-8)} opened`);
				this.#run((core, at) => core.handlePeerOpen(at, from));
			},
			closed: (from, why) => {
				this.#log(`${from.slice(-8)} closed: ${why}`);
				this.#run((core, at) => core.handlePeerClose(at, from));
			},
			message: (from, message) => this.#handleMessage(from, message),
			manifest: (from, bytes) => this.#handleManifest(from, bytes),
			slice: (from, slice) => this.#handleSlice(from, slice),
			buffered: (to, bytes) => this.#run((core, at) => core.handleBuffered(at, to, bytes))
		});
		this.#stream = new StripeStream(this.#origin, {
			token: (refused) => this.#member.freshToken(refused),
			opened: (open) => this.#run((core, now) => core.handleStream(now, open)),
			message: (message) => {
				if (message.type === 'manifest') this.#handleManifest(null, message.bytes);
				else if (message.type === 'slice') this.#handleSlice('origin', { ...message, data: message.payload.slice() });
			},
			newest: () => this.#store.newest,
			log: (line) => this.#log(line)
		});
	}

	// ---- for the player

	get state(): SwarmState {
		return this.#state;
	}

	/** Playback should take its parts and playlists from here: most stripes flow. */
	get active(): boolean {
		return this.#core?.stats().active ?? false;
	}

	/** What the token endpoint said, once it has. */
	get token(): SwarmToken | null {
		return this.#member.token;
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
			const joined = await this.#member.join((token) => this.#prepare(token));
			if (joined) this.#enter('joined');
			this.#pump();
			return joined;
		} catch (error) {
			if (!this.#member.ended.aborted) {
				this.#log(`not joined: ${String(error)}`);
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
		this.#member.leave();
		for (const fetching of this.#fetches.values()) fetching.abort();
		this.#stream.close();
		this.#final = { ...(this.#core?.stats() ?? NOTHING), active: false, peers: 0 };
		this.#core = null;
		this.#store.clear();
		this.#wanted.giveUp();
		this.#unknown.giveUp();
		for (const playlist of this.#playlists.values()) playlist.close();
		if (was_active) this.#tell('active', false);
	}

	/** The rendition that plays, by its playlist's name; not `sharable`: too small to be worth it (below 300 kbit/s). */
	setRendition(name: string, sharable = true): void {
		this.#rendition_name = name;
		this.#sharable = sharable;
		this.#applyRendition();
		this.#pump();
	}

	/** The origin's media playlist of `rendition`, whole or a delta update, from `url`. */
	handleOriginPlaylist(rendition: string, url: string, text: string): void {
		if (this.#state === 'stopped') return;
		let playlist = this.#playlists.get(rendition);
		if (!playlist) this.#playlists.set(rendition, (playlist = new PlaylistModel()));
		if (!playlist.handleOrigin(text)) return;
		if (rendition === this.#rendition_name) this.#addresses.learnPlaylist(url, text);
	}

	/** The playlist of `rendition` once it has what is asked for; null: ask the origin. */
	async playlist(rendition: string, reload: Reload, signal: AbortSignal): Promise<string | null> {
		if (!this.active || rendition !== this.#rendition_name) return null;
		return (await this.#playlists.get(rendition)?.playlist(reload, signal)) ?? null;
	}

	/**
	 * The part at `url`, when all of it is here: other viewers bring it, or the engine takes what is missing by HTTP in
	 * time. Null: not known here, or given up; fetch it yourself.
	 */
	async part(url: string, signal: AbortSignal): Promise<PartData | null> {
		const place = this.#addresses.place(url);
		if (!this.active || place === null) return null;
		if (!this.#store.find(place)) {
			// The origin's playlist was a little faster than the manifest.
			if (place <= this.#store.newest) return null;
			await this.#unknown.wait(place, within(signal, MANIFEST_MS));
		}
		const stored = this.#store.find(place);
		if (!stored || stored.manifest.gap || signal.aborted || !this.active) return null;
		const ready = this.#whole(place);
		if (ready) return ready;
		const whole = this.#wanted.wait(place, signal);
		this.#run((core, now) => core.handleWanted(now, place));
		return whole;
	}

	/** Programme time of the picture on screen, milliseconds since 1970; null: nothing plays. To be told a few times a second. */
	handlePlayhead(time_ms: number | null): void {
		this.#core?.handlePlayhead(this.#now(), time_ms === null ? null : Math.floor(time_ms));
		this.#pump();
	}

	stats(): SwarmStats {
		const core = this.#core?.stats() ?? this.#final;
		return { ...core, swarm_peers: this.#assign?.peers ?? 0, manifests: this.#manifests };
	}

	// ---- joining

	#prepare(token: SwarmToken): void {
		this.#key = parseKey(token.key) as Uint8Array<ArrayBuffer>;
		this.#core = new Core({
			peer: this.peer,
			stripes: token.stripes,
			upload: this.options.upload,
			ceiling_tenths: Math.round(token.uplink_ceiling * 10)
		});
		this.#applyRendition();
	}

	#applyRendition(): void {
		const core = this.#core;
		if (!core || !this.token || this.#rendition_name === null) return;
		const rendition = this.token.renditions.indexOf(this.#rendition_name);
		const shared = rendition >= 0 && this.#sharable;
		if (rendition !== this.#rendition) {
			this.#rendition = rendition;
			this.#store.clear();
			this.#held.clear();
			this.#addresses.clear();
		}
		core.handleRendition(this.#now(), Math.max(0, rendition), shared);
		this.#deliverAssign();
	}

	#handleAssign(assign: Assign): void {
		this.#assign = assign;
		const roles = assign.stripes.map((role) => `${role.stripe}<${role.root ? 'origin' : role.parent.slice(-8)}`);
		this.#log(`${assign.peers} peers, ${roles.join(' ')}`);
		this.#deliverAssign();
		this.#pump();
	}

	#deliverAssign(): void {
		if (this.#assign && this.#member.connects) this.#core?.handleAssign(this.#now(), this.#assign);
	}

	// ---- what comes in

	#handleMessage(from: PeerId, message: ChannelMessage): void {
		if (message.type === 'hello') {
			const right = message.version === PROTOCOL_VERSION && message.peer === from && message.swarm === this.token?.swarm;
			if (!right) {
				this.#member.transport?.disconnect(from);
				this.#run((core, now) => core.handlePeerClose(now, from));
				return;
			}
		}
		this.#run((core, now) => core.handleMessage(now, from, message));
	}

	/** From the tracker or the origin (null), or a peer, which is banned for a wrong one. */
	#handleManifest(from: PeerId | null, bytes: Uint8Array): void {
		const core = this.#core;
		const token = this.token;
		// The rendition is its second byte.
		if (!core || !token || bytes[1] !== this.#rendition) return;
		let manifest: Manifest;
		try {
			manifest = parseManifest(bytes, token.stripes);
			const known = this.#store.find(manifest.place);
			if (known && equal(known.manifest.bytes, manifest.bytes)) return this.#run((c, now) => c.handleManifest(now, facts(manifest), from));
			if (!verifyManifest(manifest, token.swarm, this.#key, this.#crypto)) throw new ManifestError('signature');
		} catch (error) {
			if (!(error instanceof ManifestError)) throw error;
			if (from !== null) this.#run((c, now) => c.handleSlice(now, from, this.#rendition, 0, 0, false));
			return;
		}
		this.#manifests++;
		this.#addresses.learnManifest(manifest, token.base);
		const stored = this.#store.add(manifest);
		this.#playlists.get(this.#rendition_name ?? '')?.handleManifest(manifest);
		if (stored) {
			core.handleManifest(this.#now(), facts(manifest), from);
			this.#unknown.settle(manifest.place, () => true);
			for (const held of this.#held.release(manifest.place)) this.#handleSlice(held.from, held.slice);
		}
		this.#pump();
	}

	#handleSlice(from: PeerId | 'origin' | 'http', slice: Slice): void {
		const { rendition, place, index, data } = slice;
		const core = this.#core;
		if (!core || rendition !== this.#rendition) return;
		const part = this.#store.find(place);
		if (!part) {
			if (from !== 'http' && place > this.#store.oldest) this.#held.hold(from, slice, this.#now());
			return;
		}
		const now = this.#now();
		if (part.slice(index)) {
			core.handleSlice(now, from, rendition, place, index, true);
		} else {
			const valid = sliceMatches(part.manifest, index, data, this.#crypto);
			if (valid) part.put(index, data, from === 'http' || from === 'origin' ? 'http' : 'p2p');
			core.handleSlice(now, from, rendition, place, index, valid);
		}
		this.#pump();
	}

	#whole(place: Place): PartData | null {
		const stored = this.#store.find(place);
		const data = stored?.whole();
		return stored && data ? { data, http_bytes: stored.http_bytes, p2p_bytes: stored.p2p_bytes } : null;
	}

	// ---- what the scheduler wants

	#run(input: (core: Core, now: number) => void): void {
		if (this.#core) input(this.#core, this.#now());
		this.#pump();
	}

	/** Does what the scheduler put out, and sets the timer. Outputs may lead to inputs: the outer call drains them all. */
	#pump(): void {
		const core = this.#core;
		if (!core || this.#pumping) return;
		this.#pumping = true;
		try {
			for (let output = core.pollOutput(); output && this.#core === core; output = core.pollOutput()) this.#perform(core, output);
		} finally {
			this.#pumping = false;
		}
		if (this.#core === core) this.#schedule(core.pollTimeout());
	}

	#schedule(due_ms: number): void {
		if (due_ms === this.#timer_ms) return;
		clearTimeout(this.#timer);
		this.#timer_ms = due_ms;
		if (due_ms === Infinity) return;
		this.#timer = setTimeout(() => {
			this.#timer_ms = Infinity;
			this.#run((core, now) => core.handleTimeout(now));
		}, Math.max(0, due_ms - this.#now()));
	}

	#perform(core: Core, output: Output): void {
		const { transport } = this.#member;
		switch (output.type) {
			case 'send':
				transport?.send(output.peer, this.#complete(output.message));
				break;
			case 'push': {
				const data = this.#store.find(output.place)?.slice(output.index);
				if (!data || !transport) break;
				core.handleBuffered(this.#now(), output.peer, transport.sendSlice(output.peer, { ...output, data }));
				break;
			}
			case 'manifest': {
				const bytes = this.#store.find(output.place)?.manifest.bytes;
				if (bytes) transport?.send(output.peer, { type: 'manifest', bytes });
				break;
			}
			case 'connect':
				transport?.connect(output.peer);
				break;
			case 'disconnect':
				this.#log(`${output.peer.slice(-8)} let go`);
				transport?.disconnect(output.peer);
				break;
			case 'ban':
				this.#log(`${output.peer.slice(-8)} banned`);
				transport?.ban(output.peer);
				break;
			case 'fetch':
				void this.#fetch(output);
				break;
			case 'stream':
				this.#log(`stream of ${output.stripes.join(',') || 'nothing'}`);
				this.#stream.set(output.rendition, output.stripes, output.from);
				break;
			case 'complete':
				this.#wanted.settle(output.place, () => this.#whole(output.place));
				break;
			case 'active':
				this.#handleActive(output.active);
				break;
			case 'report':
				this.#log(`report ${JSON.stringify(output.report)}`);
				this.#member.tracker?.report(output.report);
				break;
		}
	}

	#complete(message: Extract<Output, { type: 'send' }>['message']): Message {
		if (message.type !== 'hello') return message;
		return { ...message, version: PROTOCOL_VERSION, peer: this.peer, swarm: this.token?.swarm ?? '' };
	}

	#handleActive(active: boolean): void {
		this.#log(active ? 'active' : 'inactive');
		if (!active) {
			this.#wanted.giveUp();
			for (const playlist of this.#playlists.values()) playlist.close();
		}
		this.#tell('active', active);
	}

	async #fetch({ id, rendition, place, first, last }: Extract<Output, { type: 'fetch' }>): Promise<void> {
		const manifest = this.#store.find(place)?.manifest;
		const url = this.#addresses.url(place);
		const begun_ms = this.#now();
		const fetching = new AbortController();
		this.#fetches.set(id, fetching);
		let ok = false;
		try {
			if (!manifest || !url) throw new TypeError('a part that is not known');
			const start = sliceSpan(manifest, first).start;
			const end = sliceSpan(manifest, last).end;
			const data = await this.#origin.range(url, start, end, manifest.size, within(fetching.signal, FETCH_TIMEOUT_MS));
			for (let index = first; index <= last; index++) {
				const span = sliceSpan(manifest, index);
				this.#handleSlice('http', { rendition, place, index, data: data.subarray(span.start - start, span.end - start) });
			}
			ok = true;
		} catch (error) {
			this.#log(`fetch: ${String(error)}`);
		} finally {
			this.#fetches.delete(id);
		}
		this.#run((core, now) => core.handleFetched(now, id, ok, now - begun_ms));
	}

	#enter(state: SwarmState): void {
		this.#state = state;
		this.#tell('state', state);
	}

	#tell<K extends keyof SwarmEvents>(event: K, value: SwarmEvents[K]): void {
		for (const listener of this.#listeners[event]) listener(value);
	}

	#log(line: string): void {
		this.options.log?.(`swarm: ${line}`);
	}
}

function facts({ rendition, place, time_ms, duration_ms, size, slices }: Manifest): Parameters<Core['handleManifest']>[1] {
	return { rendition, place, time_ms, duration_ms, size, slices };
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
	return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
