/** Where on the timeline to be: the place of the first picture, the distance from the live edge, the way back to it. */

import type { EdgeClock, LatencyController } from './latency';
import { bufferedRanges } from './media';

/** A seek that has not found data after this time counts as starved. */
const SEEK_PATIENCE_MS = 800;
/** Behind by more than this after a pause or in a tab that was hidden: jump instead of catching up. */
const RETURN_DEBT_S = 0.7;
/** Data that must lie ahead of the place to begin at: one part. */
const PLACE_MARGIN_S = 0.2;
/** Wait this long for the right place to be buffered before any place will do. */
const PLACE_PATIENCE_MS = 500;

/** Moves one media element along a live. */
export class Steering {
	#placed = false;
	#place_since_ms: number | null = null;
	#seek_since_ms: number | null = null;

	constructor(
		private readonly video: HTMLVideoElement,
		private readonly edge: EdgeClock,
		private readonly latency: LatencyController,
		signal: AbortSignal
	) {
		video.addEventListener('seeking', () => (this.#seek_since_ms = performance.now()), { signal });
		video.addEventListener('seeked', () => (this.#seek_since_ms = null), { signal });
	}

	/** Another attachment of the element: the first picture is to be placed again. */
	reset(): void {
		this.#placed = false;
		this.#place_since_ms = null;
		this.video.playbackRate = 1;
	}

	/**
	 * Before the first picture: to the right distance from the edge as soon as that is buffered. hls.js would begin
	 * where the edge was when it read the playlist, and only when all it knew of is appended.
	 */
	place(now_ms: number): void {
		const { video } = this;
		if (this.#placed || video.readyState < 1) return;
		const live_s = this.edge.live(now_ms);
		const range = bufferedRanges(video).at(-1);
		if (live_s === null || !range) return;
		this.#place_since_ms ??= now_ms;
		const goal_s = Math.max(range.start + 0.01, live_s - this.latency.target(now_ms));
		if (goal_s < range.end - PLACE_MARGIN_S) {
			this.#placed = true;
			video.currentTime = goal_s;
		} else if (now_ms - this.#place_since_ms > PLACE_PATIENCE_MS && range.end - range.start > PLACE_MARGIN_S) {
			// A slow link: something to see is better than nothing.
			this.#placed = true;
			video.currentTime = Math.max(range.start + 0.01, range.end - PLACE_MARGIN_S * 2);
		}
	}

	/** The first picture is there, or goes on at `position_s` after a gap in the stream. */
	handleStart(now_ms: number, position_s: number): void {
		this.latency.handleStart(now_ms, (this.edge.live(now_ms) ?? Infinity) - position_s);
	}

	/** While following: sets the rate, or jumps, as the latency control decides. `starved`: out of data. */
	drive(now_ms: number, starved: boolean): void {
		const { video } = this;
		const live_s = this.edge.live(now_ms);
		if (live_s === null) return;
		const lost = video.seeking && this.#seek_since_ms !== null && now_ms - this.#seek_since_ms > SEEK_PATIENCE_MS;
		const decision = this.latency.decide({
			now_ms,
			position_s: video.currentTime,
			live_s,
			buffered: bufferedRanges(video),
			moving: !video.paused && !video.seeking && !starved,
			starved: starved || lost
		});
		if (decision.seek_s !== null) video.currentTime = decision.seek_s;
		this.#pace(decision.rate);
	}

	/** Elsewhere in the recording: as it was filmed. */
	release(): void {
		this.#pace(1);
	}

	/** Whether the playhead, after a pause or a time in the background, is too far behind to catch up. */
	isLeftBehind(now_ms: number): boolean {
		const live_s = this.edge.live(now_ms);
		return live_s !== null && live_s - this.latency.target(now_ms) - this.video.currentTime > RETURN_DEBT_S;
	}

	#pace(rate: number): void {
		if (Math.abs(this.video.playbackRate - rate) > 0.001) this.video.playbackRate = rate;
	}
}
