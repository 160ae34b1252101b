import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['tools/**/*.test.ts'],
		fileParallelism: false,
		pool: 'forks',
		maxWorkers: 1,
		testTimeout: 120_000,
		hookTimeout: 60_000,
		teardownTimeout: 10_000,
		// A flake is a bug.
		retry: 0,
		reporters: ['verbose']
	}
});
