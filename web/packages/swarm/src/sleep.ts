/** Waiting that ends early. */

/** Resolves after `ms`, or when `signal` is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
	if (signal.aborted || ms <= 0) return Promise.resolve();
	return new Promise((resolve) => {
		const done = (): void => {
			clearTimeout(timer);
			signal.removeEventListener('abort', done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		signal.addEventListener('abort', done, { once: true });
	});
}

/** `signal`, or `timeout_ms` from now, whichever comes first. */
export function within(signal: AbortSignal, timeout_ms: number): AbortSignal {
	const both = new AbortController();
	const timer = setTimeout(() => both.abort(new DOMException('too slow', 'TimeoutError')), timeout_ms);
	const stop = (): void => {
		clearTimeout(timer);
		both.abort(signal.reason);
	};
	if (signal.aborted) stop();
	else signal.addEventListener('abort', stop, { once: true });
	both.signal.addEventListener('abort', () => signal.removeEventListener('abort', stop), { once: true });
	return both.signal;
}
