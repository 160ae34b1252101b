import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';

/** Where `npm run dev` finds a server: the default of `shoal serve`. */
const server = process.env.SHOAL_DEV_SERVER ?? 'http://127.0.0.1:9000';
const proxy = Object.fromEntries(
	['/api', '/static', '/lazy-static', '/videos/embed', '/healthz'].map((path) => [path, { target: server, ws: path === '/api' }])
);

export default defineConfig({
	plugins: [sveltekit()],
	server: { proxy },
	build: {
		target: 'es2022',
		// A request costs more than a kilobyte: what is tiny goes where it is used.
		rollupOptions: { output: { experimentalMinChunkSize: 20_000 } }
	},
	test: { include: ['test/**/*.test.ts'] }
});
