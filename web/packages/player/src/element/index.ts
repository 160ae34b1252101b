/**
 * `<shoal-player>`: the player with controls. Used by the watch page and the embed page alike; a page sets `options`
 * (and later `phase`), everything else happens inside.
 *
 * Without `options` the attributes say what to play: `src` (multivariant playlist), `phase` or, shorter, `live`;
 * `latency-mode`, `muted`, `loop`, `autoplay="false"`, `start` (seconds).
 */

import { Player } from '../player';
import type { Phase, PlayerState } from '../state';
import type { PlayerOptions } from '../types';
import { clockTime, english, fill, type Strings } from './strings';
import { css } from './style';
import { name, set, show, text } from './dom';
import { remember, remembered } from './memory';
import { renderLegend, renderNerds } from './nerds';
import { drawTraffic, TrafficHistory } from './graph';
import { fillMenu, moveInMenu } from './menu';
import { build, icons, type View } from './view';

export { english, type Strings } from './strings';
export type { PlayerOptions, Stats, Details } from '../types';
export type { Phase, PlayerState } from '../state';
export type { SharingState } from '../sharing';

export interface ElementOptions extends PlayerOptions {
	/** shown over the picture (embeds); null for none */
	heading?: string | null;
	/** where the heading leads; null for nowhere */
	headingUrl?: string | null;
	/** default true */
	controls?: boolean;
	/** begin again at the end of a recording; default false */
	loop?: boolean;
	/** say over the picture, once in this browser, what sharing shows to others: for a page that does not say it; default false */
	sharingNotice?: boolean;
}

/** Controls disappear after this long without a touch of mouse, finger or key. */
const QUIET_MS = 2_800;
const REFRESH_MS = 250;
/** A shorter window is no use for seeking in a live: the timeline stays away. */
const DVR_MIN_S = 12;
const STEP_S = 5;
const VOLUME_STEP = 0.05;

interface PageSurface {
	stats?: () => unknown;
}

const PHASES: readonly string[] = ['waiting', 'live', 'interrupted', 'ended', 'vod'];

export class ShoalPlayer extends HTMLElement {
	static readonly observedAttributes = ['src', 'phase', 'live'];

	#view: View | null = null;
	#player: Player | null = null;
	#options: ElementOptions | null = null;
	#strings: Strings = english;
	#off: AbortController | null = null;
	#refresh: ReturnType<typeof setInterval> | undefined;
	#quiet: ReturnType<typeof setTimeout> | undefined;
	#dragging = false;
	#stats: (() => unknown) | null = null;
	#viewers = 0;
	#traffic = new TrafficHistory();

	/** What to play; setting it (again) loads it. */
	get options(): ElementOptions | null {
		return this.#options;
	}

	set options(options: ElementOptions | null) {
		this.#options = options;
		if (this.isConnected) this.#open();
	}

	/** The broadcast's phase, told by the page's events. */
	set phase(phase: Phase) {
		if (this.#options) this.#options = { ...this.#options, phase };
		this.#player?.setPhase(phase);
		this.#render();
	}

	/** How many watch, told by the page's events. */
	set viewers(viewers: number) {
		this.#viewers = viewers;
		this.#player?.setViewers(viewers);
	}

	/** The viewer's switch: share with others, or not at all. Remembered in this browser. */
	share(on: boolean): void {
		remember({ p2p: on });
		this.#player?.setSharing(on);
	}

	/** Words in the page's language. */
	set strings(strings: Partial<Strings>) {
		this.#strings = { ...english, ...strings };
		this.#label();
		this.#render();
	}

	/** The headless player, null before `options` are set. */
	get player(): Player | null {
		return this.#player;
	}

	attributeChangedCallback(name: string, before: string | null, after: string | null): void {
		if (before === after || !this.isConnected) return;
		if (name === 'src') {
			this.options = this.#fromAttributes();
		} else if (this.#options) {
			this.phase = this.#phaseAttribute();
		}
	}

	#phaseAttribute(): Phase {
		const phase = this.getAttribute('phase');
		if (phase && PHASES.includes(phase)) return phase as Phase;
		return this.hasAttribute('live') ? 'live' : 'vod';
	}

	#fromAttributes(): ElementOptions | null {
		const src = this.getAttribute('src');
		if (!src) return null;
		const mode = Number(this.getAttribute('latency-mode'));
		const options: ElementOptions = {
			playlistUrl: new URL(src, document.baseURI).href,
			phase: this.#phaseAttribute(),
			latencyMode: mode === 2 || mode === 3 ? mode : 1,
			loop: this.hasAttribute('loop'),
			autoplay: this.getAttribute('autoplay') !== 'false',
			startSeconds: Number(this.getAttribute('start')) || 0
		};
		if (this.hasAttribute('muted')) options.muted = true;
		return options;
	}

	connectedCallback(): void {
		if (!this.#view) {
			const root = this.attachShadow({ mode: 'open' });
			this.#view = build(root);
			if ('adoptedStyleSheets' in root && 'replaceSync' in CSSStyleSheet.prototype) {
				const sheet = new CSSStyleSheet();
				sheet.replaceSync(css);
				root.adoptedStyleSheets = [sheet];
			} else {
				const style = document.createElement('style');
				style.textContent = css;
				(root as ShadowRoot).prepend(style);
			}
		}
		if (!this.hasAttribute('tabindex')) this.tabIndex = 0;
		if (!this.hasAttribute('role')) this.setAttribute('role', 'region');
		this.#off = new AbortController();
		this.#label();
		this.#listen(this.#view, this.#off.signal);
		this.#refresh = setInterval(() => this.#render(), REFRESH_MS);
		this.#options ??= this.#fromAttributes();
		if (this.#options) this.#open();
	}

	disconnectedCallback(): void {
		clearInterval(this.#refresh);
		clearTimeout(this.#quiet);
		this.#off?.abort();
		this.#close();
	}

	#open(): void {
		const view = this.#view;
		const options = this.#options;
		if (!view) return;
		this.#close();
		if (!options) return;
		const known = remembered();
		view.video.volume = Math.min(1, Math.max(0, known.volume ?? 1));
		view.video.loop = options.loop ?? false;
		const player = new Player(view.video, {
			...options,
			muted: options.muted ?? known.muted ?? false,
			throughputBps: options.throughputBps ?? known.throughput_bps ?? null,
			...(options.sharing ? { sharing: { ...options.sharing, choice: known.p2p ?? options.sharing.choice ?? null } } : {})
		});
		this.#player = player;
		this.#traffic = new TrafficHistory();
		player.setViewers(this.#viewers);
		player.on('sharing', (state) => {
			if (state.active && options.sharingNotice) this.#tellOfSharing(view);
			this.#tell('sharingchange', state);
		});
		player.on('state', (state) => this.#handleState(state));
		player.on('unmute', () => this.#render());
		player.on('following', () => this.#render());
		player.on('qualities', () => {
			if (!view.menu.hidden) this.#fillMenu();
		});
		player.on('slowLink', ({ throughput_bps, bitrate_bps }) => {
			view.notice_text.textContent = fill(this.#strings.slowLink, {
				need: (bitrate_bps / 1e6).toFixed(1),
				have: (throughput_bps / 1e6).toFixed(1)
			});
			view.notice.hidden = false;
		});
		player.on('firstPicture', (ms) => this.#tell('firstpicture', { ms }));
		player.on('fault', (fault) => this.#tell('fault', { fault }));
		const page = ((globalThis as { shoal?: PageSurface }).shoal ??= {});
		this.#stats = () => player.stats();
		page.stats = this.#stats;
		view.title.hidden = !options.heading;
		view.title.replaceChildren();
		if (options.heading && options.headingUrl) {
			const link = document.createElement('a');
			link.href = options.headingUrl;
			link.target = '_blank';
			link.rel = 'noopener';
			link.textContent = options.heading;
			view.title.append(link);
		} else {
			view.title.textContent = options.heading ?? '';
		}
		this.#handleState(player.state);
		this.#wake();
	}

	#tellOfSharing(view: View): void {
		if (remembered().p2p_told) return;
		remember({ p2p_told: true });
		view.notice_text.textContent = this.#strings.sharingNotice;
		view.notice.hidden = false;
	}

	#close(): void {
		if (!this.#player) return;
		const throughput_bps = this.#player.throughput_bps;
		if (throughput_bps !== null) remember({ throughput_bps: Math.round(throughput_bps) });
		this.#player.destroy();
		this.#player = null;
		const page = (globalThis as { shoal?: PageSurface }).shoal;
		if (page && page.stats === this.#stats) delete page.stats;
	}

	// ---- input

	#listen(view: View, signal: AbortSignal): void {
		const on = (target: EventTarget, type: string, handle: (event: Event) => void): void =>
			target.addEventListener(type, handle, { signal });
		const player = (run: (player: Player) => void): (() => void) => () => {
			if (this.#player) run(this.#player);
			this.#render();
		};
		const toggle = player((it) => this.#toggle(it));
		on(view.toggle, 'click', toggle);
		on(view.big, 'click', toggle);
		on(view.mute, 'click', player((it) => this.#toggleMute(it)));
		on(view.unmute, 'click', player((it) => it.unmute()));
		on(view.live, 'click', player((it) => it.goLive()));
		on(view.primary, 'click', () => {
			if (this.#options) this.#open();
		});
		on(view.notice_close, 'click', () => {
			view.notice.hidden = true;
		});
		on(view.nerds_close, 'click', () => {
			view.nerds.hidden = true;
		});
		on(view.settings, 'click', () => this.#openMenu(view.menu.hidden));
		on(view.fullscreen, 'click', () => this.#toggleFullscreen());
		on(view.volume, 'input', () => {
			view.video.volume = Number(view.volume.value) / 100;
			view.video.muted = view.volume.value === '0';
		});
		on(view.video, 'volumechange', () => {
			if (!this.#player?.wants_unmute) remember({ volume: view.video.volume, muted: view.video.muted });
			this.#render();
		});
		on(view.seek, 'input', () => {
			this.#dragging = true;
			this.#showTip(Number(view.seek.value) / 1000);
			this.#render();
		});
		on(view.seek, 'change', () => {
			this.#dragging = false;
			view.tip.hidden = true;
			const window = this.#player?.window();
			if (window) this.#player?.seek(window.start + (Number(view.seek.value) / 1000) * (window.end - window.start));
			this.#render();
		});
		on(view.timeline, 'pointermove', (event) => {
			const box = view.timeline.getBoundingClientRect();
			this.#showTip((Math.max(0, Math.min(1, ((event as PointerEvent).clientX - box.left) / box.width))));
		});
		on(view.timeline, 'pointerleave', () => {
			view.tip.hidden = true;
		});
		on(view.stage, 'click', (event) => {
			if (!view.menu.hidden) return this.#openMenu(false);
			// A finger shows the controls first; a mouse, which shows them by moving, plays and pauses.
			if ((event as PointerEvent).pointerType === 'touch') return;
			if (this.#options?.controls !== false) toggle();
		});
		on(view.stage, 'dblclick', () => {
			if (this.#options?.controls !== false) this.#toggleFullscreen();
		});
		on(view.menu, 'click', (event) => this.#pick(event));
		on(view.menu, 'keydown', (event) => moveInMenu(view.menu, event as KeyboardEvent, this.shadowRoot?.activeElement ?? null));
		for (const type of ['pointermove', 'pointerdown', 'keydown', 'focusin']) on(this, type, () => this.#wake());
		on(this, 'pointerleave', () => this.#hush());
		on(this, 'keydown', (event) => this.#handleKey(event as KeyboardEvent));
		on(document, 'fullscreenchange', () => this.#render());
	}

	#toggle(player: Player): void {
		if (player.state === 'ended' || this.#view?.video.paused) void player.play();
		else player.pause();
	}

	#toggleMute(player: Player): void {
		if (player.video.muted || player.video.volume === 0) player.unmute();
		else player.video.muted = true;
	}

	/** Keys as on YouTube, `l` and End for live. */
	#handleKey(event: KeyboardEvent): void {
		const player = this.#player;
		const view = this.#view;
		if (!player || !view || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
		if (this.#options?.controls === false) return;
		const inside = event.composedPath()[0];
		const on_button = inside instanceof HTMLButtonElement || (inside instanceof HTMLElement && inside.getAttribute('role')?.startsWith('menuitem'));
		const on_range = inside instanceof HTMLInputElement;
		const actions: Record<string, () => void> = {
			k: () => this.#toggle(player),
			m: () => this.#toggleMute(player),
			f: () => this.#toggleFullscreen(),
			s: () => {
				view.nerds.hidden = !view.nerds.hidden;
			},
			l: () => player.goLive(),
			End: () => (player.video.duration === Infinity ? player.goLive() : player.seek(Infinity)),
			Home: () => player.seek(0)
		};
		if (!on_button) actions[' '] = () => this.#toggle(player);
		if (!on_range) {
			actions.ArrowLeft = () => player.seekBy(-STEP_S);
			actions.ArrowRight = () => player.seekBy(STEP_S);
			actions.ArrowUp = () => this.#changeVolume(VOLUME_STEP);
			actions.ArrowDown = () => this.#changeVolume(-VOLUME_STEP);
		}
		const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
		if (event.key === 'Escape' && !view.menu.hidden) {
			this.#openMenu(false);
		} else if (action && view.menu.hidden) {
			action();
		} else {
			return;
		}
		event.preventDefault();
		this.#render();
	}

	#changeVolume(by: number): void {
		const { video } = this.#view ?? {};
		if (!video) return;
		video.volume = Math.max(0, Math.min(1, video.volume + by));
		if (by > 0) this.#player?.unmute();
	}

	#toggleFullscreen(): void {
		const video = this.#view?.video as (HTMLVideoElement & { webkitEnterFullscreen?: () => void }) | undefined;
		if (document.fullscreenElement) void document.exitFullscreen();
		else if (this.requestFullscreen) void this.requestFullscreen().catch(() => undefined);
		// iPhones know full screen only for the video element itself.
		else video?.webkitEnterFullscreen?.();
	}

	#openMenu(open: boolean): void {
		const view = this.#view;
		if (!view) return;
		view.menu.hidden = !open;
		view.settings.setAttribute('aria-expanded', String(open));
		if (open) {
			this.#fillMenu();
			(view.menu.querySelector<HTMLElement>('[aria-checked="true"]') ?? view.menu.querySelector<HTMLElement>('button'))?.focus();
		} else if (this.shadowRoot?.activeElement && view.menu.contains(this.shadowRoot.activeElement)) {
			view.settings.focus();
		}
	}

	#fillMenu(): void {
		const view = this.#view;
		if (view && this.#player) fillMenu(view.menu, this.#player, this.#strings, !view.nerds.hidden);
	}

	#pick(event: Event): void {
		const value = (event.target as HTMLElement).closest<HTMLElement>('[data-value]')?.dataset.value;
		const view = this.#view;
		if (value === undefined || !view) return;
		if (value === 'nerds') view.nerds.hidden = !view.nerds.hidden;
		else if (value === 'sharing') this.share(!this.#player?.sharing?.on);
		else this.#player?.setQuality(Number(value));
		this.#openMenu(false);
		this.#render();
	}

	#wake(): void {
		this.#view?.stage.classList.remove('hide-cursor');
		this.shadowRoot?.host.classList.remove('quiet');
		this.#setQuiet(false);
		clearTimeout(this.#quiet);
		this.#quiet = setTimeout(() => this.#hush(), QUIET_MS);
	}

	#hush(): void {
		if (this.#player?.state !== 'playing' || !this.#view?.menu.hidden || this.#dragging) return;
		this.#setQuiet(true);
	}

	#setQuiet(quiet: boolean): void {
		const view = this.#view;
		if (!view) return;
		view.stage.classList.toggle('hide-cursor', quiet);
		const hide = quiet ? '0' : '';
		// Focus inside keeps them: whoever works by keyboard sees where they are.
		const focused = this.shadowRoot?.activeElement;
		view.bar.style.opacity = focused && view.bar.contains(focused) ? '' : hide;
		view.title.style.opacity = hide;
	}

	// ---- output

	#tell(type: string, detail: object): void {
		this.dispatchEvent(new CustomEvent(type, { detail }));
	}

	#handleState(state: PlayerState): void {
		const view = this.#view;
		const words = this.#strings;
		if (view) {
			view.status.textContent = {
				waiting: `${words.waiting}. ${words.waitingHint}`,
				interrupted: `${words.interrupted}. ${words.interruptedHint}`,
				ended: this.#options?.phase === 'vod' ? '' : words.ended,
				error: `${words.error}. ${words.errorHint}`,
				loading: '',
				playing: '',
				paused: ''
			}[state];
		}
		if (state !== 'playing') this.#setQuiet(false);
		else this.#wake();
		this.#tell('statechange', { state });
		this.#render();
	}

	#label(): void {
		const view = this.#view;
		if (!view) return;
		const words = this.#strings;
		if (!this.hasAttribute('aria-label')) this.setAttribute('aria-label', words.player);
		const name = (element: HTMLElement, text: string): void => {
			element.setAttribute('aria-label', text);
			element.title = text;
		};
		name(view.settings, words.settings);
		name(view.notice_close, words.close);
		name(view.nerds_close, words.close);
		view.volume.setAttribute('aria-label', words.volume);
		view.seek.setAttribute('aria-label', words.seek);
		view.menu.setAttribute('aria-label', words.settings);
		view.settings.innerHTML = icons.settings;
		view.notice_close.innerHTML = view.nerds_close.innerHTML = icons.close;
		view.unmute.innerHTML = icons.silent;
		view.unmute.append(words.unmuteLarge);
		view.live.textContent = words.live;
		view.primary.textContent = words.retry;
		renderLegend(view.legend);
	}

	#render(): void {
		const view = this.#view;
		const player = this.#player;
		if (!view || !player) return;
		const words = this.#strings;
		const { state } = player;
		const { video } = view;
		const recording = this.#options?.phase === 'vod';
		const live = !recording && state !== 'ended';
		const begun = video.readyState >= 2;

		const message = {
			waiting: [icons.clock, words.waiting, words.waitingHint],
			interrupted: [icons.broken, words.interrupted, words.interruptedHint],
			ended: [icons.done, words.ended, words.endedHint],
			error: [icons.warning, words.error, words.errorHint],
			loading: null,
			playing: null,
			paused: null
		}[recording && state === 'ended' ? 'paused' : state];
		const offer_play = (state === 'paused' && !begun) || (recording && state === 'ended');
		show(view.centre, message !== null || state === 'loading' || offer_play);
		view.centre.classList.toggle('solid', message !== null && (state !== 'interrupted' || !begun));
		view.centre.classList.toggle('veil', message !== null && state === 'interrupted' && begun);
		show(view.spinner, state === 'loading');
		show(view.mark, message !== null);
		view.mark.classList.toggle('pulse', state === 'waiting' || state === 'interrupted');
		show(view.heading, message !== null);
		show(view.hint, message !== null);
		show(view.primary, state === 'error');
		if (message) {
			set(view.mark, message[0] ?? '');
			text(view.heading, message[1] ?? '');
			text(view.hint, message[2] ?? '');
		}
		show(view.big, offer_play);
		if (offer_play) {
			set(view.big, state === 'ended' ? icons.replay : icons.play);
			name(view.big, state === 'ended' ? words.replay : words.play);
		}
		show(view.unmute, player.wants_unmute && (state === 'playing' || state === 'loading'));
		show(view.bar, this.#options?.controls !== false && state !== 'waiting' && state !== 'error' && !(state === 'ended' && !recording));

		const moving = !video.paused && state !== 'ended';
		set(view.toggle, moving ? icons.pause : state === 'ended' ? icons.replay : icons.play);
		name(view.toggle, moving ? words.pause : state === 'ended' ? words.replay : words.play);
		const silent = video.muted || video.volume === 0;
		set(view.mute, silent ? icons.silent : icons.sound);
		name(view.mute, silent ? words.unmute : words.mute);
		if (document.activeElement !== view.volume) view.volume.value = String(silent ? 0 : Math.round(video.volume * 100));
		const full = document.fullscreenElement === this;
		set(view.fullscreen, full ? icons.shrink : icons.fullscreen);
		name(view.fullscreen, full ? words.exitFullscreen : words.fullscreen);

		const window = player.window();
		const length_s = window ? window.end - window.start : 0;
		const at_live = live && player.following && state !== 'paused';
		show(view.live, live);
		view.live.setAttribute('aria-pressed', String(at_live));
		name(view.live, at_live ? words.atLive : words.goLive);
		const latency_ms = at_live ? player.stats().latency_ms : null;
		show(view.latency, latency_ms !== null);
		if (latency_ms !== null) {
			text(view.latency, `${(latency_ms / 1000).toFixed(1)} s`);
			view.latency.title = fill(words.behind, { seconds: (latency_ms / 1000).toFixed(1) });
		}
		show(view.timeline, recording ? length_s > 0 : live && length_s >= DVR_MIN_S);
		const behind_s = window ? Math.max(0, window.end - video.currentTime) : 0;
		show(view.time, recording || (live && !at_live && length_s > 0));
		if (window && length_s > 0) {
			const share = at_live ? 1 : Math.max(0, Math.min(1, (video.currentTime - window.start) / length_s));
			if (!this.#dragging) view.seek.value = String(Math.round(share * 1000));
			view.played.style.width = `${this.#dragging ? Number(view.seek.value) / 10 : share * 100}%`;
			const { buffered } = video;
			const loaded_s = buffered.length > 0 ? buffered.end(buffered.length - 1) : window.start;
			view.loaded.style.width = `${Math.max(0, Math.min(100, ((loaded_s - window.start) / length_s) * 100))}%`;
			const spoken = recording
				? `${clockTime(video.currentTime)} / ${clockTime(length_s)}`
				: at_live
					? words.atLive
					: fill(words.behindLive, { time: clockTime(behind_s) });
			view.seek.setAttribute('aria-valuetext', spoken);
			text(view.time, recording ? spoken : `-${clockTime(behind_s)}`);
		}
		this.#traffic.add(performance.now(), player.stats());
		if (view.nerds.hidden) return;
		renderNerds(view.nerds_rows, player);
		drawTraffic(view.graph, this.#traffic);
	}

	#showTip(share: number): void {
		const window = this.#player?.window();
		const view = this.#view;
		if (!window || !view) return;
		const length_s = window.end - window.start;
		text(view.tip, this.#options?.phase === 'vod' ? clockTime(share * length_s) : `-${clockTime((1 - share) * length_s)}`);
		view.tip.style.left = `${share * 100}%`;
		view.tip.hidden = false;
	}
}

if (!customElements.get('shoal-player')) customElements.define('shoal-player', ShoalPlayer);

declare global {
	interface HTMLElementTagNameMap {
		'shoal-player': ShoalPlayer;
	}
}
