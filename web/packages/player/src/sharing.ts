/**
 * Whether, when and how long a viewer shares the stream with others. Playback begins over HTTP and stays there until
 * everything speaks for a swarm; "off" means that no peer connection is ever made, nor the engine's code loaded.
 */

import type { PlaylistRequest, Peers, SharedPart, SharedSegment } from './peers';
import type { Token } from './source';

/** The instance's word on sharing: the part of the token endpoint's answer that decides. */
export interface Terms {
	/** `opt-in`: only who switched it on */
	policy: 'on' | 'opt-in' | 'off';
	minimumViewers: number;
	delaySeconds: number;
}

/** What plays, by Media Source Extensions: a broadcast that runs, or a video that does not change any more; null: neither. */
export type Kind = 'live' | 'vod' | null;

/** What is known when it is to be decided. */
export interface Facts {
	kind: Kind;
	/** not paused for long; in a live, at its edge */
	following: boolean;
	/** the browser has WebRTC */
	capable: boolean;
	/** false: the embedding page said no */
	allowed: boolean;
	/** the viewer's own switch; null: never touched */
	choice: boolean | null;
	/** null: not asked yet, or no answer */
	terms: Terms | null;
	/** of a live; who watches a recording is known in its swarm alone */
	viewers: number;
	watched_s: number;
	/** in a swarm already */
	joined: boolean;
}

/** Why a viewer does not share. */
export type Obstacle =
	| 'incapable'
	/** by the embedding page */
	| 'forbidden'
	/** by the viewer */
	| 'declined'
	/** nothing that could be shared */
	| 'not-live'
	/** by the instance, or not known whether it allows it */
	| 'policy'
	/** elsewhere in the recording of a live, or paused */
	| 'away'
	| 'few-viewers'
	| 'early';

/** What stands against sharing now, the weightiest first; null: nothing. */
export function obstacle(facts: Facts): Obstacle | null {
	const { terms, choice } = facts;
	if (!facts.capable) return 'incapable';
	if (!facts.allowed) return 'forbidden';
	if (choice === false) return 'declined';
	if (facts.kind === null) return 'not-live';
	if (!terms || terms.policy === 'off') return 'policy';
	if (terms.policy === 'opt-in' && choice !== true) return 'declined';
	if (!facts.following) return 'away';
	if (facts.kind === 'live' && facts.viewers < terms.minimumViewers) return 'few-viewers';
	if (!facts.joined && facts.watched_s < terms.delaySeconds) return 'early';
	return null;
}

/** What the engine says of itself. */
export interface SwarmStats {
	/** connected */
	peers: number;
	/** in the swarm, as the tracker says */
	swarm_peers: number;
	http_bytes: number;
	p2p_bytes: number;
	upload_bytes: number;
	/** those it takes stripes from */
	parents: number;
	/** stripes that others take from it */
	children: number;
	/** longest way to who takes a stripe from the origin */
	depth: number;
}

/** The engine (`@shoal/swarm`) as the player uses it: one for lives, one for recordings. */
export interface Swarm extends Partial<Pick<Peers, 'playlist' | 'part' | 'segment'>>, Pick<Peers, 'active' | 'handleOriginPlaylist'> {
	/** As `Peers` has it; null: not joined yet. */
	fetching?(rendition: string, index: number): ((data: ArrayBuffer | null) => void) | null;
	/** Resolves to whether it joined. */
	start(): Promise<boolean>;
	/** For good. */
	stop(): void;
	/** The rendition that plays; not `sharable`: too small to be worth it. */
	setRendition(name: string, sharable: boolean): void;
	/** The picture on screen, and up to where everything is buffered: programme date-time of a live, time since a recording's beginning. Null: none. */
	handlePlayhead(time_ms: number | null, buffered_ms: number): void;
	stats(): SwarmStats;
}

/** A socket to the tracker that the page already has. */
export interface Signalling {
	readonly open: boolean;
	send(text: string): void;
	onopen: (() => void) | null;
	onclose: (() => void) | null;
	/** text: the tracker's messages; bytes: manifests */
	onmessage: ((data: string | Uint8Array) => void) | null;
	/** Lets go of it. */
	close(): void;
}

/** Where and as whom to share. */
export interface SharingOptions {
	/** UUID of the video */
	uuid: string;
	/** the swarm's token endpoint */
	tokenUrl: string;
	/** opens the tracker's side of the page's socket; without it the engine opens a socket of its own */
	signalling?: () => Signalling;
	/** false: never, as the embedding page wishes; default true */
	allowed?: boolean;
	/** the viewer's own switch; default null: as the instance says */
	choice?: boolean | null;
}

/** What goes into the engine. */
export interface SwarmOptions {
	uuid: string;
	tokenUrl: string;
	accessToken?: Token;
	signalling?: Signalling;
	upload: boolean;
	delay_ms: number;
	log?: (line: string) => void;
}

/** What sharing looks like from outside. */
export interface SharingState {
	/** whether there is anything to switch: false where the browser, the page or the instance rules it out */
	available: boolean;
	/** what the switch shows */
	on: boolean;
	/** in a swarm */
	active: boolean;
	/** gives to others as well */
	upload: boolean;
	obstacle: Obstacle | null;
}

/** The player's side, told ten times a second. */
export interface Playback {
	kind: Kind;
	playing: boolean;
	following: boolean;
	/** name of the rendition that is loaded, null before the first playlist */
	rendition: string | null;
	/** its own; null: not known */
	bitrate_bps: number | null;
	/** programme date-time of a live, time since a recording's beginning */
	playhead_ms: number | null;
	/** what is buffered ahead of it */
	ahead_ms: number;
}

/** The world around, for tests. */
export interface SharingPorts {
	load(kind: 'live' | 'vod'): Promise<(options: SwarmOptions) => Swarm>;
	fetch(url: string, init: RequestInit): Promise<Response>;
	capable(): boolean;
	mayUpload(): Promise<boolean>;
	random(): number;
}

/** The terms are not in the way of the first picture: they are asked for after this much of watching. */
const TERMS_AFTER_S = 1.5;
/** An answer without terms (no such swarm yet, a server that restarts) is asked for again after this long. */
const TERMS_AGAIN_MS = 20_000;
/** Pauses and steps back shorter than this do not end the sharing: coming back would cost more. */
const AWAY_MS = 10_000;
/** A recording that is paused is of use to others for a while. */
const PAUSED_MS = 60_000;
/** One who leaves does not end a small swarm at once: another may come. */
const FEW_MS = 30_000;
/** A rendition that is too small to be shared may be left again soon. */
const SMALL_MS = 10_000;
/** The engine has this long to become active among enough peers, again after it lost them. */
const INACTIVE_MS = 20_000;
/** Alone it waits for others; but now and then it begins afresh, as the swarm may have become another one. */
const LONELY_MS = 120_000;
/** So many stalls... */
const STALLS = 2;
/** ...within this time while in a swarm: whatever the cause is, the origin is the better place. */
const STALLS_MS = 30_000;
/** First wait after a failure, doubled each time... */
const RETRY_FIRST_MS = 15_000;
/** ...up to this. */
const RETRY_MAX_MS = 600_000;
/** Sharing that went well for this long makes failures before it forgotten. */
const GOOD_MS = 60_000;
/** Renditions below this are not worth the trouble of sharing. */
const WORTH_BPS = 300_000;
/** Playlists of recordings kept for the engine: hls.js asks for each but once. */
const MAX_PLAYLISTS = 16;
/** Of a recording's segments kept for the engine while there is none: what is buffered at first, twenty seconds at 5 Mbit/s. */
const MAX_KEPT_BYTES = 12_000_000;
/** The playhead is told this often. */
const PLAYHEAD_EVERY_MS = 250;
/** Battery and kind of network are looked at this often. */
const DEVICE_EVERY_MS = 15_000;

/** Joins a swarm when it may and leaves it when it has to; every failure is a return to HTTP. */
export class Sharing implements Peers {
	/** Bytes of swarms that were left. */
	#before = { http_bytes: 0, p2p_bytes: 0, upload_bytes: 0 };
	#swarm: Swarm | null = null;
	#signalling: Signalling | null = null;
	#joining = false;
	#turn = 0;
	#choice: boolean | null;
	#terms: Terms | null = null;
	#terms_asked_ms = -Infinity;
	/** asked for, and there were none */
	#terms_missing = false;
	#viewers = 0;
	#watched_ms = 0;
	#ticked_ms: number | null = null;
	#away_since_ms: number | null = null;
	#few_since_ms: number | null = null;
	#small_since_ms: number | null = null;
	#inactive_since_ms: number | null = null;
	#active_since_ms: number | null = null;
	#stalls_ms: number[] = [];
	#failures = 0;
	#retry_at_ms = -Infinity;
	#upload = true;
	#device_at_ms = 0;
	#playhead_at_ms = -Infinity;
	#rendition: string | null = null;
	/** what was joined, or is about to be */
	#kind: Kind = null;
	#playlists = new Map<string, { url: string; text: string }>();
	/** newest last */
	#kept: { rendition: string; index: number; data: ArrayBuffer }[] = [];
	#obstacle: Obstacle | null = 'not-live';
	#stopped = false;
	/** Called when `state` may have changed. */
	onchange: (() => void) | null = null;

	constructor(
		private readonly options: SharingOptions,
		private readonly token: Token | null,
		private readonly log: ((line: string) => void) | null = null,
		private readonly ports: SharingPorts = browserPorts
	) {
		this.#choice = options.choice ?? null;
	}

	get state(): SharingState {
		const policy = this.#terms?.policy ?? 'off';
		return {
			available: this.options.allowed !== false && this.ports.capable() && policy !== 'off',
			on: this.#choice ?? policy === 'on',
			active: this.active,
			upload: this.#upload,
			obstacle: this.#obstacle
		};
	}

	/** Whether something may come from others, now or soon, as far as is known. */
	get promising(): boolean {
		const { allowed } = this.options;
		if (!this.#terms) return allowed !== false && this.#choice !== false && this.ports.capable() && !this.#terms_missing;
		return this.#obstacle === null || this.#obstacle === 'early' || this.#obstacle === 'away';
	}

	/** The viewer's switch; null: as the instance says. */
	choose(choice: boolean | null): void {
		this.#choice = choice;
		if (choice === false || (choice === null && this.#terms?.policy !== 'on')) this.#leave();
		this.#retry_at_ms = -Infinity;
		this.onchange?.();
	}

	/** How many watch the broadcast. */
	setViewers(viewers: number): void {
		this.#viewers = viewers;
	}

	/** Looks at what has changed; called ten times a second. */
	handleTick(now_ms: number, playback: Playback): void {
		if (this.#stopped) return;
		const before = this.#ticked_ms;
		this.#ticked_ms = now_ms;
		if (playback.kind === null) this.#watched_ms = 0;
		else if (playback.playing && before !== null) this.#watched_ms += Math.min(1_000, Math.max(0, now_ms - before));
		this.#askTerms(now_ms, playback);

		this.#away_since_ms = playback.following ? null : (this.#away_since_ms ?? now_ms);
		const few = this.#viewers < (this.#terms?.minimumViewers ?? 0);
		this.#few_since_ms = few ? (this.#few_since_ms ?? now_ms) : null;
		const joined = this.#swarm !== null;
		const patient = (since_ms: number | null, patience_ms: number): boolean => joined && since_ms !== null && now_ms - since_ms < patience_ms;
		// A live that has ended may go on as its own recording.
		if (joined && playback.kind !== this.#kind) this.#leave();
		const found = obstacle({
			kind: playback.kind,
			following: playback.following || patient(this.#away_since_ms, playback.kind === 'vod' ? PAUSED_MS : AWAY_MS),
			capable: this.ports.capable(),
			allowed: this.options.allowed !== false,
			choice: this.#choice,
			terms: this.#terms,
			viewers: patient(this.#few_since_ms, FEW_MS) ? Infinity : this.#viewers,
			watched_s: this.#watched_ms / 1000,
			joined
		});
		const changed = found !== this.#obstacle;
		this.#obstacle = found;
		this.#small_since_ms = isWorth(playback) ? null : (this.#small_since_ms ?? now_ms);
		const small = this.#small_since_ms !== null && !patient(this.#small_since_ms, SMALL_MS);
		if (found || small) this.#leave();
		else if (!joined && !this.#joining && now_ms >= this.#retry_at_ms) void this.#join(playback.kind ?? 'live');
		if (this.#swarm) this.#attend(now_ms, playback);
		if (changed) this.onchange?.();
	}

	/** The viewer has gone elsewhere in a recording: there is no time to wait for the next tick. */
	handleSeek(position_ms: number, ahead_ms: number): void {
		if (this.#kind === 'vod') this.#guard((swarm) => swarm.handlePlayhead(position_ms, position_ms + ahead_ms));
	}

	/** Playback ran dry although the stream went on. */
	handleStall(now_ms: number): void {
		if (!this.active) return;
		this.#stalls_ms = [...this.#stalls_ms.filter((at_ms) => now_ms - at_ms < STALLS_MS), now_ms];
		if (this.#stalls_ms.length >= STALLS) this.#fail('playback ran dry again');
	}

	/** Leaves for good. */
	stop(): void {
		this.#stopped = true;
		this.#kept.length = 0;
		this.#leave();
	}

	/** All that came and went through swarms, and the swarm as it is. */
	stats(): SwarmStats {
		const now = this.#guard((swarm) => swarm.stats());
		const { http_bytes, p2p_bytes, upload_bytes } = this.#before;
		return {
			peers: now?.peers ?? 0,
			swarm_peers: now?.swarm_peers ?? 0,
			parents: now?.parents ?? 0,
			children: now?.children ?? 0,
			depth: now?.depth ?? 0,
			http_bytes: http_bytes + (now?.http_bytes ?? 0),
			p2p_bytes: p2p_bytes + (now?.p2p_bytes ?? 0),
			upload_bytes: upload_bytes + (now?.upload_bytes ?? 0)
		};
	}

	// ---- Peers

	get active(): boolean {
		return this.#guard((swarm) => swarm.active) ?? false;
	}

	/** Whether others are there: it is about to be active, is, or was a moment ago. */
	get connected(): boolean {
		return this.active || (this.#guard((swarm) => swarm.stats().peers) ?? 0) > 0;
	}

	handleOriginPlaylist(rendition: string, url: string, text: string): void {
		if (text.includes('#EXT-X-ENDLIST') && (this.#playlists.has(rendition) || this.#playlists.size < MAX_PLAYLISTS)) {
			this.#playlists.set(rendition, { url, text });
		}
		this.#guard((swarm) => swarm.handleOriginPlaylist(rendition, url, text));
	}

	playlist(rendition: string, request: PlaylistRequest, signal: AbortSignal): Promise<string | null> {
		return this.#ask((swarm) => swarm.playlist?.(rendition, request, signal), signal);
	}

	part(url: string, signal: AbortSignal): Promise<SharedPart | null> {
		return this.#ask((swarm) => swarm.part?.(url, signal), signal);
	}

	segment(rendition: string, index: number, within_ms: number, signal: AbortSignal): Promise<SharedSegment | null> {
		return this.#ask((swarm) => swarm.segment?.(rendition, index, within_ms, signal), signal);
	}

	fetching(rendition: string, index: number): (data: ArrayBuffer | null) => void {
		const end = this.#guard((swarm) => swarm.fetching?.(rendition, index));
		if (end) return (data) => void this.#guard(() => end(data));
		return (data) => {
			if (data) this.#keep(rendition, index, data);
		};
	}

	/** What was fetched before there is an engine: others may want it soon. */
	#keep(rendition: string, index: number, data: ArrayBuffer): void {
		const never = this.#stopped || this.options.allowed === false || this.#choice === false || this.#terms?.policy === 'off' || !this.ports.capable();
		if (never || data.byteLength > MAX_KEPT_BYTES) return;
		// A copy: hls.js takes the buffer away.
		this.#kept.push({ rendition, index, data: data.slice(0) });
		let bytes = this.#kept.reduce((sum, kept) => sum + kept.data.byteLength, 0);
		while (bytes > MAX_KEPT_BYTES) bytes -= this.#kept.shift()!.data.byteLength;
	}

	// ---- joining and leaving

	async #join(kind: 'live' | 'vod'): Promise<void> {
		const turn = ++this.#turn;
		this.#joining = true;
		this.#kind = kind;
		try {
			const [make, upload] = await Promise.all([this.ports.load(kind), this.ports.mayUpload()]);
			if (turn !== this.#turn) return;
			this.#signalling = this.options.signalling?.() ?? null;
			const swarm = make({
				uuid: this.options.uuid,
				tokenUrl: this.options.tokenUrl,
				upload,
				// The delay has passed already.
				delay_ms: 0,
				...(this.#signalling ? { signalling: this.#signalling } : {}),
				...(this.token ? { accessToken: this.token } : {}),
				...(this.log ? { log: this.log } : {})
			});
			this.#swarm = swarm;
			this.#upload = upload;
			this.#rendition = null;
			this.#stalls_ms = [];
			this.#active_since_ms = null;
			this.#inactive_since_ms = null;
			this.#device_at_ms = this.#ticked_ms ?? 0;
			this.#joining = false;
			if (kind === 'vod') for (const [name, { url, text }] of this.#playlists) swarm.handleOriginPlaylist(name, url, text);
			const joined = await swarm.start();
			if (turn !== this.#turn) return;
			if (!joined) return this.#fail('not joined');
			for (const { rendition, index, data } of this.#kept.splice(0)) swarm.fetching?.(rendition, index)?.(data);
		} catch (error) {
			if (turn === this.#turn) this.#fail(error);
		} finally {
			if (turn === this.#turn) this.#joining = false;
		}
	}

	#leave(): void {
		this.#turn++;
		this.#joining = false;
		const swarm = this.#swarm;
		const signalling = this.#signalling;
		this.#swarm = this.#signalling = null;
		try {
			if (swarm) this.#end(swarm);
		} finally {
			signalling?.close();
		}
		if (swarm) this.onchange?.();
	}

	#end(swarm: Swarm): void {
		try {
			const { http_bytes, p2p_bytes, upload_bytes } = swarm.stats();
			this.#before.http_bytes += http_bytes;
			this.#before.p2p_bytes += p2p_bytes;
			this.#before.upload_bytes += upload_bytes;
		} catch (error) {
			this.log?.(`swarm: ${String(error)}`);
		}
		try {
			swarm.stop();
		} catch (error) {
			this.log?.(`swarm: ${String(error)}`);
		}
	}

	/** Back to HTTP, and another attempt later. */
	#fail(error: unknown): void {
		this.log?.(`swarm: ${String(error)}`);
		this.#leave();
		const delay_ms = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(this.#failures++, 16));
		// Half fixed, half random: an audience that failed together must not come back together.
		this.#retry_at_ms = (this.#ticked_ms ?? 0) + delay_ms * (0.5 + 0.5 * this.ports.random());
	}

	/** Keeps the engine up to date, and watches it. */
	#attend(now_ms: number, playback: Playback): void {
		if (playback.rendition !== null && playback.rendition !== this.#rendition) {
			this.#rendition = playback.rendition;
			const { rendition } = playback;
			this.#guard((swarm) => swarm.setRendition(rendition, isWorth(playback)));
		}
		if (now_ms - this.#playhead_at_ms >= PLAYHEAD_EVERY_MS) {
			this.#playhead_at_ms = now_ms;
			const { playhead_ms, ahead_ms } = playback;
			this.#guard((swarm) => swarm.handlePlayhead(playhead_ms, (playhead_ms ?? 0) + ahead_ms));
		}
		const was_active = this.#active_since_ms !== null;
		if (this.active) {
			this.#inactive_since_ms = null;
			this.#active_since_ms ??= now_ms;
			if (now_ms - this.#active_since_ms >= GOOD_MS) this.#failures = 0;
		} else {
			this.#active_since_ms = null;
			this.#inactive_since_ms ??= now_ms;
			const waited_ms = now_ms - this.#inactive_since_ms;
			const company = (this.#guard((swarm) => swarm.stats().swarm_peers) ?? 0) >= (this.#terms?.minimumViewers ?? 0);
			if (company && waited_ms >= INACTIVE_MS) this.#fail('no way into the swarm');
			else if (playback.kind === 'live' && waited_ms >= LONELY_MS) this.#leave();
		}
		if (was_active !== (this.#active_since_ms !== null)) this.onchange?.();
		if (now_ms - this.#device_at_ms >= DEVICE_EVERY_MS) {
			this.#device_at_ms = now_ms;
			const turn = this.#turn;
			void this.ports.mayUpload().then((upload) => {
				// The engine knows only from its start whether it may give: leave, and join again with the next tick.
				if (turn === this.#turn && this.#swarm && upload !== this.#upload) this.#leave();
			}, () => undefined);
		}
	}

	#askTerms(now_ms: number, playback: Playback): void {
		if (this.#terms || this.options.allowed === false || playback.kind === null || !this.ports.capable()) return;
		if (this.#watched_ms < TERMS_AFTER_S * 1000 || now_ms - this.#terms_asked_ms < TERMS_AGAIN_MS) return;
		this.#terms_asked_ms = now_ms;
		void this.#fetchTerms().then(
			(terms) => {
				this.#terms = terms;
				this.#terms_missing = terms === null;
				this.onchange?.();
			},
			(error: unknown) => {
				this.#terms_missing = true;
				this.log?.(`swarm: ${String(error)}`);
			}
		);
	}

	async #fetchTerms(): Promise<Terms | null> {
		const token = this.token ? await this.token() : null;
		const response = await this.ports.fetch(this.options.tokenUrl, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
		return response.ok ? parseTerms(await response.json()) : null;
	}

	/** An engine that throws is left; playback does not notice. */
	#guard<T>(use: (swarm: Swarm) => T): T | undefined {
		if (!this.#swarm) return undefined;
		try {
			return use(this.#swarm);
		} catch (error) {
			this.#fail(error);
			return undefined;
		}
	}

	async #ask<T>(use: (swarm: Swarm) => Promise<T | null> | undefined, signal: AbortSignal): Promise<T | null> {
		const swarm = this.#swarm;
		if (!swarm) return null;
		try {
			return (await use(swarm)) ?? null;
		} catch (error) {
			if (!signal.aborted && swarm === this.#swarm) this.#fail(error);
			return null;
		}
	}
}

function isWorth({ bitrate_bps }: Playback): boolean {
	return bitrate_bps === null || bitrate_bps >= WORTH_BPS;
}

/** Reads the token endpoint's answer; null when it is none. */
export function parseTerms(answer: unknown): Terms | null {
	if (typeof answer !== 'object' || answer === null) return null;
	const { policy, minimumViewers, delaySeconds } = answer as Record<string, unknown>;
	if (policy !== 'on' && policy !== 'opt-in' && policy !== 'off') return null;
	return {
		policy,
		minimumViewers: typeof minimumViewers === 'number' ? minimumViewers : 3,
		delaySeconds: typeof delaySeconds === 'number' ? delaySeconds : 10
	};
}

/** A battery with less than this is spared. */
const LOW_BATTERY = 0.2;

/** The parts of `navigator` that say whether giving to others would cost the viewer. */
export interface Device {
	connection?: { saveData?: boolean; type?: string };
	getBattery?: () => Promise<{ level: number; charging: boolean }>;
}

/** Whether this device can give: not on a cellular network, when data is to be saved, or with a low battery. */
export async function mayUpload(device: Device): Promise<boolean> {
	const { connection } = device;
	if (connection?.saveData || connection?.type === 'cellular') return false;
	const battery = await device.getBattery?.().catch(() => null);
	return !battery || battery.charging || battery.level >= LOW_BATTERY;
}

const browserPorts: SharingPorts = {
	load: async (kind) => {
		const { Swarm, VodSwarm } = await import('@shoal/swarm');
		return (options) => (kind === 'vod' ? new VodSwarm(options) : new Swarm(options));
	},
	fetch: (url, init) => fetch(url, init),
	capable: () => 'RTCPeerConnection' in globalThis && 'WebSocket' in globalThis,
	mayUpload: () => mayUpload(navigator as Device),
	random: () => Math.random()
};
