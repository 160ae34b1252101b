/**
 * The engine in a page that plays a recording: keeps the segments near the playhead, and gives the player those that
 * others sent. What to ask of whom, and when HTTP has to help, the scheduler (`core`) decides. Whatever goes wrong, the
 * answer is "ask the origin".
 */

import type { Slice } from '../channel';
import { Driver, type Address, type SwarmOptions, type SwarmStats } from '../driver';
import { parseManifest, sliceSpan } from '../manifest';
import type { SwarmToken } from '../origin';
import { sleep, within } from '../sleep';
import { StoredPart } from '../store';
import type { PartData } from '../swarm';
import type { Assign } from '../tracker';
import { Waiting } from '../waiting';
import type { PeerId, Place } from '../wire';
import { keyOf, VodCore, type VodOutput } from './core';
import { Timeline } from './timeline';

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

export class VodSwarm extends Driver<VodCore, VodOutput> {
	#timelines = new Map<string, Timeline>();
	#stored = new Map<number, StoredPart>();
	#unchecked = new Map<number, Uint8Array>();
	#unchecked_bytes = 0;
	#wanted = new Waiting<SegmentData>();

	constructor(options: SwarmOptions) {
		super(options, 'vod', MAX_TAKEN, FETCH_TIMEOUT_MS);
	}

	// ---- for the player

	/** The origin's media playlist of `rendition`, from `url`. */
	handleOriginPlaylist(rendition: string, url: string, text: string): void {
		if (this.state === 'stopped' || (this.#timelines.size >= MAX_TIMELINES && !this.#timelines.has(rendition))) return;
		const timeline = Timeline.parse(text, url);
		if (!timeline) return;
		this.#timelines.set(rendition, timeline);
		if (rendition === this.rendition_name) this.run((core, now) => this.applyRendition(core, now));
	}

	/**
	 * Segment `index` (media sequence number), when all of it is here within `within_ms`: others bring it, or the engine takes
	 * what is missing by HTTP in time. Null: not known here, or given up; fetch it yourself.
	 */
	async segment(rendition: string, index: number, within_ms: number, signal: AbortSignal): Promise<SegmentData | null> {
		if (!this.active || rendition !== this.rendition_name || this.rendition < 0) return null;
		const key = keyOf(this.rendition, index);
		const ready = this.#whole(key);
		if (ready || !this.#stored.has(key)) return ready;
		const waiting = this.#wanted.wait(key, signal);
		this.run((core, now) => core.handleWanted(now, index, now + Math.floor(within_ms)));
		const data = await waiting;
		if (!data) this.core?.handleUnwanted(index);
		return data;
	}

	/**
	 * The player fetches that segment by itself: nobody else is to bring it. What is returned takes its bytes, for others to
	 * have, or null when there are none; to be called once. Null: not joined yet.
	 */
	fetching(rendition: string, index: number): ((data: ArrayBuffer | null) => void) | null {
		if (this.state === 'idle' || this.state === 'starting') return null;
		const number = this.token?.renditions.indexOf(rendition) ?? -1;
		if (!this.core || number < 0) return () => undefined;
		const key = keyOf(number, index);
		this.run((core, now) => core.handleOwn(now, number, index));
		return (data) => {
			// A copy: whoever gets the segment may take the buffer away.
			if (data && this.core) this.#handleOwn(key, new Uint8Array(data.slice(0)));
			this.run((core, now) => core.handleOwnEnd(now, number, index));
		};
	}

	/** Milliseconds since the video's beginning of the picture on screen, and up to where the player has everything. To be told a few times a second, and on each seek. */
	handlePlayhead(position_ms: number | null, buffered_ms: number): void {
		this.run((core, now) => core.handlePlayhead(now, position_ms === null ? null : Math.floor(position_ms), Math.floor(buffered_ms)));
	}

	// ---- joining

	protected makeCore(_token: SwarmToken, ceiling_tenths: number): VodCore {
		return new VodCore({ peer: this.peer, upload: this.options.upload, ceiling_tenths });
	}

	protected applyRendition(core: VodCore, now: number): void {
		const { token, rendition_name: name } = this;
		if (!token || name === null) return;
		const timeline = this.#timelines.get(name);
		this.rendition = timeline && this.sharable ? token.renditions.indexOf(name) : -1;
		if (timeline && this.rendition >= 0) core.handleRendition(now, this.rendition, timeline.first, timeline.segments, timeline.rate);
		else core.handleNoRendition(now);
	}

	protected handleAssign({ peers, neighbours }: Assign): void {
		this.log(`${peers} peers, ${neighbours.length} neighbours`);
		if (this.member.connects) this.run((core, now) => core.handleAssign(now, neighbours));
	}

	protected numbersOf(core: VodCore): Omit<SwarmStats, 'swarm_peers' | 'manifests'> {
		const { givers, takers, ...numbers } = core.stats();
		return { ...numbers, parents: givers, children: takers, depth: 0 };
	}

	// ---- what comes in

	protected handleSlice(from: PeerId | 'http', { rendition, place, index, data }: Slice): void {
		this.run((core, now) => {
			const by_http = from === 'http';
			if (!by_http && !core.expects(from, rendition, place, index)) return core.handleUnasked(now, from, data.length);
			const stored = this.find(rendition, place);
			// What is of no use any more is not looked at.
			const valid = !stored || this.put(stored, index, data, by_http ? 'http' : 'p2p');
			core.handleSlice(now, from, rendition, place, index, valid);
		});
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
			if (stored.slice(index) || !this.put(stored, index, data.subarray(start, end), 'http')) continue;
			this.run((core, now) => core.handleSlice(now, 'player', manifest.rendition, manifest.place, index, true));
		}
	}

	/** Answers the index of the segment that can be shared now; -1: none. Throws `ManifestError`. */
	#learn(bytes: Uint8Array, rendition: number, timeline: Timeline): number {
		const { token } = this;
		if (!token) return -1;
		const manifest = parseManifest(bytes, token.stripes);
		const index = manifest.place >>> 10;
		const segment = timeline.at(index);
		const key = keyOf(rendition, index);
		// A manifest of other bytes than the playlist's is none of this segment.
		if (manifest.rendition !== rendition || !segment || (segment.size !== null && segment.size !== manifest.size)) return -1;
		if (this.#stored.has(key)) return index;
		this.verify(manifest, token);
		this.#stored.set(key, new StoredPart(manifest));
		const { place, size, slices } = manifest;
		this.run((core) => core.handleManifest({ rendition, place, size, slices }));
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

	protected perform(output: VodOutput): void {
		switch (output.type) {
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
			default:
				this.performShared(output);
		}
	}

	protected find(rendition: number, place: Place): StoredPart | null {
		return this.#stored.get(keyOf(rendition, place >>> 10)) ?? null;
	}

	protected addressOf(rendition: number, place: Place): Address | null {
		const segment = this.#timelines.get(this.token?.renditions[rendition] ?? '')?.at(place >>> 10);
		return segment ? { url: segment.url, offset: segment.offset, whole: segment.size === null } : null;
	}

	async #fetchManifests({ rendition, from, count }: Extract<VodOutput, { type: 'manifests' }>): Promise<void> {
		const { ended } = this.member;
		const timeline = this.#timelines.get(this.token?.renditions[rendition] ?? '');
		const absent = new Set(Array.from({ length: count }, (_, at) => from + at));
		let ok = false;
		try {
			if (!timeline) throw new TypeError('a rendition that is not known');
			const token = await this.member.freshToken(false);
			const manifests: Uint8Array[] = [];
			await this.origin.manifests({ rendition, from, count, token }, within(ended, FETCH_TIMEOUT_MS), (manifest) => manifests.push(manifest.slice()));
			for (let at = 0; at < Math.min(count, manifests.length) && !ended.aborted; at++) {
				if (at > 0 && at % AT_ONCE === 0) await sleep(1, ended);
				absent.delete(this.#learn(manifests[at]!, rendition, timeline));
			}
			ok = true;
		} catch (error) {
			if (!ended.aborted) this.log(`manifests: ${String(error)}`);
		}
		this.run((core, now) => core.handleManifests(now, rendition, ok ? [...absent] : null));
	}

	protected giveUp(): void {
		this.#wanted.giveUp();
	}

	protected clear(): void {
		this.#stored.clear();
		this.#unchecked.clear();
	}
}
