import { defineConfig } from 'vitest/config';

/**
 * The embed page is a server template with this bundle alone. Names are fixed, as the template knows them; the server
 * revalidates them. `static/` of the app is where its build takes files from unchanged (and compresses them).
 */
export default defineConfig({
	base: '/embed/',
	build: {
		target: 'es2022',
		outDir: '../app/static/embed',
		emptyOutDir: true,
		modulePreload: { polyfill: false },
		rollupOptions: {
			input: 'src/embed.ts',
			output: {
				entryFileNames: 'embed.js',
				chunkFileNames: '[name].js',
				assetFileNames: '[name][extname]',
				manualChunks: (id) => (id.includes('hls.js') ? 'hls' : /packages\/swarm|@noble/.test(id) ? 'swarm' : undefined)
			}
		}
	},
	test: { include: ['test/**/*.test.ts'] }
});
