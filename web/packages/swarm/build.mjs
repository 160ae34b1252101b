// Bundles what runs in Node: `node dist/headless.mjs`. The native modules stay outside.
import { build } from 'esbuild';

await build({
	entryPoints: ['src/headless.ts'],
	outfile: 'dist/headless.mjs',
	bundle: true,
	platform: 'node',
	format: 'esm',
	target: 'node20',
	external: ['@roamhq/wrtc', 'ws'],
	logLevel: 'warning'
});
