/** What the server says about the video in the page's `#shoal-embed` script. */

import type { Phase } from '@shoal/player';

export interface Video {
	uuid: string;
	playlistUrl: string;
	phase: Phase;
	title: string;
	latencyMode: 1 | 2 | 3;
	/** the video's own page */
	url: string;
}

const PHASES: readonly string[] = ['waiting', 'live', 'interrupted', 'ended', 'vod'];

/** PeerTube's video states: 4 waiting for the live, 5 live ended; all else can be played. */
function phaseOf(state: unknown, live: boolean): Phase {
	if (typeof state === 'string' && PHASES.includes(state)) return state as Phase;
	if (!live) return 'vod';
	if (state === 4) return 'waiting';
	return state === 5 ? 'ended' : 'live';
}

/** Reads the script's JSON; null when something needed is missing. `base` resolves relative addresses. */
export function parseVideo(text: string, base: string): Video | null {
	let fields: Record<string, unknown>;
	try {
		const value: unknown = JSON.parse(text);
		if (typeof value !== 'object' || value === null) return null;
		fields = value as Record<string, unknown>;
	} catch {
		return null;
	}
	const { uuid, playlistUrl, title, latencyMode, url } = fields;
	if (typeof uuid !== 'string' || typeof playlistUrl !== 'string') return null;
	return {
		uuid,
		playlistUrl: new URL(playlistUrl, base).href,
		phase: phaseOf(fields.state, fields.isLive !== false),
		title: typeof title === 'string' ? title : '',
		latencyMode: latencyMode === 2 || latencyMode === 3 ? latencyMode : 1,
		url: new URL(typeof url === 'string' ? url : `/videos/watch/${uuid}`, base).href
	};
}
