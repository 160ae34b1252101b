/**
 * The engine in a page that plays a recording: joins its swarm, checks every byte, and gives the player segments that
 * others sent. What to ask of whom, and when HTTP has to help, the scheduler (`core`) decides; here is everything that
 * touches network and clock. Whatever goes wrong, the answer is "ask the origin".
 */

import type { ChannelMessage, Slice } from '../channel';
import { ManifestError, nobleCrypto, parseKey, parseManifest, sliceMatches, sliceSpan, verifyManifest, type Crypto } from '../manifest';
import { Membership } from '../membership';
import { Origin, type SwarmToken } from '../origin';
import { sleep, within } from '../sleep';
import { StoredPart } from '../store';
import { freshPeerId, type PartData, type SwarmEvents, type SwarmOptions, type SwarmState, type SwarmStats } from '../swarm';
import type { Assign } from '../tracker';
import { Waiting } from '../waiting';
import { placeOf, PROTOCOL_VERSION, type Message, type PeerId } from '../wire';
import { VodCore } from './core';
import { keyOf } from './segment';
import { Timeline } from './timeline';
import type { VodOutput, VodStats } from './types';

/** Offers of others are taken up to this many connections. */
const MAX_TAKEN = 24;
/** A fetch of slices takes no longer: a few seconds of video on a link that just carries it. */
const FETCH_TIMEOUT_MS = 10_000;
/** Segments of the player's that wait for their manifests. */
const MAX_UNCHECKED_BYTES = 16_000_000;
/** Playlists kept: one for each rendition. */
const MAX_TIMELINES = 16;
/** Signatures checked at a time: each takes a millisecond or some. */
const AT_ONCE = 4;

/** One segment for the player. */
export interface SegmentData extends PartData {
	/** how long those of its bytes took that came by HTTP */
	http_ms: number;
}

class Stored extends StoredPart {
	http_ms = 0;
}

const NOTHING: VodStats = {
	active: false,
	peers: 0,
	givers: 0,
	takers: 0,
	slots: 0,
	http_bytes: 0,
	p2p_bytes: 0,
	upload_bytes: 0,
	duplicate_bytes: 0,
	rescued: 0,
	failovers: 0,
	banned: 0,
	cached_bytes: 0
};

export class VodSwarm {
	readonly peer: PeerId = freshPeerId();
	#state: SwarmState = 'idle';
	#core: VodCore | null = null;
	readonly #member: Membership;
	readonly #origin: Origin;
	#key = new Uint8Array(0);
	#timer: ReturnType<typeof setTimeout> | undefined;
	#timer_ms = Infinity;
	#pumping = false;
	#rendition = -1;
	#rendition_name: string | null = null;
	#sharable = true;
	#assign: Assign | null = null;
	#timelines = new Map<string, Timeline>();
	#stored = new Map<number, Stored>();
	#unchecked = new Map<number, Uint8Array>();
	#unchecked_bytes = 0;
	#wanted = new Waiting<SegmentData>();
	#fetches = new Map<number, AbortController>();
	#manifests = 0;
	/** numbers of the engine that was stopped */
	#final: VodStats = NOTHING;
	#listeners: { [K in keyof SwarmEvents]: Set<(value: SwarmEvents[K]) => void> } = { state: new Set(), active: new Set() };
	readonly #now: () => number;
	readonly #crypto: Crypto;

	constructor(private readonly options: SwarmOptions) {
		const now = options.now ?? (() => performance.now());
		this.#now = () => Math.floor(now());
		this.#crypto = options.crypto ?? nobleCrypto;
		this.#origin = new Origin(options.tokenUrl, options.fetch ?? ((url, init) => fetch(url, init)), options.accessToken ?? null);
		this.#member = new Membership(this.peer, 'vod', MAX_TAKEN, this.#origin, options, this.#now, {
			joining: () => ({ rendition: Math.max(0, this.#rendition), slots: 0, upload: options.upload }),
			assign: (assign) => this.#handleAssign(assign),
			gone: () => undefined,
			announced: () => undefined,
			lost: () => undefined,
			replaced: () => this.stop(),
			leave: () => this.stop(),
			log: (line) => this.#log(line),
			opened: (from) => this.#run((core, at) => core.handlePeerOpen(at, from)),
			closed: (from, why) => {
				this.#log(`${from.slice(-8)} closed: ${why}`);
				this.#run((core, at) => core.handlePeerClose(at, from));
			},
			message: (from, message) => this.#handleMessage(from, message),
			manifest: () => undefined,
			slice: (from, slice) => this.#handleSlice(from, slice),
			buffered: (to, bytes) => this.#run((core, at) => core.handleBuffered(at, to, bytes))
		});
	}

	// ---- for the player

	get state(): SwarmState {
		return this.#state;
	}

	/** Playback should ask for its segments here: others are connected. */
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
		this.#final = { ...(this.#core?.stats() ?? NOTHING), active: false, peers: 0, cached_bytes: 0 };
		this.#core = null;
		this.#stored.clear();
		this.#unchecked.clear();
		this.#wanted.giveUp();
		if (was_active) this.#tell('active', false);
	}

	/** The rendition that plays, by its playlist's name; not `sharable`: too small to be worth it. */
	setRendition(name: string, sharable = true): void {
		this.#rendition_name = name;
		this.#sharable = sharable;
		this.#applyRendition();
	}

	/** The origin's media playlist of `rendition`, from `url`. */
	handleOriginPlaylist(rendition: string, url: string, text: string): void {
		if (this.#state === 'stopped' || (this.#timelines.size >= MAX_TIMELINES && !this.#timelines.has(rendition))) return;
		const timeline = Timeline.parse(text, url);
		if (!timeline) return;
		this.#timelines.set(rendition, timeline);
		if (rendition === this.#rendition_name) this.#applyRendition();
	}

	/**
	 * Segment `index` (media sequence number), when all of it is here within `within_ms`: others bring it, or the engine takes
	 * what is missing by HTTP in time. Null: not known here, or given up; fetch it yourself.
	 */
	async segment(rendition: string, index: number, within_ms: number, signal: AbortSignal): Promise<SegmentData | null> {
		if (!this.active || rendition !== this.#rendition_name || this.#rendition < 0) return null;
		const key = keyOf(this.#rendition, index);
		const ready = this.#whole(key);
		if (ready || !this.#stored.has(key)) return ready;
		const waiting = this.#wanted.wait(key, signal);
		this.#run((core, now) => core.handleWanted(now, index, now + Math.floor(within_ms)));
		const data = await waiting;
		if (!data) this.#core?.handleUnwanted(index);
		return data;
	}

	/**
	 * The player fetches that segment by itself: nobody else is to bring it. What is returned takes its bytes, for others to
	 * have, or null when there are none; to be called once. Null: not joined yet.
	 */
	fetching(rendition: string, index: number): ((data: ArrayBuffer | null) => void) | null {
		if (this.#state === 'idle' || this.#state === 'starting') return null;
		const number = this.token?.renditions.indexOf(rendition) ?? -1;
		if (!this.#core || number < 0) return () => undefined;
		const key = keyOf(number, index);
		this.#run((core, now) => core.handleOwn(now, number, index));
		return (data) => {
			// A copy: whoever gets the segment may take the buffer away.
			if (data && this.#core) this.#handleOwn(key, new Uint8Array(data.slice(0)));
			this.#run((core, now) => core.handleOwnEnd(now, number, index));
		};
	}

	/** Milliseconds since the video's beginning of the picture on screen, and up to where the player has everything. To be told a few times a second, and on each seek. */
	handlePlayhead(position_ms: number | null, buffered_ms: number): void {
		this.#run((core, now) => core.handlePlayhead(now, position_ms === null ? null : Math.floor(position_ms), Math.floor(buffered_ms)));
	}

	stats(): SwarmStats {
		const { givers, takers, ...core } = this.#core?.stats() ?? this.#final;
		return { ...core, parents: givers, children: takers, depth: 0, swarm_peers: this.#assign?.peers ?? 0, manifests: this.#manifests };
	}

	// ---- joining

	#prepare(token: SwarmToken): void {
		this.#key = parseKey(token.key) as Uint8Array<ArrayBuffer>;
		this.#core = new VodCore({ peer: this.peer, upload: this.options.upload, ceiling_tenths: Math.round(token.uplink_ceiling * 10) });
		this.#applyRendition();
	}

	#applyRendition(): void {
		const { token } = this;
		const name = this.#rendition_name;
		if (!this.#core || !token || name === null) return;
		const timeline = this.#timelines.get(name);
		this.#rendition = timeline && this.#sharable ? token.renditions.indexOf(name) : -1;
		this.#run((core, now) => {
			if (timeline && this.#rendition >= 0) core.handleRendition(now, this.#rendition, timeline.first, timeline.segments, timeline.rate);
			else core.handleNoRendition(now);
		});
	}

	#handleAssign(assign: Assign): void {
		this.#assign = assign;
		this.#log(`${assign.peers} peers, ${assign.neighbours.length} neighbours`);
		if (this.#member.connects) this.#run((core, now) => core.handleAssign(now, assign.neighbours));
	}

	// ---- what comes in

	#handleMessage(from: PeerId, message: ChannelMessage): void {
		if (message.type === 'hello') {
			const right = message.version === PROTOCOL_VERSION && message.peer === from && message.swarm === this.token?.swarm;
			if (!right) {
				this.#member.transport?.disconnect(from);
				return this.#run((core, now) => core.handlePeerClose(now, from));
			}
		}
		this.#run((core, now) => core.handleMessage(now, from, message));
	}

	#handleSlice(from: PeerId, { rendition, place, index, data }: Slice): void {
		this.#run((core, now) => {
			if (!core.expects(from, rendition, place, index)) return core.handleUnasked(now, from, data.length);
			core.handleSlice(now, from, rendition, place, index, this.#put(keyOf(rendition, place >>> 10), index, data, 'p2p'));
		});
	}

	/** Whether `data` is that slice; then it is kept. One that is here already, or of no use any more, is not looked at. */
	#put(key: number, index: number, data: Uint8Array, source: 'http' | 'p2p'): boolean {
		const stored = this.#stored.get(key);
		if (!stored || stored.slice(index)) return true;
		const valid = sliceMatches(stored.manifest, index, data, this.#crypto);
		if (valid) stored.put(index, data, source);
		return valid;
	}

	#handleOwn(key: number, data: Uint8Array): void {
		const stored = this.#stored.get(key);
		if (!stored) {
			// Its manifest is on its way, or there is none.
			if (this.#unchecked_bytes + data.length > MAX_UNCHECKED_BYTES) {
				this.#unchecked.clear();
				this.#unchecked_bytes = 0;
			}
			if (data.length <= MAX_UNCHECKED_BYTES && !this.#unchecked.has(key)) {
				this.#unchecked.set(key, data);
				this.#unchecked_bytes += data.length;
			}
			return;
		}
		const { manifest } = stored;
		if (data.length !== manifest.size) return;
		for (let index = 0; index < manifest.slices; index++) {
			const { start, end } = sliceSpan(manifest, index);
			if (stored.slice(index) || !this.#put(key, index, data.subarray(start, end), 'http')) continue;
			this.#run((core, now) => core.handleSlice(now, 'player', manifest.rendition, manifest.place, index, true));
		}
	}

	/** Answers the index of the segment that can be shared now; -1: none. Throws `ManifestError`. */
	#handleManifest(bytes: Uint8Array, rendition: number, timeline: Timeline): number {
		const { token } = this;
		if (!token) return -1;
		const manifest = parseManifest(bytes, token.stripes);
		const index = manifest.place >>> 10;
		const segment = timeline.at(index);
		const key = keyOf(rendition, index);
		// A manifest of other bytes than the playlist's is none of this segment.
		if (manifest.rendition !== rendition || !segment || (segment.size !== null && segment.size !== manifest.size)) return -1;
		if (this.#stored.has(key)) return index;
		if (!verifyManifest(manifest, token.swarm, this.#key, this.#crypto)) throw new ManifestError('signature');
		this.#manifests++;
		this.#stored.set(key, new Stored(manifest));
		const { place, size, slices } = manifest;
		this.#run((core) => core.handleManifest({ rendition, place, size, slices }));
		const own = this.#unchecked.get(key);
		if (own) {
			this.#unchecked.delete(key);
			this.#unchecked_bytes -= own.length;
			this.#handleOwn(key, own);
		}
		return index;
	}

	#whole(key: number): SegmentData | null {
		const stored = this.#stored.get(key);
		const data = stored?.whole();
		return stored && data ? { data, http_bytes: stored.http_bytes, p2p_bytes: stored.p2p_bytes, http_ms: stored.http_ms } : null;
	}

	// ---- what the scheduler wants

	#run(input: (core: VodCore, now: number) => void): void {
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
		if (this.#core === core) this.#schedule(core.pollTimeout(this.#now()));
	}

	#schedule(due_ms: number): void {
		if (due_ms === this.#timer_ms) return;
		clearTimeout(this.#timer);
		this.#timer_ms = due_ms;
		this.#timer = setTimeout(() => {
			this.#timer_ms = Infinity;
			this.#run((core, now) => core.handleTimeout(now));
		}, Math.max(1, due_ms - this.#now()));
	}

	#perform(core: VodCore, output: VodOutput): void {
		const { transport } = this.#member;
		switch (output.type) {
			case 'send':
				transport?.send(output.peer, this.#complete(output.message));
				break;
			case 'push': {
				const data = this.#stored.get(keyOf(output.rendition, output.place >>> 10))?.slice(output.index);
				if (!data || !transport) break;
				core.handleBuffered(this.#now(), output.peer, transport.sendSlice(output.peer, { ...output, data }));
				break;
			}
			case 'connect':
				transport?.connect(output.peer);
				break;
			case 'disconnect':
				transport?.disconnect(output.peer);
				break;
			case 'ban':
				this.#log(`${output.peer.slice(-8)} banned`);
				transport?.ban(output.peer);
				break;
			case 'fetch':
				void this.#fetch(output);
				break;
			case 'abort':
				this.#fetches.get(output.id)?.abort();
				break;
			case 'manifests':
				void this.#fetchManifests(output);
				break;
			case 'complete': {
				const key = keyOf(output.rendition, output.place >>> 10);
				this.#wanted.settle(key, () => this.#whole(key));
				break;
			}
			case 'failed':
				this.#wanted.settle(keyOf(output.rendition, output.place >>> 10), () => null);
				break;
			case 'drop':
				this.#stored.delete(keyOf(output.rendition, output.place >>> 10));
				break;
			case 'active':
				this.#log(output.active ? 'active' : 'inactive');
				if (!output.active) this.#wanted.giveUp();
				this.#tell('active', output.active);
				break;
			case 'report':
				this.#log(`report ${JSON.stringify(output.report)}`);
				this.#member.tracker?.report(output.report);
				break;
		}
	}

	#complete(message: Extract<VodOutput, { type: 'send' }>['message']): Message {
		if (message.type !== 'hello') return message;
		return { ...message, version: PROTOCOL_VERSION, peer: this.peer, swarm: this.token?.swarm ?? '' };
	}

	async #fetch({ id, rendition, place, first, last }: Extract<VodOutput, { type: 'fetch' }>): Promise<void> {
		const key = keyOf(rendition, place >>> 10);
		const stored = this.#stored.get(key);
		const segment = this.#timelines.get(this.token?.renditions[rendition] ?? '')?.at(place >>> 10);
		const begun_ms = this.#now();
		const fetching = new AbortController();
		this.#fetches.set(id, fetching);
		let ok = false;
		try {
			if (!stored || !segment) throw new TypeError('a segment that is not known');
			const { manifest } = stored;
			const start = sliceSpan(manifest, first).start;
			const end = sliceSpan(manifest, last).end;
			const size = segment.size === null ? manifest.size : null;
			const signal = within(fetching.signal, FETCH_TIMEOUT_MS);
			const data = await this.#origin.range(segment.url, segment.offset + start, segment.offset + end, size, signal);
			stored.http_ms += this.#now() - begun_ms;
			for (let index = first; index <= last; index++) {
				const span = sliceSpan(manifest, index);
				const valid = this.#put(key, index, data.subarray(span.start - start, span.end - start), 'http');
				this.#run((core, now) => core.handleSlice(now, 'http', rendition, place, index, valid));
			}
			ok = true;
		} catch (error) {
			if (!fetching.signal.aborted) this.#log(`fetch: ${String(error)}`);
		} finally {
			this.#fetches.delete(id);
		}
		this.#run((core, now) => core.handleFetched(now, id, ok, now - begun_ms));
	}

	async #fetchManifests({ rendition, from, count }: Extract<VodOutput, { type: 'manifests' }>): Promise<void> {
		const { ended } = this.#member;
		const timeline = this.#timelines.get(this.token?.renditions[rendition] ?? '');
		const absent = new Set(Array.from({ length: count }, (_, at) => from + at));
		let ok = false;
		try {
			if (!timeline) throw new TypeError('a rendition that is not known');
			const token = await this.#member.freshToken(false);
			const manifests: Uint8Array[] = [];
			await this.#origin.manifests({ rendition, from, count, token }, within(ended, FETCH_TIMEOUT_MS), (manifest) => manifests.push(manifest.slice()));
			for (let at = 0; at < Math.min(count, manifests.length) && !ended.aborted; at++) {
				if (at > 0 && at % AT_ONCE === 0) await sleep(1, ended);
				absent.delete(this.#handleManifest(manifests[at]!, rendition, timeline));
			}
			ok = true;
		} catch (error) {
			if (!ended.aborted) this.#log(`manifests: ${String(error)}`);
		}
		this.#run((core, now) => core.handleManifests(now, rendition, ok ? [...absent] : null));
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
