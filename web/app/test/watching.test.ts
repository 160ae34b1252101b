import type { VideoDetails } from '@shoal/api-client';
import type { Phase, VideoEvent } from '@shoal/api-client/events';
import { expect, test, vi } from 'vitest';
import { verdict } from '../src/lib/health';
import { advance, viewOf } from '../src/lib/phase';
import { Watching } from '../src/lib/watching.svelte';

const UUID = '3a8e34f6-4c52-43ae-83fb-8157a2d0c8ea';
const playlist = (playlistUrl: string) => ({ id: 1, type: 1, playlistUrl, files: [], redundancies: [] });
const PLAYLIST = playlist('/static/master.m3u8');

function video(change: Partial<VideoDetails> = {}): VideoDetails {
	return {
		uuid: UUID,
		isLive: true,
		isLocal: true,
		state: { id: 4, label: 'Waiting' },
		viewers: 0,
		streamingPlaylists: [],
		...change
	} as VideoDetails;
}

function page(first: VideoDetails, ...later: (VideoDetails | Error)[]) {
	let tell: (event: VideoEvent) => void = () => {};
	const asked = vi.fn(async () => {
		const next = later.shift();
		if (next instanceof Error) throw next;
		return next ?? first;
	});
	const watching = new Watching(first, {
		api: { video: asked },
		events: {
			subscribe: (_video, listener) => {
				tell = listener;
				return () => {};
			}
		}
	});
	const stop = watching.follow();
	return { watching, asked, stop, tell: (event: VideoEvent) => tell(event), state: (phase: Phase) => tell({ type: 'state', video: UUID, phase, replay: null }) };
}

const settle = () => vi.advanceTimersByTimeAsync(1100);

test('a page that waits for another server\'s live gets its playlist when the live starts, even if the API lags behind', async () => {
	vi.useFakeTimers();
	const remote = { isLocal: false };
	const { watching, asked, state } = page(video(remote), video(remote), new Error('away'), video({ state: { id: 1, label: '' }, streamingPlaylists: [PLAYLIST] }));
	expect([watching.view, watching.source]).toEqual(['waiting', null]);
	state('live');
	expect(watching.view).toBe('live');
	await settle();
	expect(watching.source).toBe('/static/master.m3u8');
	expect(asked).toHaveBeenCalledTimes(3);
	await vi.advanceTimersByTimeAsync(60_000);
	expect(asked).toHaveBeenCalledTimes(3);
	vi.useRealTimers();
});

test('a waiting page knows where the playlist will be, and does not change it under the player', async () => {
	vi.useFakeTimers();
	const { watching, state } = page(video(), video({ state: { id: 1, label: '' }, streamingPlaylists: [playlist('http://localhost:9000/other/name')] }));
	expect(watching.source).toBe(`/static/streaming-playlists/hls/${UUID}/master.m3u8`);
	state('live');
	await settle();
	expect(watching.source).toBe(`/static/streaming-playlists/hls/${UUID}/master.m3u8`);
	vi.useRealTimers();
});

test('an interruption keeps the player, the end takes it away', async () => {
	const { watching, state } = page(video({ state: { id: 1, label: '' }, streamingPlaylists: [PLAYLIST] }));
	state('interrupted');
	expect([watching.view, watching.source]).toEqual(['interrupted', '/static/master.m3u8']);
	state('live');
	expect(watching.view).toBe('live');
	state('ended');
	expect(watching.view).toBe('ended');
	state('waiting');
	expect(watching.view).toBe('ended');
	state('live');
	expect(watching.view).toBe('live');
});

test('the end of a recorded live offers its replay, and only the viewer starts it', async () => {
	vi.useFakeTimers();
	const { watching, state } = page(
		video({ state: { id: 1, label: '' }, streamingPlaylists: [PLAYLIST] }),
		video({ isLive: false, state: { id: 1, label: '' }, streamingPlaylists: [playlist('/static/replay.m3u8')] })
	);
	state('ended');
	await settle();
	expect([watching.view, watching.replay]).toEqual(['ended', true]);
	watching.playReplay();
	expect([watching.view, watching.source]).toEqual(['recorded', '/static/replay.m3u8']);
	vi.useRealTimers();
});

test('the replay of a permanent live is another video, offered until the next broadcast', () => {
	const { watching, tell, state } = page(video({ state: { id: 1, label: '' }, streamingPlaylists: [PLAYLIST] }));
	tell({ type: 'state', video: UUID, phase: 'waiting', replay: 'another' });
	expect([watching.view, watching.replay, watching.elsewhere]).toEqual(['ended', false, 'another']);
	state('live');
	expect(watching.elsewhere).toBeNull();
});

test('a page that was left does not go on asking', async () => {
	vi.useFakeTimers();
	const { asked, stop, state } = page(video());
	state('live');
	stop();
	await vi.advanceTimersByTimeAsync(60_000);
	expect(asked.mock.calls.length).toBeLessThanOrEqual(1);
	vi.useRealTimers();
});

test('viewers and health are what the socket last said; health goes with the stream', () => {
	const { watching, tell, state } = page(video({ state: { id: 1, label: '' }, streamingPlaylists: [PLAYLIST] }));
	const health = { advice: [] } as never;
	tell({ type: 'viewers', video: UUID, viewers: 7 });
	tell({ type: 'health', video: UUID, health });
	expect([watching.viewers, watching.health]).toEqual([7, health]);
	state('interrupted');
	expect(watching.health).toBeNull();
});

test('the API alone tells four of the five views', () => {
	expect([4, 1, 5, 7].map((id) => viewOf({ isLive: true, state: { id, label: '' } }))).toEqual(['waiting', 'live', 'ended', 'waiting']);
	expect(viewOf({ isLive: false, state: { id: 1, label: '' } })).toBe('recorded');
	expect(advance('recorded', 'ended')).toBe('recorded');
});

test('advice that viewers feel weighs more than a hint', () => {
	const health = (...codes: string[]) => ({ advice: codes.map((code) => ({ code, text: '' })) }) as never;
	expect([health(), health('keyframe_interval_long'), health('keyframe_interval_long', 'frames_missing')].map(verdict)).toEqual(['good', 'fair', 'bad']);
});
