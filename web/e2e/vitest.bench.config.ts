import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['bench/**/*.test.ts'],
		fileParallelism: false,
		pool: 'forks',
		maxWorkers: 1,
		testTimeout: 3_600_000,
		hookTimeout: 60_000,
		teardownTimeout: 20_000,
		retry: 0,
		reporters: ['verbose']
	}
});
