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

/** An origin, and a model that began with its playlist after `parts` parts. */
class Live {
	readonly model = new PlaylistModel();
	/** signed since, and not delivered */
	manifests: Manifest[] = [];

	constructor(
		parts: number,
		readonly window = new FakeWindow()
	) {
		window.listeners.add((_, __, bytes) => this.manifests.push(parseManifest(bytes, window.stripes)));
		this.add(parts);
		expect(this.model.handleOrigin(window.render(false))).toBe(true);
		this.manifests = [];
	}

	add(parts: number, per_segment = 10): void {
		for (let i = 0; i < parts; i++) this.window.add(DATA, { begins: !this.window.open || this.window.open.parts.length >= per_segment });
	}

	deliver(): void {
		for (const manifest of this.manifests.splice(0)) this.model.handleManifest(manifest);
	}

	/** What the model says is what the origin does, once it has all manifests. */
	check(): void {
		this.deliver();
		expect(this.model.render(false)).toBe(bare(this.window.render(false)));
		expect(this.model.render(true)).toBe(bare(this.window.render(true)));
	}
}

describe('PlaylistModel', () => {
	it('renders what the origin would, part after part, whole and as a delta update', () => {
		const live = new Live(3, new FakeWindow(20_000));
		live.check();
		for (let i = 0; i < 300; i++) {
			live.add(1);
			live.deliver();
			// The window's length is known once it has slid for the origin.
			if (i === 150) live.model.handleOrigin(live.window.render(i % 2 === 0));
			if (i < 90 || i >= 150) live.check();
		}
		expect(live.model.render(true)).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=');
	});

	it('follows gaps, discontinuities and other initialization sections, and the end', () => {
		const live = new Live(60, new FakeWindow(600_000));
		const { window, model } = live;
		for (let round = 0; round < 3; round++) {
			live.add(14);
			live.check();
			window.add(DATA, { begins: true, gap: true });
			live.check();
			live.add(4);
			window.add(DATA, { gap: true, duration_ms: 123 });
			live.check();
			window.interrupt();
			window.add(DATA, { begins: true });
			live.add(7);
			live.check();
		}
		window.end();
		live.check();
		expect(model.render(true)).toContain('#EXT-X-ENDLIST');
		expect(model.has({ msn: 1000, part: 0, skip: false })).toBe(true);
	});

	it('takes delta updates of the origin, and a playlist whose last segment is closed', () => {
		const live = new Live(200, new FakeWindow(600_000));
		const { window, model } = live;
		live.add(37);
		live.manifests = [];
		model.handleOrigin(window.render(true));
		live.check();
		window.close();
		model.handleOrigin(window.render(true));
		live.check();
		live.add(12);
		live.check();
	});

	it('knows only what a delta update tells when nothing came before', async () => {
		const live = new Live(200, new FakeWindow(600_000));
		const { window } = live;
		const model = new PlaylistModel();
		expect(await model.playlist({ msn: 20, part: 0, skip: true })).toBeNull();
		model.handleOrigin(window.render(true));
		expect(model.render(false)).toBeNull();
		expect(model.render(true)).toBe(bare(window.render(true)));
		expect(await model.playlist({ msn: 25, part: 0, skip: false })).toBeNull();
		live.add(11);
		for (const manifest of live.manifests) model.handleManifest(manifest);
		expect(model.render(true)).toBe(bare(window.render(true)));
	});

	it('waits for a part, in any order of manifests, and gives up with the signal', async () => {
		const live = new Live(8);
		const { window, model } = live;
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
		live.add(4);
		const [a, b, c, d] = live.manifests as [Manifest, Manifest, Manifest, Manifest];
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
		const live = new Live(8);
		const { window, model } = live;
		live.add(200);
		live.manifests = live.manifests.filter(({ place }) => place !== placeOf(4, 3));
		live.deliver();
		expect(model.has({ msn: 4, part: 2, skip: true })).toBe(true);
		expect(model.has({ msn: 4, part: 4, skip: true })).toBe(false);
		const older = window.render(false);
		model.handleOrigin(older);
		live.check();
		live.add(2);
		live.deliver();
		// An answer that was overtaken.
		model.handleOrigin(older);
		live.check();
	});

	it('asks the origin when a segment is longer than the target duration it knows', async () => {
		const live = new Live(8);
		const { window, model } = live;
		live.add(8, 14);
		const waiting = model.playlist({ msn: 4, part: 9, skip: true });
		live.deliver();
		expect(await waiting).toBeNull();
		window.target_s = 3;
		model.handleOrigin(window.render(false));
		live.check();
	});

	it('refuses what is no low-latency playlist', () => {
		const model = new PlaylistModel();
		for (const text of ['', 'nonsense', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n', '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.m4s\n']) {
			expect(model.handleOrigin(text)).toBe(false);
		}
	});
});
