/** What goes into a player and what it tells. */

import type { LatencyMode, Range } from './latency';
import type { SharingOptions, SharingState, SwarmStats } from './sharing';
import type { Token } from './source';
import type { Phase, PlayerState } from './state';

export interface PlayerOptions {
	/** the multivariant playlist */
	playlistUrl: string;
	/** default `live` */
	phase?: Phase;
	/** the live's `latencyMode`; default 1 */
	latencyMode?: LatencyMode;
	/** begin by itself, muted if the browser wants a gesture for sound; default true */
	autoplay?: boolean;
	/** begin muted; default false */
	muted?: boolean;
	/** recording: begin here */
	startSeconds?: number;
	/** throughput measured on an earlier visit, for the first choice of quality */
	throughputBps?: number | null;
	/** for a video that is not open to everybody: gives the viewer's access token for each request */
	token?: Token;
	/** share the live with other viewers, where instance and viewer allow it; default: never */
	sharing?: SharingOptions;
	/** takes each line that hls.js and the swarm log, for developers */
	log?: (line: string) => void;
}

/** `window.shoal.stats()`; null where not known (yet). */
export interface Stats {
	state: PlayerState;
	/** wall clock minus the programme date-time on screen */
	latency_ms: number | null;
	buffer_ms: number;
	/** times playback ran dry although the stream went on */
	stalls: number;
	/** from the server, by the swarm's engine too */
	http_bytes: number;
	/** from other viewers */
	p2p_bytes: number;
	p2p_upload_bytes: number;
	peers: number;
	/** such as "720p" */
	rendition: string | null;
}

/** More, for the "stats for nerds". */
export interface Details extends Stats {
	width: number;
	height: number;
	frames: number;
	dropped_frames: number;
	bitrate_bps: number | null;
	throughput_bps: number | null;
	playback_rate: number;
	/** distance aimed at, and distance measured, behind the newest media the server has */
	target_s: number;
	distance_s: number | null;
	part_target_s: number;
	part_hold_back_s: number;
	buffered: Range[];
	clock_difference_ms: number;
	first_picture_ms: number | null;
	engine: 'hls.js' | 'native';
	sharing: SharingState | null;
	swarm: SwarmStats | null;
	position_s: number;
}

export interface PlayerEvents {
	state: PlayerState;
	/** sound is off only because the browser wants a gesture first (true), or is on again (false) */
	unmute: boolean;
	/** the list of qualities or the choice changed */
	qualities: void;
	/** following the live edge or not */
	following: boolean;
	/** the stream is too fast for the viewer's link */
	slowLink: { throughput_bps: number; bitrate_bps: number };
	/** joined a swarm, left it, or something else about sharing changed */
	sharing: SharingState;
	/** milliseconds from `createPlayer` to the first picture */
	firstPicture: number;
	/** an error in words for a log; the state tells what to show */
	fault: string;
}
