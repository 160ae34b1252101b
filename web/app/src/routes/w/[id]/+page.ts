import { fail } from '$lib/failure';
import { session } from '$lib/session.svelte';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ params }) => {
	try {
		return { video: await session.api.video(params.id) };
	} catch (error) {
		fail(error);
	}
};
