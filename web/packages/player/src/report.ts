/** What a player tells of itself, put together from its parts. */

import type { Engine } from './engine';
import type { EdgeClock, LatencyController } from './latency';
import { aheadSeconds, bufferedRanges, startDate } from './media';
import type { Sharing } from './sharing';
import type { Source } from './source';
import type { PlayerState } from './state';
import type { Details, Stats } from './types';

/** A player's parts, and the facts that only it knows. */
export interface Parts {
	video: HTMLVideoElement;
	source: Source;
	engine: Engine | null;
	edge: EdgeClock;
	latency: LatencyController;
	sharing: Sharing | null;
	state: PlayerState;
	native: boolean;
	/** a live that runs and was seen */
	live: boolean;
	stalls: number;
	first_picture_ms: number | null;
}

export function statsOf(parts: Parts): Stats {
	const { source } = parts;
	const shared = parts.sharing?.stats();
	return {
		state: parts.state,
		latency_ms: latencyMs(parts),
		buffer_ms: Math.round(aheadSeconds(parts.video) * 1000),
		stalls: parts.stalls,
		http_bytes: source.http_bytes + (shared?.http_bytes ?? 0),
		p2p_bytes: shared?.p2p_bytes ?? 0,
		p2p_upload_bytes: shared?.upload_bytes ?? 0,
		peers: shared?.peers ?? 0,
		rendition: parts.engine?.playing?.label ?? null
	};
}

export function detailsOf(parts: Parts): Details {
	const { video, source, engine, sharing } = parts;
	const now_ms = performance.now();
	const live_s = parts.edge.live(now_ms);
	const quality = video.getVideoPlaybackQuality?.();
	return {
		...statsOf(parts),
		width: video.videoWidth,
		height: video.videoHeight,
		frames: quality?.totalVideoFrames ?? 0,
		dropped_frames: quality?.droppedVideoFrames ?? 0,
		bitrate_bps: engine?.playing?.bitrate_bps ?? null,
		throughput_bps: source.throughput.bps,
		playback_rate: video.playbackRate,
		target_s: parts.latency.target(now_ms),
		distance_s: live_s === null ? null : live_s - video.currentTime,
		part_target_s: source.playlist?.part_target_s ?? 0,
		part_hold_back_s: source.playlist?.part_hold_back_s ?? 0,
		buffered: bufferedRanges(video),
		clock_difference_ms: source.clock.difference_ms,
		first_picture_ms: parts.first_picture_ms,
		engine: parts.native ? 'native' : 'hls.js',
		sharing: sharing?.state ?? null,
		swarm: sharing?.stats() ?? null,
		position_s: video.currentTime
	};
}

function latencyMs({ video, source, engine, edge, native, live }: Parts): number | null {
	if (!live) return null;
	const date_ms = native ? startDate(video) + video.currentTime * 1000 : (engine?.playing_date_ms ?? NaN);
	if (!Number.isFinite(date_ms)) return null;
	const by_date_ms = Date.now() + source.clock.difference_ms - date_ms;
	// What is on screen is at least as old as its distance from the edge. A date-time that says less lies in the
	// future: the stream's clock was set when its first frames came late, and is being put right slowly.
	const live_s = edge.live(performance.now());
	const distance_ms = live_s === null ? 0 : (live_s - video.currentTime) * 1000;
	return Math.round(Math.max(by_date_ms, distance_ms));
}
