import { error } from '@sveltejs/kit';
import { fail } from '$lib/failure';
import { requireUser } from '$lib/guard';
import { t } from '$lib/messages';
import { session } from '$lib/session.svelte';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ params, url }) => {
	await requireUser(url);
	try {
		const video = await session.api.video(params.id);
		// A one-off live becomes its replay at the end: nothing is left to manage.
		if (!video.isLive) error(404, { message: t('live.not-a-live'), kind: 'not-found' });
		const [live, sessions] = await Promise.all([session.api.live(params.id), session.api.liveSessions(params.id)]);
		return { video, live, sessions: sessions.data };
	} catch (failure) {
		fail(failure);
	}
};
