/** The player's state, derived from what is known. Pure. */

/** Where the broadcast is in its life, as the server says it. `vod`: a finished recording. */
export type Phase = 'waiting' | 'live' | 'interrupted' | 'ended' | 'vod';

export type PlayerState =
	/** the live has not started; it will play by itself */
	| 'waiting'
	/** nothing to see yet, or playback ran dry */
	| 'loading'
	| 'playing'
	/** by the viewer, or because the browser wants a gesture first */
	| 'paused'
	/** the publisher is gone, the broadcast may go on */
	| 'interrupted'
	| 'ended'
	/** only what cannot be repaired by trying again */
	| 'error';

export interface Facts {
	phase: Phase;
	/** a fault that trying again does not repair */
	fatal: boolean;
	/** a playlist was loaded and media attached */
	connected: boolean;
	/** the first picture was shown (or sound heard) */
	started: boolean;
	/** the playlist says ENDLIST and everything was played, or the broadcast ended and nothing is left */
	played_out: boolean;
	/** the newest parts are GAP */
	gap: boolean;
	/** out of data */
	starved: boolean;
	paused: boolean;
}

/** What to show. What can still be played goes before what the server says: the picture runs a second behind. */
export function playerState(facts: Facts): PlayerState {
	if (facts.fatal) return 'error';
	if (facts.played_out) return 'ended';
	if (!facts.connected) {
		if (facts.phase === 'ended') return 'ended';
		if (facts.phase === 'waiting') return 'waiting';
		return facts.phase === 'interrupted' ? 'interrupted' : 'loading';
	}
	const dry = !facts.started || facts.starved;
	if (dry && (facts.gap || facts.phase === 'interrupted')) return 'interrupted';
	if (facts.paused && facts.started) return 'paused';
	return dry ? 'loading' : 'playing';
}

/** With less than this ahead and no data for the next frame, playback ran dry. */
const DRY_S = 0.1;
/** Up to this much at the end of the stream may be held by a decoder that waits for the next frame to put it out... */
const HELD_S = 0.3;
/** ...which shows when the position has not moved for this long. */
const STILL_MS = 300;

/** Finds out that playback ran out of data. */
export class Starvation {
	#position_s = NaN;
	#since_ms = 0;

	/** Whether the element, which wants to play, lacks data: `ready` is its `readyState`, `ahead_s` what is buffered. */
	check(now_ms: number, ready: number, position_s: number, ahead_s: number): boolean {
		if (position_s !== this.#position_s) {
			this.#position_s = position_s;
			this.#since_ms = now_ms;
		}
		// 3: HAVE_FUTURE_DATA.
		return ready < 3 && (ahead_s < DRY_S || (ahead_s < HELD_S && now_ms - this.#since_ms >= STILL_MS));
	}
}

/** Nothing to see for this long although the live goes on. Longer than a server needs to restart. */
export const STUCK_MS = 12_000;

/** Finds out that playback is stuck in something that only a fresh start gets it out of. */
export class StuckWatch {
	#since_ms: number | null = null;

	/** `expects`: there should be a picture and is none. `excused`: the stream itself has a hole, and playlists still come. */
	check(now_ms: number, expects: boolean, excused: boolean): boolean {
		this.#since_ms = expects ? (this.#since_ms ?? now_ms) : null;
		return this.#since_ms !== null && now_ms - this.#since_ms >= STUCK_MS && !excused;
	}

	reset(): void {
		this.#since_ms = null;
	}
}

/** First wait before trying again, doubled each time... */
const RETRY_FIRST_MS = 250;
/** ...up to this by the reason. `absent`: the server says 404 of a live that runs, so it is about to be there. */
const RETRY_MAX_MS = { absent: 1_000, unreachable: 3_000 };
/** A live that has not begun is told by the page's socket; polling is only the net below. */
const RETRY_WAITING_MS = 5_000;

/** How long to wait before attempt `attempt` (0 = first retry). `random` in [0, 1) spreads the audience. */
export function retryDelay(attempt: number, reason: 'waiting' | 'absent' | 'unreachable', random: number): number {
	const ceiling_ms = reason === 'waiting' ? RETRY_WAITING_MS : Math.min(RETRY_MAX_MS[reason], RETRY_FIRST_MS * 2 ** Math.min(attempt, 10));
	return ceiling_ms * (0.6 + 0.4 * random);
}

/** Stalls within this time count together. */
const LINK_WINDOW_MS = 30_000;
/** This many of them, with a link that carries less than the stream needs, are no accident. */
const LINK_STALLS = 2;
/** A link needs this much more than the stream's rate to carry it without stalls. */
const LINK_HEADROOM = 1.15;

/** Finds out that the stream is too fast for the viewer's link. */
export class LinkWatch {
	#stalls: number[] = [];

	/** Playback ran dry; true when the link is the cause. */
	handleStall(now_ms: number, throughput_bps: number | null, bitrate_bps: number | null): boolean {
		this.#stalls = this.#stalls.filter((at_ms) => now_ms - at_ms < LINK_WINDOW_MS);
		this.#stalls.push(now_ms);
		if (this.#stalls.length < LINK_STALLS || throughput_bps === null || bitrate_bps === null) return false;
		return throughput_bps < bitrate_bps * LINK_HEADROOM;
	}
}
