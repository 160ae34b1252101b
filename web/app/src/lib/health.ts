import type { Health } from '@shoal/api-client/events';

export type Verdict = 'good' | 'fair' | 'bad';

/** Advice that says that viewers are affected now; any other is a hint for a better stream. */
const SERIOUS: ReadonlySet<string> = new Set(['recording_stopped', 'server_overloaded', 'frames_missing']);

/** How the stream does, in one word. */
export function verdict(health: Health): Verdict {
	if (health.advice.some((advice) => SERIOUS.has(advice.code))) return 'bad';
	return health.advice.length > 0 ? 'fair' : 'good';
}

export function isSerious(code: string): boolean {
	return SERIOUS.has(code);
}
