/**
 * The engine in a page that plays a live: keeps the newest parts of one broadcast, and gives the player playlists and
 * parts. What to send to whom, and when HTTP has to help, the scheduler (`core`) decides. Whatever goes wrong, the
 * answer is "ask the origin".
 */

import { PartAddresses } from './addresses';
import type { Slice } from './channel';
import { Core, type Output } from './core';
import { Driver, type Address, type SwarmOptions, type SwarmStats } from './driver';
import { HeldSlices } from './held';
import { ManifestError, parseManifest, type Manifest } from './manifest';
import type { SwarmToken } from './origin';
import { PlaylistModel, type Reload } from './playlist';
import { within } from './sleep';
import { PartStore, type StoredPart } from './store';
import { StripeStream } from './stream';
import type { Assign } from './tracker';
import { MAX_CONNECTIONS } from './transport';
import { Waiting } from './waiting';
import type { PeerId, Place } from './wire';

/** One part for the player; the bytes are a copy of its own. */
export interface PartData {
	data: ArrayBuffer;
	http_bytes: number;
	p2p_bytes: number;
}

/** A manifest comes this long after the playlist that names its part, or not at all. */
const MANIFEST_MS = 500;
/** A fetch of slices takes no longer: then another is tried. */
const FETCH_TIMEOUT_MS = 4_000;

export class Swarm extends Driver<Core, Output> {
	#playlists = new Map<string, PlaylistModel>();
	#addresses = new PartAddresses();
	#store = new PartStore((place) => this.#wanted.settle(place, () => null));
	#held = new HeldSlices();
	#wanted = new Waiting<PartData>();
	#unknown = new Waiting<true>();
	readonly #stream: StripeStream;

	constructor(options: SwarmOptions) {
		super(options, 'live', MAX_CONNECTIONS, FETCH_TIMEOUT_MS);
		this.#stream = new StripeStream(this.origin, {
			token: (refused) => this.member.freshToken(refused),
			opened: (open) => this.run((core, now) => core.handleStream(now, open)),
			message: (message) => {
				if (message.type === 'manifest') this.handleManifest(null, message.bytes);
				else if (message.type === 'slice') this.handleSlice('origin', { ...message, data: message.payload.slice() });
			},
			newest: () => this.#store.newest,
			log: (line) => this.log(line)
		});
	}

	// ---- for the player

	/** The origin's media playlist of `rendition`, whole or a delta update, from `url`. */
	handleOriginPlaylist(rendition: string, url: string, text: string): void {
		if (this.state === 'stopped') return;
		let playlist = this.#playlists.get(rendition);
		if (!playlist) this.#playlists.set(rendition, (playlist = new PlaylistModel()));
		if (!playlist.handleOrigin(text)) return;
		if (rendition === this.rendition_name) this.#addresses.learnPlaylist(url, text);
	}

	/** The playlist of `rendition` once it has what is asked for; null: ask the origin. */
	async playlist(rendition: string, reload: Reload, signal: AbortSignal): Promise<string | null> {
		if (!this.active || rendition !== this.rendition_name) return null;
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
		this.run((core, now) => core.handleWanted(now, place));
		return whole;
	}

	/** Programme time of the picture on screen, milliseconds since 1970; null: nothing plays. To be told a few times a second. */
	handlePlayhead(time_ms: number | null): void {
		this.run((core, now) => core.handlePlayhead(now, time_ms === null ? null : Math.floor(time_ms)));
	}

	// ---- joining

	protected makeCore({ stripes }: SwarmToken, ceiling_tenths: number): Core {
		return new Core({ peer: this.peer, stripes, upload: this.options.upload, ceiling_tenths });
	}

	protected applyRendition(core: Core, now: number): void {
		if (!this.token || this.rendition_name === null) return;
		const rendition = this.token.renditions.indexOf(this.rendition_name);
		const shared = rendition >= 0 && this.sharable;
		if (rendition !== this.rendition) {
			this.rendition = rendition;
			this.#store.clear();
			this.#held.clear();
			this.#addresses.clear();
		}
		core.handleRendition(now, Math.max(0, rendition), shared);
		this.#deliverAssign();
	}

	protected handleAssign(assign: Assign): void {
		const roles = assign.stripes.map((role) => `${role.stripe}<${role.root ? 'origin' : role.parent.slice(-8)}`);
		this.log(`${assign.peers} peers, ${roles.join(' ')}`);
		this.run(() => this.#deliverAssign());
	}

	protected override handleLost(): void {
		// What flows flows on, but manifests have to come from parents now.
		if (this.assign) this.assign.manifests = false;
		this.run(() => this.#deliverAssign());
	}

	#deliverAssign(): void {
		if (this.assign && this.member.connects) this.core?.handleAssign(this.now(), this.assign);
	}

	protected override lentSlots(): number {
		return this.core?.stats().slots ?? 0;
	}

	protected numbersOf(core: Core): Omit<SwarmStats, 'swarm_peers' | 'manifests'> {
		return core.stats();
	}

	// ---- what comes in

	protected override handleGone(peer: PeerId): void {
		this.run((core, now) => core.handleGone(now, peer));
	}

	/** From the tracker or the origin (null), or a peer, which is banned for a wrong one. */
	protected override handleManifest(from: PeerId | null, bytes: Uint8Array): void {
		const { token } = this;
		// The rendition is its second byte.
		if (!this.core || !token || bytes[1] !== this.rendition) return;
		let manifest: Manifest;
		try {
			manifest = parseManifest(bytes, token.stripes);
			const known = this.#store.find(manifest.place);
			if (known && equal(known.manifest.bytes, manifest.bytes)) return this.run((core, now) => core.handleManifest(now, facts(manifest), from));
			this.verify(manifest, token);
		} catch (error) {
			if (!(error instanceof ManifestError)) throw error;
			if (from !== null) this.run((core, now) => core.handleSlice(now, from, this.rendition, 0, 0, false));
			return;
		}
		this.#addresses.learnManifest(manifest, token.base);
		const stored = this.#store.add(manifest);
		this.#playlists.get(this.rendition_name ?? '')?.handleManifest(manifest);
		if (!stored) return;
		this.run((core, now) => core.handleManifest(now, facts(manifest), from));
		this.#unknown.settle(manifest.place, () => true);
		for (const held of this.#held.release(manifest.place)) this.handleSlice(held.from, held.slice);
	}

	protected handleSlice(from: PeerId | 'origin' | 'http', slice: Slice): void {
		const { rendition, place, index, data } = slice;
		if (!this.core || rendition !== this.rendition) return;
		const part = this.#store.find(place);
		if (!part) {
			if (from !== 'http' && place > this.#store.oldest) this.#held.hold(from, slice, this.now());
			return;
		}
		this.run((core, now) => {
			const valid = this.put(part, index, data, from === 'http' || from === 'origin' ? 'http' : 'p2p');
			core.handleSlice(now, from, rendition, place, index, valid);
		});
	}

	#whole(place: Place): PartData | null {
		const stored = this.#store.find(place);
		const data = stored?.whole();
		return stored && data ? { data, http_bytes: stored.http_bytes, p2p_bytes: stored.p2p_bytes } : null;
	}

	// ---- what the scheduler wants

	protected perform(output: Output): void {
		switch (output.type) {
			case 'manifest': {
				const bytes = this.#store.find(output.place)?.manifest.bytes;
				if (bytes) this.member.transport?.send(output.peer, { type: 'manifest', bytes });
				break;
			}
			case 'stream':
				this.log(`stream of ${output.stripes.join(',') || 'nothing'}`);
				this.#stream.set(output.rendition, output.stripes, output.from);
				break;
			case 'complete':
				this.#wanted.settle(output.place, () => this.#whole(output.place));
				break;
			default:
				this.performShared(output);
		}
	}

	/** Only of the rendition that plays anything is kept. */
	protected find(_rendition: number, place: Place): StoredPart | null {
		return this.#store.find(place);
	}

	protected addressOf(_rendition: number, place: Place): Address | null {
		const url = this.#addresses.url(place);
		return url === null ? null : { url, offset: 0, whole: true };
	}

	protected giveUp(): void {
		this.#wanted.giveUp();
		for (const playlist of this.#playlists.values()) playlist.close();
	}

	protected clear(): void {
		this.#stream.close();
		this.#store.clear();
		this.#unknown.giveUp();
	}
}

function facts({ rendition, place, time_ms, duration_ms, size, slices }: Manifest): Parameters<Core['handleManifest']>[1] {
	return { rendition, place, time_ms, duration_ms, size, slices };
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
	return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
