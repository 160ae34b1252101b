/** Asks `check` again and again until it answers something true; fails with `what` after `timeout_ms`. */
export async function until<T>(
	what: string,
	timeout_ms: number,
	check: () => Promise<T | false | null | undefined> | T | false | null | undefined
): Promise<T> {
	const start_ms = performance.now();
	let failure: unknown;
	for (;;) {
		try {
			const answer = await check();
			if (answer) return answer;
			failure = undefined;
		} catch (error) {
			failure = error;
		}
		if (performance.now() - start_ms > timeout_ms) {
			throw new Error(`${what}: not within ${timeout_ms} ms`, { cause: failure });
		}
		await pause(ASK_EVERY_MS);
	}
}

const ASK_EVERY_MS = 50;

export function pause(duration_ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, duration_ms));
}
