import { loadHls } from '@shoal/player';
import { fail } from '$lib/failure';
import { session } from '$lib/session.svelte';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ params }) => {
	// The largest file of the page comes while the server is asked about the video; the player says so if it fails.
	loadHls().catch(() => undefined);
	try {
		return { video: await session.api.video(params.id) };
	} catch (error) {
		fail(error);
	}
};
