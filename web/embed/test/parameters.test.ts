import { describe, expect, it } from 'vitest';
import { parseParameters, parseTime } from '../src/parameters';
import { parseVideo } from '../src/video';

describe('parameters', () => {
	it('has the defaults of an embed', () => {
		expect(parseParameters(new URLSearchParams(''))).toEqual({
			autoplay: false,
			muted: undefined,
			loop: false,
			controls: true,
			title: true,
			link: true,
			start_s: 0,
			p2p: undefined
		});
	});

	it('reads what the embedding page asks for', () => {
		const read = parseParameters(new URLSearchParams('autoplay=1&muted=1&loop=true&controls=0&title=0&peertubeLink=0&start=1m30s&p2p=0'));
		expect(read).toEqual({ autoplay: true, muted: true, loop: true, controls: false, title: false, link: false, start_s: 90, p2p: false });
	});

	it.each([
		['90', 90],
		['90s', 90],
		['1h2m3s', 3723],
		['1:02:03', 3723],
		['2:05', 125],
		['', 0],
		['soon', 0],
		['-5', 0]
	])('reads the time %s', (text, seconds) => expect(parseTime(text)).toBe(seconds));
});

describe('video', () => {
	const base = 'https://shoal.example/videos/embed/u-1';

	it('reads the page script', () => {
		expect(parseVideo('{"uuid":"u-1","playlistUrl":"/static/x/master.m3u8","state":"waiting","title":"A","latencyMode":3}', base)).toEqual({
			uuid: 'u-1',
			playlistUrl: 'https://shoal.example/static/x/master.m3u8',
			phase: 'waiting',
			title: 'A',
			latencyMode: 3,
			url: 'https://shoal.example/videos/watch/u-1'
		});
	});

	it.each([
		[4, true, 'waiting'],
		[1, true, 'live'],
		[5, true, 'ended'],
		[1, false, 'vod']
	])('understands state %s (live: %s) of the API', (state, isLive, phase) => {
		expect(parseVideo(JSON.stringify({ uuid: 'u', playlistUrl: 'm', state, isLive }), base)?.phase).toBe(phase);
	});

	it.each(['', '{', '[]', 'null', '{"uuid":1}'])('refuses %s', (text) => expect(parseVideo(text, base)).toBeNull());
});
