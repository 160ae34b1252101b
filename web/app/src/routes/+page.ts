import { VideoState } from '@shoal/api-client';
import { fail } from '$lib/failure';
import { session } from '$lib/session.svelte';
import type { PageLoad } from './$types';

/** Enough to fill a large screen; what is older is found by searching. */
const LIVES = 24;
const RECENT = 24;

export const load: PageLoad = async ({ depends }) => {
	depends('shoal:home');
	try {
		const [lives, recent] = await Promise.all([
			session.api.videos({ isLive: true, sort: '-publishedAt', count: LIVES }),
			session.api.videos({ isLive: false, sort: '-publishedAt', count: RECENT })
		]);
		return { lives: lives.data.filter((video) => video.state?.id === VideoState.published), recent: recent.data };
	} catch (error) {
		fail(error);
	}
};
