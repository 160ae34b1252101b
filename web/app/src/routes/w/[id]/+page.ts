import { video } from '$lib/early';
import { fail } from '$lib/failure';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ params }) => {
	try {
		return { video: await video(params.id) };
	} catch (error) {
		fail(error);
	}
};
