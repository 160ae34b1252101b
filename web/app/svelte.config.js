import adapter from '@sveltejs/adapter-static';

/** @type {import('@sveltejs/kit').Config} */
export default {
	kit: {
		// One page for every path: the server embeds the folder and answers unknown paths with index.html.
		adapter: adapter({ pages: 'build', assets: 'build', fallback: 'index.html', precompress: true }),
		alias: { $ui: 'src/lib/ui' },
		// Nothing but our own code runs. Pictures and media may come from other instances, workers (hls.js) from blobs.
		csp: {
			mode: 'hash',
			directives: {
				'default-src': ['self'],
				'script-src': ['self'],
				'style-src': ['self', 'unsafe-inline'],
				'img-src': ['self', 'data:', 'blob:', 'http:', 'https:'],
				'media-src': ['self', 'blob:', 'http:', 'https:'],
				'connect-src': ['self', 'ws:', 'wss:', 'http:', 'https:'],
				'worker-src': ['self', 'blob:'],
				'object-src': ['none'],
				'base-uri': ['none'],
				'form-action': ['self']
			}
		},
		version: { name: process.env.npm_package_version ?? 'dev' }
	}
};
