import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['tests/**/*.test.ts'],
		// One server, one encoder and one browser at a time: latency is measured here.
		fileParallelism: false,
		pool: 'forks',
		maxWorkers: 1,
		testTimeout: 60_000,
		hookTimeout: 60_000,
		teardownTimeout: 10_000,
		// A flake is a bug.
		retry: 0,
		reporters: ['verbose']
	}
});
