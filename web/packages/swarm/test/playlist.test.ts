/** What the model says is what the origin renders. */

import { describe, expect, it } from 'vitest';
import { parseManifest, type Manifest } from '../src/manifest';
import { PlaylistModel } from '../src/playlist';
import { placeOf } from '../src/wire';
import { FakeWindow } from './fake';

const DATA = new Uint8Array(16);

/** Without hint and reports, which the model leaves out. */
function bare(text: string): string {
	return text.replaceAll(/#EXT-X-(PRELOAD-HINT|RENDITION-REPORT).*\n/g, '');
}

function manifestsOf(window: FakeWindow): Manifest[] {
	const manifests: Manifest[] = [];
	window.listeners.add((_, __, bytes) => manifests.push(parseManifest(bytes, window.stripes)));
	return manifests;
}

function run(window: FakeWindow, parts: number, per_segment = 10): void {
	for (let i = 0; i < parts; i++) window.add(DATA, { begins: !window.open || window.open.parts.length >= per_segment });
}

describe('PlaylistModel', () => {
	it('renders what the origin would, part after part, whole and as a delta update', () => {
		const window = new FakeWindow(20_000);
		const manifests = manifestsOf(window);
		run(window, 3);
		const model = new PlaylistModel();
		expect(model.handleOrigin(window.render(false))).toBe(true);
		expect(model.render(false)).toBe(bare(window.render(false)));
		manifests.length = 0;
		for (let i = 0; i < 300; i++) {
			run(window, 1);
			for (const manifest of manifests.splice(0)) model.handleManifest(manifest);
			// The window's length is known once it has slid for the origin.
			if (i === 150) model.handleOrigin(window.render(i % 2 === 0));
			if (i < 90 || i >= 150) {
				expect(model.render(false)).toBe(bare(window.render(false)));
				expect(model.render(true)).toBe(bare(window.render(true)));
			}
		}
		expect(model.render(true)).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=');
	});

	it('follows gaps, discontinuities and other initialization sections, and the end', () => {
		const window = new FakeWindow(600_000);
		const manifests = manifestsOf(window);
		run(window, 60);
		const model = new PlaylistModel();
		model.handleOrigin(window.render(false));
		manifests.length = 0;
		const check = (): void => {
			for (const manifest of manifests.splice(0)) model.handleManifest(manifest);
			expect(model.render(false)).toBe(bare(window.render(false)));
			expect(model.render(true)).toBe(bare(window.render(true)));
		};
		for (let round = 0; round < 3; round++) {
			run(window, 14, 10);
			check();
			window.add(DATA, { begins: true, gap: true });
			check();
			run(window, 4);
			window.add(DATA, { gap: true, duration_ms: 123 });
			check();
			window.interrupt();
			window.add(DATA, { begins: true });
			run(window, 7);
			check();
		}
		window.end();
		check();
		expect(model.render(true)).toContain('#EXT-X-ENDLIST');
		expect(model.has({ msn: 1000, part: 0, skip: false })).toBe(true);
	});

	it('takes delta updates of the origin, and a playlist whose last segment is closed', () => {
		const window = new FakeWindow(600_000);
		const manifests = manifestsOf(window);
		run(window, 200);
		const model = new PlaylistModel();
		model.handleOrigin(window.render(false));
		run(window, 37);
		model.handleOrigin(window.render(true));
		expect(model.render(false)).toBe(bare(window.render(false)));
		window.close();
		model.handleOrigin(window.render(true));
		expect(model.render(true)).toBe(bare(window.render(true)));
		manifests.length = 0;
		run(window, 12);
		for (const manifest of manifests) model.handleManifest(manifest);
		expect(model.render(false)).toBe(bare(window.render(false)));
	});

	it('knows only what a delta update tells when nothing came before', async () => {
		const window = new FakeWindow(600_000);
		run(window, 200);
		const model = new PlaylistModel();
		expect(await model.playlist({ msn: 20, part: 0, skip: true })).toBeNull();
		model.handleOrigin(window.render(true));
		expect(model.render(false)).toBeNull();
		expect(model.render(true)).toBe(bare(window.render(true)));
		expect(await model.playlist({ msn: 25, part: 0, skip: false })).toBeNull();
		const manifests = manifestsOf(window);
		run(window, 11);
		for (const manifest of manifests) model.handleManifest(manifest);
		expect(model.render(true)).toBe(bare(window.render(true)));
	});

	it('waits for a part, in any order of manifests, and gives up with the signal', async () => {
		const window = new FakeWindow();
		const manifests = manifestsOf(window);
		run(window, 8);
		const model = new PlaylistModel();
		model.handleOrigin(window.render(false));
		manifests.length = 0;
		const { msn } = window.open!;
		expect(model.has({ msn, part: 7, skip: true })).toBe(true);
		expect(model.has({ msn, part: 8, skip: true })).toBe(false);
		expect(model.has({ msn, part: null, skip: true })).toBe(false);
		expect(model.has({ msn: msn - 1, part: null, skip: true })).toBe(true);
		expect(model.has({ msn: msn - 1, part: 99, skip: true })).toBe(true);
		const eighth = model.playlist({ msn, part: 8, skip: true });
		const last = model.playlist({ msn, part: null, skip: false });
		const next = model.playlist({ msn: msn + 1, part: 1, skip: true });
		const beyond = model.playlist({ msn, part: 12, skip: true });
		const aborted = new AbortController();
		const never = model.playlist({ msn: msn + 1, part: 9, skip: true }, aborted.signal);
		run(window, 4);
		const [a, b, c, d] = manifests as [Manifest, Manifest, Manifest, Manifest];
		model.handleManifest(b);
		expect(model.has({ msn, part: 8, skip: true })).toBe(false);
		model.handleManifest(c);
		// The first part of the next segment is no proof that all of this one are here.
		expect(model.has({ msn, part: 8, skip: true })).toBe(false);
		model.handleManifest(a);
		expect(await eighth).toContain('p8.m4s');
		expect(await last).toContain(`a-source-${msn}.m4s`);
		expect(await beyond).toContain('p10.m4s');
		model.handleManifest(d);
		expect(await next).toBe(bare(window.render(true)));
		aborted.abort();
		expect(await never).toBeNull();
		expect(await model.playlist({ msn: msn + 3, part: 0, skip: true })).toBeNull();
		const closing = model.playlist({ msn: msn + 1, part: 9, skip: true });
		model.close();
		expect(await closing).toBeNull();
	});

	it('does not go on after a hole until the origin was asked', () => {
		const window = new FakeWindow();
		const manifests = manifestsOf(window);
		run(window, 8);
		const model = new PlaylistModel();
		model.handleOrigin(window.render(false));
		manifests.length = 0;
		run(window, 200);
		for (const manifest of manifests) if (manifest.place !== placeOf(4, 3)) model.handleManifest(manifest);
		expect(model.has({ msn: 4, part: 2, skip: true })).toBe(true);
		expect(model.has({ msn: 4, part: 4, skip: true })).toBe(false);
		model.handleOrigin(window.render(false));
		expect(model.render(false)).toBe(bare(window.render(false)));
		// Older than what is known: an answer that was overtaken.
		const older = window.render(false);
		manifests.length = 0;
		run(window, 2);
		for (const manifest of manifests) model.handleManifest(manifest);
		model.handleOrigin(older);
		expect(model.render(false)).toBe(bare(window.render(false)));
	});

	it('asks the origin when a segment is longer than the target duration it knows', async () => {
		const window = new FakeWindow();
		const manifests = manifestsOf(window);
		run(window, 8);
		const model = new PlaylistModel();
		model.handleOrigin(window.render(false));
		manifests.length = 0;
		run(window, 8, 14);
		const waiting = model.playlist({ msn: 4, part: 9, skip: true });
		for (const manifest of manifests) model.handleManifest(manifest);
		expect(await waiting).toBeNull();
		window.target_s = 3;
		model.handleOrigin(window.render(false));
		expect(model.render(false)).toBe(bare(window.render(false)));
	});

	it('refuses what is no low-latency playlist', () => {
		const model = new PlaylistModel();
		for (const text of ['', 'nonsense', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n', '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.m4s\n']) {
			expect(model.handleOrigin(text)).toBe(false);
		}
	});
});
