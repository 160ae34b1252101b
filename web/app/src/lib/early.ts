import type { VideoDetails } from '@shoal/api-client';
import { session } from './session.svelte';

/** Asked for, with the identifier it was asked by; taken once. */
let asked: { id: string; video: Promise<VideoDetails> } | null = null;

/**
 * Whoever opens a watch page wants the picture: the video is looked up and the player fetched while the code of the
 * page itself is still on its way.
 */
export function begin(path: string): void {
	const id = /^\/w\/([^/]+)\/?$/.exec(path)?.[1];
	if (!id) return;
	import('@shoal/player').then(({ loadHls }) => loadHls()).catch(() => undefined);
	const video = session.api.video(decodeURIComponent(id));
	video.catch(() => undefined);
	asked = { id, video };
}

/** The video `id`, asked for before or now. */
export function video(id: string): Promise<VideoDetails> {
	const early = asked;
	asked = null;
	return early?.id === id ? early.video : session.api.video(id);
}
