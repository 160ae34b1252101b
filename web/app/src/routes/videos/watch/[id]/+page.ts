import { redirect } from '@sveltejs/kit';
import { shorten } from '$lib/short-uuid';
import type { PageLoad } from './$types';

/** PeerTube's other address of a video. */
export const load: PageLoad = ({ params, url }) => {
	redirect(308, `/w/${encodeURIComponent(shorten(params.id))}${url.search}`);
};
