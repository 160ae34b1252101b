import type { User } from '@shoal/api-client';
import { redirect } from '@sveltejs/kit';
import { fail } from './failure';
import { session } from './session.svelte';

/** The logged-in user; whoever is not is asked to log in and comes back to `url`. */
export async function requireUser(url: URL): Promise<User> {
	const user = await session.me().catch(fail);
	if (!user) redirect(307, `/login?next=${encodeURIComponent(url.pathname + url.search)}`);
	return user;
}
