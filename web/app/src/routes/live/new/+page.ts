import { VideoState } from '@shoal/api-client';
import { fail } from '$lib/failure';
import { requireUser } from '$lib/guard';
import { session } from '$lib/session.svelte';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ url }) => {
	const user = await requireUser(url);
	try {
		const mine = await session.api.myVideos({ isLive: true, sort: '-createdAt', count: 10 });
		/** Lives that can be used again: what has ended for good cannot. */
		const lives = mine.data.filter((video) => video.isLive && video.state?.id !== VideoState.liveEnded);
		return { user, lives };
	} catch (error) {
		fail(error);
	}
};
