import { Privacy, VideoState, type VideoDetails } from '@shoal/api-client';
import type { Phase } from '@shoal/api-client/events';

/** What the watch page shows. `recorded`: a finished video or replay. */
export type View = Phase | 'recorded';

/** What the REST API knows of a video's phase; the socket knows more (interrupted). */
export function viewOf(video: Pick<VideoDetails, 'isLive' | 'state'>): View {
	if (!video.isLive) return 'recorded';
	switch (video.state?.id) {
		case VideoState.published:
			return 'live';
		case VideoState.liveEnded:
			return 'ended';
		default:
			return 'waiting';
	}
}

/**
 * What to show after the socket's `next`. A finished live whose replay is at hand is still `ended` for those
 * who watched it live: they are offered the replay, not thrown back to the beginning.
 */
export function advance(current: View, next: Phase): View {
	if (current === 'recorded') return 'recorded';
	// A permanent live goes back to waiting right after its end: who watched should read that it is over.
	if (next === 'waiting' && (current === 'live' || current === 'interrupted' || current === 'ended')) return 'ended';
	return next;
}

/** Where this server will have the playlist of a live that is not on yet; unknown for another server's. */
export function expectedPlaylist(video: Pick<VideoDetails, 'isLive' | 'isLocal' | 'uuid'>): string | null {
	return video.isLive && video.isLocal ? `/static/streaming-playlists/hls/${video.uuid}/master.m3u8` : null;
}

/** Whether everybody may watch it; otherwise each request needs the viewer's token. */
export function isOpen(video: Pick<VideoDetails, 'privacy'>): boolean {
	return video.privacy.id === Privacy.public || video.privacy.id === Privacy.unlisted;
}

/** The playlist's address, once there is something to play. */
export function playlistOf(video: VideoDetails): string | null {
	return video.streamingPlaylists[0]?.playlistUrl ?? null;
}
