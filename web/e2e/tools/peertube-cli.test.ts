import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeClip, probe } from '../support/clip';
import { Shoal } from '../support/shoal';
import { expectWell, npmTool, run, type Said } from '../support/tools';
import { until } from '../support/until';

/** A few megabytes' worth of start-up, a login and an upload. */
const COMMAND_MS = 60_000;
const SECONDS = 4;
/** Without a space: the file that the command line keeps passwords in knows none. */
const USER = { username: 'uploader', password: 'correct-horse-battery', email: 'uploader@mail.example' };

let shoal: Shoal;
let folder: string;
let clip: string;

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'shoal-cli-'));
	mkdirSync(join(folder, 'home'));
	[shoal, clip] = await Promise.all([Shoal.start(), makeClip(folder, SECONDS)]);
	const made = await fetch(`${shoal.url}/api/v1/users`, {
		method: 'POST',
		headers: { authorization: `Bearer ${shoal.token}`, 'content-type': 'application/json' },
		body: JSON.stringify({ ...USER, role: 2 })
	});
	expect(made.status).toBe(200);
});

afterAll(async () => {
	await shoal?.stop();
	rmSync(folder, { recursive: true, force: true });
});

/** PeerTube's own command line, as it comes from npm; it keeps what it knows at home. */
function cli(...words: string[]): Promise<Said> {
	const program = npmTool('@peertube/peertube-cli/dist/peertube.js');
	return run(process.execPath, [program, ...words], COMMAND_MS, { env: { PATH: process.env.PATH, HOME: join(folder, 'home') } });
}

const account = (): string[] => ['--url', shoal.url, '--username', USER.username, '--password', USER.password];

test('logs in, and remembers where', async () => {
	expectWell(await cli('auth', 'add', ...account(), '--default'), 'auth add');
	const listed = await cli('auth', 'list');
	expectWell(listed, 'auth list');
	expect(listed.out).toContain(USER.username);
	expect(readFileSync(join(folder, 'home', '.netrc'), 'utf8')).toContain(shoal.url);
	const wrong = await cli('auth', 'add', '--url', shoal.url, '--username', USER.username, '--password', 'not the password');
	expect(wrong.status).not.toBe(0);
});

async function token(): Promise<string> {
	const said = await cli('get-access-token', ...account());
	expectWell(said, 'get-access-token');
	return said.out.trim();
}

test('gets an access token that opens the API', async () => {
	const me = await fetch(`${shoal.url}/api/v1/users/me`, { headers: { authorization: `Bearer ${await token()}` } });
	expect(me.status).toBe(200);
	expect(await me.json()).toMatchObject({ username: USER.username, role: { id: 2 } });
});

test('uploads with what it remembers', async () => {
	const name = 'By the command line';
	const about = ['--category', '15', '--licence', '1', '--language', 'en', '--tags', 'one,two', '--video-description', 'As *PeerTube* does'];
	const said = await cli('upload', '--file', clip, '--video-name', name, ...about);
	expectWell(said, 'upload');
	expect(said.out).toContain(`Video ${name} uploaded.`);

	const uuid = await until('it is published', 60_000, async () => (await shoal.api.videos()).data.find((video) => video.name === name)?.uuid);
	const video = await shoal.api.video(uuid);
	expect(video).toMatchObject({
		description: 'As *PeerTube* does',
		category: { id: 15 },
		licence: { id: 1 },
		language: { id: 'en' },
		privacy: { id: 1 },
		nsfw: false,
		tags: ['one', 'two'],
		waitTranscoding: true,
		duration: SECONDS
	});
	// It waits for its transcoding by default: all of it is there at once.
	const address = video.files[0]?.fileUrl ?? '';
	expect(await probe(address)).toMatchObject({ width: 640, height: 360, kinds: ['audio', 'video'] });
	const { seconds } = await probe(video.streamingPlaylists[0]?.playlistUrl ?? '');
	expect(Math.abs(seconds - SECONDS)).toBeLessThan(0.3);
});

test('says what is wrong, and uploads nothing', async () => {
	const nowhere = await cli('upload', '--file', clip, '--video-name', 'Lost', '--channel-name', 'nobody');
	expect(nowhere.status).not.toBe(0);
	const short = await cli('upload', '--file', clip, '--video-name', 'x');
	expect(short.status).not.toBe(0);
	const all = await fetch(`${shoal.url}/api/v1/users/me/videos`, { headers: { authorization: `Bearer ${await token()}` } });
	expect(await all.json()).toMatchObject({ total: 1 });
});
