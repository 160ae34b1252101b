import { fail } from '$lib/failure';
import { requireUser } from '$lib/guard';
import { session } from '$lib/session.svelte';
import type { PageLoad } from './$types';

/** As many as the API gives at once. */
const COUNT = 100;

export const load: PageLoad = async ({ url }) => {
	await requireUser(url);
	try {
		const mine = await session.api.myVideos({ sort: '-createdAt', count: COUNT });
		return {
			lives: mine.data.filter((video) => video.isLive),
			videos: mine.data.filter((video) => !video.isLive)
		};
	} catch (error) {
		fail(error);
	}
};
