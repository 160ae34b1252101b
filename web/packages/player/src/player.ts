/** The headless player: joins engine, latency control and state to one media element. */

import { Engine, loadHls, mseAvailable, type Fault, type Quality } from './engine';
import { Emitter } from './emitter';
import { EdgeClock, LatencyController, SWARM_TARGET_S, TARGET_S, type LatencyMode, type Range } from './latency';
import { HttpError, Source } from './source';
import { aheadSeconds, bufferedRanges } from './media';
import { RenditionControl } from './rendition';
import { detailsOf, statsOf, type Parts } from './report';
import { Sharing, type SharingState } from './sharing';
import { LinkWatch, playerState, retryDelay, Starvation, STUCK_MS, StuckWatch, type Phase, type PlayerState } from './state';
import { Steering } from './steering';
import type { Details, PlayerEvents, PlayerOptions, Stats } from './types';

const TICK_MS = 100;
/** Dry this long with the broadcast over: nothing more will come. */
const PLAYED_OUT_MS = 3_000;
/** Media faults this close together are not repaired by a fresh pipeline: load everything anew. */
const MEDIA_RECOVERY_MS = 5_000;
/** A seek that ends this near the live position (beyond the target) means "live". */
const FOLLOW_S = 1.5;

export class Player extends Emitter<PlayerEvents> {
	state: PlayerState = 'loading';
	/** Whether playback stays at the live edge. */
	following: boolean;
	/** Whether sound is off only because the browser wants a gesture first. */
	wants_unmute = false;

	#phase: Phase;
	#source: Source;
	#engine: Engine | null = null;
	#native = false;
	#connected = false;
	#tried = false;
	#edge = new EdgeClock();
	#latency: LatencyController;
	#steering: Steering;
	#links = new LinkWatch();
	#starvation = new Starvation();
	#stuck = new StuckWatch();
	#sharing: Sharing | null = null;
	#renditions = new RenditionControl();
	#mode: LatencyMode;
	#created_ms = performance.now();
	#first_picture_ms: number | null = null;
	#started = false;
	#idle: boolean;
	#fatal = false;
	#final = false;
	#played_out = false;
	#stalls = 0;
	#dry_since_ms: number | null = null;
	#attempt = 0;
	#retry: ReturnType<typeof setTimeout> | undefined;
	#connection: AbortController | null = null;
	#media_fault_ms = -Infinity;
	#resume_s: number | null = null;
	#quality: number | null = null;
	#paused_by_viewer = false;
	#destroyed = false;
	#ticker: ReturnType<typeof setInterval>;
	#off = new AbortController();

	constructor(
		readonly video: HTMLVideoElement,
		private readonly options: PlayerOptions
	) {
		super();
		this.#phase = options.phase ?? 'live';
		this.following = this.#phase !== 'vod';
		this.#mode = options.latencyMode ?? 1;
		this.#latency = new LatencyController(TARGET_S[this.#mode]);
		this.#steering = new Steering(video, this.#edge, this.#latency, this.#off.signal);
		this.#source = new Source(options.playlistUrl, this.#latency.base_target_s, options.throughputBps ?? null, options.token ?? null);
		this.#source.buffered_s = () => aheadSeconds(video);
		if (options.sharing) {
			const sharing = new Sharing(options.sharing, options.token ?? null, options.log ?? null);
			sharing.onchange = () => this.emit('sharing', sharing.state);
			this.#sharing = this.#source.peers = sharing;
			this.#source.onpart = () => {
				if (this.#started && this.following && !video.paused) this.#renditions.handlePart(performance.now(), aheadSeconds(video));
			};
		}
		this.#idle = options.autoplay === false;
		video.muted = options.muted ?? false;
		video.playsInline = true;
		this.#listen();
		this.#ticker = setInterval(() => this.#tick(), TICK_MS);
		if (mseAvailable()) loadHls().catch(() => undefined);
		if (!this.#idle && this.#playable) this.#connect();
		this.#update();
	}

	// ---- what the host tells

	/** The broadcast's phase as the server says it. A waiting player starts by itself when it is `live`. */
	setPhase(phase: Phase): void {
		const before = this.#phase;
		if (phase === before) return;
		this.#phase = phase;
		if (phase === 'live' || phase === 'interrupted') {
			if (before === 'ended' || before === 'waiting' || this.#played_out) {
				// A new broadcast (of a permanent live) has nothing in common with the one before.
				if (this.#played_out || (this.#final && this.#engine)) this.#disconnect();
				this.following = true;
			}
			if (!this.#connected && !this.#idle) {
				// An attempt under way may be about to fail on what is true no longer.
				if (before === 'waiting' || before === 'ended') this.#disconnect();
				this.#attempt = 0;
				this.#connect();
			}
		} else if (phase === 'waiting' && (this.#played_out || !this.#started)) {
			this.#disconnect();
		}
		this.#update();
	}

	/** The live's latency mode, if it becomes known only later. */
	setLatencyMode(mode: LatencyMode): void {
		this.#mode = mode;
		this.#latency.base_target_s = TARGET_S[mode];
		this.#source.target_s = TARGET_S[mode];
	}

	/** How many watch the broadcast, as the page's events say: a few are needed for a swarm. */
	setViewers(viewers: number): void {
		this.#sharing?.setViewers(viewers);
	}

	// ---- what the viewer does

	async play(): Promise<void> {
		this.#idle = false;
		this.#paused_by_viewer = false;
		if (this.#played_out && this.#phase === 'vod') this.video.currentTime = 0;
		if (!this.#engine && !this.#native && this.#playable) this.#connect();
		this.#update();
		await this.#play();
	}

	pause(): void {
		this.#paused_by_viewer = true;
		this.video.pause();
	}

	/** Sound on, after a gesture. */
	unmute(): void {
		this.video.muted = false;
		if (this.video.volume === 0) this.video.volume = 1;
		this.#wantUnmute(false);
		if (this.video.paused && !this.#paused_by_viewer) void this.play();
	}

	/** To the live edge. */
	goLive(): void {
		this.#follow(true);
		const live_s = this.#edge.live(performance.now());
		if (live_s === null) return;
		this.#seekTo(live_s - this.#latency.target(performance.now()));
		if (this.video.paused && !this.#idle) void this.play();
	}

	/** To a position of the media timeline, held within what can be sought. */
	seek(position_s: number): void {
		const window = this.window();
		if (!window) return;
		const to_s = Math.max(window.start, Math.min(position_s, window.end));
		if (this.#isLive) {
			const live_s = this.#edge.live(performance.now()) ?? window.end;
			const behind_s = live_s - this.#latency.target(performance.now()) - to_s;
			this.#follow(behind_s < FOLLOW_S);
			if (this.following) {
				this.goLive();
				return;
			}
		}
		this.#seekTo(to_s);
	}

	seekBy(seconds: number): void {
		this.seek(this.video.currentTime + seconds);
	}

	/** What can be sought: the DVR window of a live, all of a recording. */
	window(): Range | null {
		const { seekable, duration } = this.video;
		if (seekable.length > 0) {
			const start = seekable.start(0);
			let end = seekable.end(seekable.length - 1);
			if (this.#isLive) end = Math.max(start, (this.#edge.live(performance.now()) ?? end) - this.#latency.base_target_s);
			return { start, end };
		}
		return Number.isFinite(duration) ? { start: 0, end: duration } : null;
	}

	qualities(): Quality[] {
		return this.#engine?.qualities ?? [];
	}

	/** The chosen quality, -1 for automatic. */
	get quality(): number {
		return this.#engine?.chosen ?? -1;
	}

	/** -1: automatic. */
	setQuality(id: number): void {
		this.#quality = id;
		this.#engine?.choose(id);
		this.emit('qualities', undefined);
	}

	/** The viewer's switch for sharing with others; null: as the instance says. The host remembers it. */
	setSharing(choice: boolean | null): void {
		this.#sharing?.choose(choice);
	}

	/** Null where there is nothing to share: no `sharing` among the options. */
	get sharing(): SharingState | null {
		return this.#sharing?.state ?? null;
	}

	// ---- what it shows

	stats(): Stats {
		return statsOf(this.#parts);
	}

	details(): Details {
		return detailsOf(this.#parts);
	}

	get #parts(): Parts {
		return {
			video: this.video,
			source: this.#source,
			engine: this.#engine,
			edge: this.#edge,
			latency: this.#latency,
			sharing: this.#sharing,
			state: this.state,
			native: this.#native,
			live: this.#isLive && this.#started,
			stalls: this.#stalls,
			first_picture_ms: this.#first_picture_ms
		};
	}

	/** Measured throughput, for the host to remember. */
	get throughput_bps(): number | null {
		return this.#source.throughput.bps;
	}

	/** Lets go of the media element and the network. */
	destroy(): void {
		this.#destroyed = true;
		clearInterval(this.#ticker);
		this.#off.abort();
		this.#sharing?.stop();
		this.#disconnect();
		this.forgetListeners();
	}

	// ---- connecting

	get #isLive(): boolean {
		return this.#phase !== 'vod' && !this.#final;
	}

	/** Whether there may be something to load now. */
	get #playable(): boolean {
		return this.#phase !== 'ended';
	}

	#connect(): void {
		if (this.#destroyed || this.#connection) return;
		clearTimeout(this.#retry);
		const connection = new AbortController();
		this.#connection = connection;
		if (!mseAvailable()) {
			this.#connectNative();
			return;
		}
		const source = this.#source;
		source.reset();
		const ready = source.begin(connection.signal, {
			unfinished: this.#phase !== 'vod',
			preloaded: !this.#tried && this.#phase === 'live'
		});
		this.#tried = true;
		// A live that waits may do so for hours: nothing is attached before there is something to play.
		if (this.#phase !== 'waiting') this.#attach(ready);
		ready.then(
			() => {
				if (connection.signal.aborted) return;
				this.#connected = true;
				if (!this.#engine) this.#attach(ready);
				this.#update();
			},
			(error: unknown) => {
				if (connection.signal.aborted) return;
				const absent = error instanceof HttpError && error.status === 404;
				if (!absent) this.emit('fault', String(error));
				this.#again(absent ? 'absent' : 'unreachable');
			}
		);
	}

	#attach(ready: Promise<unknown>): void {
		const engine = new Engine(this.video, this.#source, {
			edge: (now_ms, edge_s) => this.#edge.add(now_ms, edge_s),
			resumed: (position_s) => {
				this.#resume_s = position_s;
			},
			final: () => {
				this.#final = true;
				this.#update();
			},
			qualities: () => this.emit('qualities', undefined),
			fault: (fault, detail) => this.#handleFault(fault, detail),
			appended: () => this.#place()
		});
		this.#engine = engine;
		const begin = {
			distance_s: this.#latency.target(performance.now()),
			position_s: this.#phase === 'vod' ? (this.options.startSeconds ?? 0) : -1,
			throughput_bps: this.#source.throughput.bps ?? this.options.throughputBps ?? null,
			shared: this.#phase === 'vod' && (this.#sharing?.promising ?? false),
			log: this.options.log
		};
		engine.start(begin, ready).then(
			() => {
				if (this.#engine !== engine) return;
				if (this.#quality !== null && this.#quality >= 0) engine.choose(this.#quality);
				void this.#play();
			},
			(error: unknown) => {
				// A rejected `ready` has replaced the engine by now.
				if (this.#engine === engine) this.#handleFault('network', String(error));
			}
		);
	}

	/** Safari on iPhones before 17.1 has no Media Source Extensions at all: its own player speaks HLS. */
	#connectNative(): void {
		if (!this.video.canPlayType('application/vnd.apple.mpegurl')) {
			this.#handleFault('unsupported', 'neither Media Source Extensions nor native HLS');
			return;
		}
		this.#native = true;
		this.#connected = true;
		this.video.src = this.options.playlistUrl;
		void this.#play();
		this.#update();
	}

	#disconnect(): void {
		clearTimeout(this.#retry);
		this.#connection?.abort();
		this.#connection = null;
		this.#engine?.destroy();
		this.#engine = null;
		this.#connected = false;
		if (this.#native) {
			this.#native = false;
			this.video.removeAttribute('src');
			this.video.load();
		}
		this.#source.reset();
		this.#edge.reset();
		this.#started = false;
		this.#final = false;
		this.#played_out = false;
		this.#resume_s = null;
		this.#dry_since_ms = null;
		this.#stuck.reset();
		this.#steering.reset();
	}

	/** Tries again after a while; a live is never given up. */
	#again(reason: 'absent' | 'unreachable' = 'unreachable'): void {
		this.#disconnect();
		if (this.#destroyed || this.#phase === 'ended') {
			this.#update();
			return;
		}
		const delay_ms = retryDelay(this.#attempt++, this.#phase === 'waiting' ? 'waiting' : reason, Math.random());
		this.#retry = setTimeout(() => this.#connect(), delay_ms);
		this.#update();
	}

	#handleFault(fault: Fault, detail: string): void {
		this.emit('fault', detail);
		if (fault === 'unsupported') {
			this.#disconnect();
			this.#fatal = true;
			this.#update();
			return;
		}
		const now_ms = performance.now();
		if (fault === 'media' && now_ms - this.#media_fault_ms > MEDIA_RECOVERY_MS) {
			this.#media_fault_ms = now_ms;
			this.#engine?.recoverMedia();
			void this.#play();
			return;
		}
		this.#again();
	}

	#place(): void {
		if (!this.#started && this.#isLive) this.#steering.place(performance.now());
	}

	async #play(): Promise<void> {
		const { video } = this;
		if (this.#idle || this.#paused_by_viewer) return;
		try {
			await video.play();
		} catch (error) {
			if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
			if (video.muted) {
				// Not even without sound (data saver, low power): a button it is.
				this.#paused_by_viewer = true;
				this.#update();
				return;
			}
			video.muted = true;
			this.#wantUnmute(true);
			await this.#play();
		}
	}

	// ---- following the media element

	#listen(): void {
		const { video } = this;
		const signal = this.#off.signal;
		const on = (type: string, handle: () => void): void => video.addEventListener(type, handle, { signal });
		on('waiting', () => this.#handleWaiting());
		on('seeking', () => this.#sharing?.handleSeek(video.currentTime * 1000, aheadSeconds(video) * 1000));
		on('playing', () => {
			this.#begin();
			this.#update();
		});
		on('play', () => {
			if (this.following && this.#started) this.#comeBack();
			this.#update();
		});
		on('pause', () => this.#update());
		on('ended', () => {
			this.#finish();
		});
		on('volumechange', () => {
			if (!video.muted && video.volume > 0) this.#wantUnmute(false);
		});
		on('error', () => {
			if (this.#native) this.#again();
		});
		if ('requestVideoFrameCallback' in video) {
			video.requestVideoFrameCallback(() => this.#begin());
		} else {
			on('loadeddata', () => this.#begin());
		}
		document.addEventListener(
			'visibilitychange',
			() => {
				if (!document.hidden && this.following && !video.paused) this.#comeBack();
			},
			{ signal }
		);
	}

	/** The first picture (or sound). */
	#begin(): void {
		if (this.#started || this.#destroyed) return;
		this.#started = true;
		this.#attempt = 0;
		const now_ms = performance.now();
		this.#steering.handleStart(now_ms, this.video.currentTime);
		if (this.#first_picture_ms === null) {
			this.#first_picture_ms = now_ms - this.#created_ms;
			this.emit('firstPicture', this.#first_picture_ms);
		}
		this.#update();
	}

	#handleWaiting(): void {
		const { video } = this;
		// A recording runs dry at its end as well.
		const over = this.#final && (this.#phase !== 'vod' || video.duration - video.currentTime < 1);
		if (!this.#started || video.seeking || video.paused || over || !this.#engine) return;
		if (this.#source.gap_s > 0 || this.#phase === 'interrupted') return;
		// Enough data, yet "waiting": the decoder caught its breath. Nothing that more distance would cure.
		if (aheadSeconds(this.video) > 0.3) return;
		const now_ms = performance.now();
		this.#stalls++;
		this.#latency.handleStall(now_ms);
		// What came from others says nothing about the link to the server.
		const shared = this.#sharing?.active ?? false;
		this.#sharing?.handleStall(now_ms);
		this.#renditions.handleStall(now_ms);
		if (shared) return;
		const bitrate_bps = this.#engine.playing?.bitrate_bps ?? null;
		const throughput_bps = this.#source.throughput.bps;
		if (this.#links.handleStall(now_ms, throughput_bps, bitrate_bps)) {
			this.emit('slowLink', { throughput_bps: throughput_bps ?? 0, bitrate_bps: bitrate_bps ?? 0 });
		}
	}

	/** After a pause or a time in the background: back to the edge at once. */
	#comeBack(): void {
		if (this.#isLive && this.#steering.isLeftBehind(performance.now())) this.goLive();
	}

	#seekTo(position_s: number): void {
		const buffered = bufferedRanges(this.video).some((range) => range.start <= position_s && position_s < range.end - 0.2);
		if (!buffered) this.#source.ahead.clear();
		this.#resume_s = null;
		this.video.currentTime = position_s;
	}

	#finish(): void {
		if (this.#isLive && this.#phase !== 'ended' && this.#phase !== 'waiting') return;
		this.#played_out = true;
		if (this.#phase === 'waiting') this.#disconnect();
		this.#update();
	}

	#tick(): void {
		const now_ms = performance.now();
		const { video } = this;
		const ahead_s = aheadSeconds(this.video);
		const dry = this.#starvation.check(now_ms, video.readyState, video.currentTime, ahead_s);
		const starved = dry && this.#started && !video.paused && !video.ended;
		this.#dry_since_ms = starved ? (this.#dry_since_ms ?? now_ms) : null;
		this.#place();
		// A recording that was played to the end and begins again, or was sought in.
		if (this.#played_out && this.#phase === 'vod' && !video.ended) this.#played_out = false;
		this.#source.at_edge = this.following && !(video.paused && this.#started);

		if (this.#resume_s !== null && this.#isLive && this.following && !video.paused && (starved || ahead_s < 0.1)) {
			// The stream is back after a gap, and all before it was played: on to the first media after it.
			const to_s = this.#resume_s + 0.001;
			this.#seekTo(to_s);
			this.#steering.handleStart(now_ms, to_s);
		} else if (this.#engine && this.#isLive && this.following) {
			if (this.#started) this.#steering.drive(now_ms, starved);
		} else if (!this.following && this.#isLive) {
			this.#steering.release();
		}
		const expects = this.#connected && this.#phase === 'live' && !video.paused && (!this.#started || this.#dry_since_ms !== null);
		const excused = this.#source.gap_s > 0 && this.#edge.age_ms(now_ms) <= STUCK_MS / 2;
		if (this.#stuck.check(now_ms, expects, excused)) {
			// Whatever it is that hls.js is stuck in, a fresh start is not.
			this.emit('fault', 'stuck');
			this.#again();
			return;
		}
		const over = this.#phase === 'ended' || this.#phase === 'waiting' || this.#final;
		if (over && this.#started && this.#dry_since_ms !== null && now_ms - this.#dry_since_ms > PLAYED_OUT_MS) {
			this.#final = true;
			this.#finish();
		}
		this.#share(now_ms);
		this.#update();
	}

	/** Tells the sharing how playback is, and lets it have the distance that it needs. */
	#share(now_ms: number): void {
		if (!this.#sharing) return;
		const { rendition } = this.#source;
		const on_air = this.#phase === 'live' || this.#phase === 'interrupted';
		const shown = this.#engine !== null && this.#started;
		const vod = shown && this.#phase === 'vod';
		this.#sharing.handleTick(now_ms, {
			kind: shown && on_air && this.#isLive ? 'live' : vod ? 'vod' : null,
			playing: this.state === 'playing',
			following: (vod || this.following) && !this.video.paused,
			rendition,
			bitrate_bps: rendition === null ? null : (this.#engine?.bitrate(rendition) ?? null),
			playhead_ms: vod ? this.video.currentTime * 1000 : (this.#engine?.playing_date_ms ?? null),
			ahead_ms: aheadSeconds(this.video) * 1000
		});
		if (vod && this.#engine) this.#engine.shared = this.#sharing.promising;
		this.#latency.setFloor(now_ms, this.#sharing.connected ? SWARM_TARGET_S[this.#mode] : 0);
		this.#chooseRendition(now_ms, this.#sharing);
	}

	#chooseRendition(now_ms: number, sharing: Sharing): void {
		const engine = this.#engine;
		if (!engine) return;
		const { level, probe_bps } = this.#renditions.decide(now_ms, {
			active: sharing.active && this.#isLive,
			wanted: sharing.state.obstacle === null && this.#isLive,
			automatic: engine.chosen < 0,
			...engine.ladder
		});
		engine.hold(level);
		if (probe_bps !== null) void this.#source.probe(probe_bps).then((carried) => this.#renditions.handleProbe(performance.now(), carried));
	}

	// ---- small facts

	#follow(following: boolean): void {
		if (this.following === following) return;
		this.following = following;
		this.emit('following', following);
	}

	#wantUnmute(wanted: boolean): void {
		if (this.wants_unmute === wanted) return;
		this.wants_unmute = wanted;
		this.emit('unmute', wanted);
	}

	#update(): void {
		const state = this.#idle && !this.#engine && this.#phase !== 'ended' && this.#phase !== 'waiting'
			? 'paused'
			: playerState({
					phase: this.#phase,
					fatal: this.#fatal,
					connected: this.#connected,
					started: this.#started,
					played_out: this.#played_out,
					gap: this.#source.gap_s > 0,
					starved: this.#dry_since_ms !== null,
					paused: this.video.paused
				});
		if (state === this.state) return;
		this.state = state;
		this.emit('state', state);
	}
}

/** Plays `options.playlistUrl` in `video`. */
export function createPlayer(video: HTMLVideoElement, options: PlayerOptions): Player {
	return new Player(video, options);
}
