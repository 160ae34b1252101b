import { ApiError } from '@shoal/api-client';
import { error } from '@sveltejs/kit';
import { t } from './messages';

/** Turns an error of the API into SvelteKit's error page. */
export function fail(cause: unknown): never {
	if (!(cause instanceof ApiError)) throw cause;
	if (cause.unreachable) error(503, { message: t('error.unreachable.title'), kind: 'unreachable' });
	if (cause.status === 404 || cause.status === 400) error(404, { message: t('error.not-found.title'), kind: 'not-found' });
	if (cause.status === 401 || cause.status === 403) error(403, { message: t('error.forbidden.title'), kind: 'forbidden' });
	error(cause.status >= 500 ? cause.status : 500, { message: t('error.broken.title'), kind: 'broken' });
}

/** An error of the API as a sentence for the place where it happened. */
export function sentence(cause: unknown): string {
	if (cause instanceof ApiError && cause.unreachable) return t('error.unreachable.title');
	return t('error.generic', { detail: cause instanceof Error ? cause.message : String(cause) });
}
