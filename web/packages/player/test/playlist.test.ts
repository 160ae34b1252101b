import { describe, expect, it } from 'vitest';
import { Join, withGapParts } from '../src/join';
import { gapAtEnd, joinPoint, parseMediaPlaylist, parseVariants, startVariant } from '../src/playlist';

const URL_ = 'https://shoal.example/static/streaming-playlists/hls/u/source.m3u8';
const BASE = URL_.slice(0, URL_.lastIndexOf('/') + 1);

/** Segments of `count` parts each, the last one open; part numbers run on. */
function playlist(counts: number[], { first_msn = 40, gaps = 0, target = 2 } = {}): string {
	const lines = [
		'#EXTM3U',
		'#EXT-X-VERSION:9',
		`#EXT-X-TARGETDURATION:${target}`,
		'#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.645,CAN-SKIP-UNTIL=12.0',
		'#EXT-X-PART-INF:PART-TARGET=0.215',
		`#EXT-X-MEDIA-SEQUENCE:${first_msn}`,
		'#EXT-X-MAP:URI="ab-source-init0.mp4"'
	];
	let number = 0;
	const total = counts.reduce((sum, count) => sum + count, 0);
	counts.forEach((count, at) => {
		for (let i = 0; i < count; i++) {
			const gap = number >= total - gaps;
			lines.push(`#EXT-X-PART:DURATION=0.20000,URI="p${number++}.m4s"${i === 0 ? ',INDEPENDENT=YES' : ''}${gap ? ',GAP=YES' : ''}`);
		}
		if (at < counts.length - 1) lines.push(`#EXTINF:${(count * 0.2).toFixed(5)},`, `s${first_msn + at}.m4s`);
	});
	lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p${number}.m4s"`, '');
	return lines.join('\n');
}

describe('media playlists', () => {
	it('says what there is to fetch', () => {
		const read = parseMediaPlaylist(playlist([10, 3]), URL_);
		expect(read.part_target_s).toBe(0.215);
		expect(read.part_hold_back_s).toBe(0.645);
		expect(read.target_duration_s).toBe(2);
		expect(read.init_url).toBe(`${BASE}ab-source-init0.mp4`);
		expect(read.parts.length).toBe(13);
		expect(read.parts[10]).toEqual({ url: `${BASE}p10.m4s`, msn: 41, start_s: 2, duration_s: 0.2, independent: true, gap: false });
		expect(read.hint_url).toBe(`${BASE}p13.m4s`);
		expect(read.ended).toBe(false);
	});

	it('takes a hint for another initialization section, and the end', () => {
		const read = parseMediaPlaylist('#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="init1.mp4"\n#EXT-X-ENDLIST', URL_);
		expect(read.hint_init_url).toBe(`${BASE}init1.mp4`);
		expect(read.ended).toBe(true);
	});

	it.each(['', 'nonsense', '#EXT-X-PART:', '#EXT-X-PART:URI=', '#EXT-X-PART:URI="http://[",DURATION=x', '#EXT-X-TARGETDURATION:-1'])(
		'survives %s',
		(text) => {
			const read = parseMediaPlaylist(text, URL_);
			expect(read.parts).toEqual([]);
			expect(read.target_duration_s).toBe(0);
		}
	);

	it('measures the gap at the end', () => {
		expect(gapAtEnd(parseMediaPlaylist(playlist([10, 5], { gaps: 3 }), URL_))).toBeCloseTo(0.6);
		expect(gapAtEnd(parseMediaPlaylist(playlist([10, 5]), URL_))).toBe(0);
	});
});

describe('joining', () => {
	const point = (text: string, target_s = 1.0) => joinPoint(parseMediaPlaylist(text, URL_), target_s);

	it('begins at the newest keyframe, at the target distance if that lies behind it', () => {
		// The end is at 5.4 s, the newest keyframe at 4.0 s.
		const late = point(playlist([10, 10, 7]));
		expect(late?.from).toBe(20);
		expect(late?.position_s).toBeCloseTo(4.4);
	});

	it('takes a keyframe that is nearer than the target', () => {
		expect(point(playlist([10, 10, 4]))).toEqual({ from: 20, position_s: 4.02 });
		expect(point(playlist([10, 10, 1]))).toEqual({ from: 20, position_s: 4.02 });
	});

	it('but not one that is much nearer', () => {
		expect(point(playlist([10, 10, 10]), 3.8)?.from).toBe(10);
	});

	it('begins with the only part of a live that has just begun', () => {
		expect(point(playlist([1]))).toEqual({ from: 0, position_s: 0.02 });
		const leading = playlist([1]).replace('#EXT-X-PART:', '#EXT-X-GAP\n#EXTINF:2.00000,\ngap.m4s\n#EXT-X-PART:');
		expect(point(leading)).toEqual({ from: 0, position_s: 2.02 });
	});

	it('begins after a gap, not before it', () => {
		const text = playlist([10, 3]).replaceAll(/(p[5-9]\.m4s")/g, '$1,GAP=YES');
		expect(point(text)?.from).toBe(10);
	});

	it('stays in the keyframe\'s own segment when an interval was cut without a keyframe', () => {
		const text = playlist([10, 10]).replace('URI="p10.m4s",INDEPENDENT=YES', 'URI="p10.m4s"');
		expect(point(text)).toEqual({ from: 0, position_s: 0.02 });
	});

	it('has nowhere to begin while the publisher is gone, or without parts', () => {
		expect(point(playlist([10, 10], { gaps: 2 }))).toBeNull();
		expect(point('#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.m4s\n')).toBeNull();
	});
});

describe('the bite', () => {
	const parts = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('#EXT-X-PART:'));

	it('draws the parts of each segment from the joining point on together', () => {
		const join = new Join(`${BASE}p10.m4s`);
		const shown = join.rewrite(playlist([10, 10, 3]), URL_);
		expect(parts(shown).length).toBe(10 + 1 + 1);
		expect(parts(shown)[10]).toBe('#EXT-X-PART:URI="p10.m4s#10",DURATION=2.00000,INDEPENDENT=YES');
		expect(parts(shown)[11]).toBe('#EXT-X-PART:URI="p20.m4s#3",DURATION=0.60000,INDEPENDENT=YES');
		expect(join.parts(`${BASE}p20.m4s#3`)).toEqual([20, 21, 22].map((n) => `${BASE}p${n}.m4s`));
		expect(join.parts(`${BASE}p20.m4s`)).toBeNull();
		expect(shown).toContain('#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p23.m4s"');
	});

	it('shows later playlists in the same way and translates requests', () => {
		const join = new Join(`${BASE}p10.m4s`);
		join.rewrite(playlist([10, 10, 3]), URL_);
		const later = join.rewrite(playlist([10, 10, 5]), URL_);
		expect(parts(later).slice(-3)).toEqual([
			'#EXT-X-PART:URI="p20.m4s#3",DURATION=0.60000,INDEPENDENT=YES',
			'#EXT-X-PART:DURATION=0.20000,URI="p23.m4s"',
			'#EXT-X-PART:DURATION=0.20000,URI="p24.m4s"'
		]);
		// hls.js counts 3 parts in segment 42 and asks for the one after: number 3, the server's number 5.
		expect(join.request(`${URL_}?_HLS_msn=42&_HLS_part=3`)).toBe(`${URL_}?_HLS_msn=42&_HLS_part=5`);
		expect(join.request(`${URL_}?_HLS_msn=42&_HLS_part=0`)).toBe(`${URL_}?_HLS_msn=42&_HLS_part=0`);
		expect(join.request(`${URL_}?_HLS_msn=43&_HLS_part=3`)).toBe(`${URL_}?_HLS_msn=43&_HLS_part=3`);
		expect(join.request(URL_)).toBe(URL_);
	});

	it('counts segments in delta updates', () => {
		const join = new Join(`${BASE}p10.m4s`);
		join.rewrite(playlist([10, 10, 3]), URL_);
		const whole = playlist([10, 10, 4], { first_msn: 40 });
		const delta = whole.replace('#EXT-X-MEDIA-SEQUENCE:40', '#EXT-X-MEDIA-SEQUENCE:35\n#EXT-X-SKIP:SKIPPED-SEGMENTS=5');
		expect(parts(join.rewrite(delta, URL_)).length).toBe(10 + 1 + 2);
	});

	it('lets go of segments that have left the list of parts', () => {
		const join = new Join(`${BASE}p10.m4s`);
		join.rewrite(playlist([10, 10, 3]), URL_);
		const later = playlist([10, 4], { first_msn: 50 });
		expect(join.rewrite(later, URL_)).toBe(later);
		expect(join.parts(`${BASE}p20.m4s#3`)).toBeNull();
	});

	it('begins in the middle of a segment where a keyframe stands there', () => {
		const join = new Join(`${BASE}p6.m4s`);
		const text = playlist([12]).replace('URI="p6.m4s"', 'URI="p6.m4s",INDEPENDENT=YES');
		const shown = parts(join.rewrite(text, URL_));
		expect(shown.length).toBe(7);
		expect(shown[6]).toContain('p6.m4s#6');
		expect(join.request(`${URL_}?_HLS_msn=40&_HLS_part=7`)).toBe(`${URL_}?_HLS_msn=40&_HLS_part=12`);
	});

	it('leaves playlists without parts, or with a gap at the end, alone', () => {
		const gap = playlist([10, 3], { gaps: 1 });
		expect(new Join(`${BASE}p10.m4s`).rewrite(gap, URL_)).toBe(gap);
		const plain = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.m4s\n';
		expect(new Join(`${BASE}p10.m4s`).rewrite(plain, URL_)).toBe(plain);
	});
});

describe('a live that has just begun', () => {
	it('has parts before its first segment, as hls.js wants', () => {
		const gap = '#EXT-X-GAP\n#EXTINF:2.00000,\ngap.m4s\n';
		const shown = withGapParts(playlist([1]).replace('#EXT-X-PART:', `${gap}#EXT-X-PROGRAM-DATE-TIME:x\n${gap}#EXT-X-PART:`));
		const read = parseMediaPlaylist(shown, URL_);
		expect(read.parts.map((part) => [part.msn, part.gap, part.duration_s])).toEqual([
			[40, true, 2],
			[41, true, 2],
			[42, false, 0.2]
		]);
		expect(joinPoint(read, 1.0)).toEqual({ from: 2, position_s: 4.02 });
	});

	it('is left alone when there is no gap', () => expect(withGapParts(playlist([10, 1]))).toBe(playlist([10, 1])));
});

describe('variants', () => {
	const text = [
		'#EXTM3U',
		'#EXT-X-STREAM-INF:BANDWIDTH=3200000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720',
		'source.m3u8',
		'#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=640x360',
		'',
		'360.m3u8',
		'#EXT-X-STREAM-INF:BANDWIDTH=130000,CODECS="mp4a.40.2"',
		'audio.m3u8'
	].join('\n');

	it('reads them', () => {
		expect(parseVariants(text, URL_).map((variant) => [variant.url.slice(BASE.length), variant.bandwidth_bps, variant.video])).toEqual([
			['source.m3u8', 3_200_000, true],
			['360.m3u8', 900_000, true],
			['audio.m3u8', 130_000, false]
		]);
	});

	it('begins with the best that the link carries, with a picture if there is one', () => {
		const variants = parseVariants(text, URL_);
		expect(startVariant(variants, 5_000_000)?.url).toBe(`${BASE}source.m3u8`);
		expect(startVariant(variants, 2_000_000)?.url).toBe(`${BASE}360.m3u8`);
		expect(startVariant(variants, 100_000)?.url).toBe(`${BASE}360.m3u8`);
		expect(startVariant(variants.slice(2), 100_000)?.url).toBe(`${BASE}audio.m3u8`);
		expect(startVariant([], 1)).toBeNull();
	});
});
