import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeClip, probe } from '../support/clip';
import { Publisher } from '../support/publisher';
import { Shoal } from '../support/shoal';
import { expectWell, pythonTool, run, type Said } from '../support/tools';
import { Tunnel } from '../support/tunnel';
import { until } from '../support/until';

/** One extraction or download of a few hundred kB; the program alone needs two seconds to start. */
const COMMAND_MS = 60_000;
const SECONDS = 4;
/** yt-dlp speaks HTTPS at its own port to instances, and knows them by their pages, whatever their name. */
const NAME = 'tv.example';

let shoal: Shoal;
let tunnel: Tunnel;
let folder: string;

interface Format {
	url: string;
	protocol: string;
	width?: number | null;
	height?: number | null;
	filesize?: number | null;
}

interface Info {
	id: string;
	extractor_key: string;
	title: string;
	description: string | null;
	duration: number | null;
	live_status: string;
	is_live: boolean;
	uploader: string;
	channel: string;
	language: string | null;
	license: string | null;
	categories: string[];
	tags: string[];
	age_limit: number | null;
	thumbnail: string | null;
	formats: Format[];
	subtitles: Record<string, { url: string }[]>;
	requested_downloads?: { filepath: string }[];
}

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'shoal-yt-dlp-'));
	const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
	const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
	const name = ['-subj', `/CN=${NAME}`, '-addext', `subjectAltName=DNS:${NAME}`];
	expectWell(await run('openssl', [...request, ...name, '-keyout', key, '-out', certificate], COMMAND_MS), 'openssl');
	shoal = await Shoal.start({ SHOAL_HTTPS_LISTEN: '127.0.0.1:0', SHOAL_HTTPS_CERTIFICATE: certificate, SHOAL_HTTPS_KEY: key });
	tunnel = await Tunnel.to(shoal.https);
});

afterAll(async () => {
	await tunnel?.stop();
	await shoal?.stop();
	rmSync(folder, { recursive: true, force: true });
});

/** yt-dlp as it comes from PyPI, without anybody's configuration. */
function ytDlp(...words: string[]): Promise<Said> {
	const way = ['--ignore-config', '--no-cache-dir', '--no-progress', '--no-check-certificates', '--proxy', tunnel.url];
	return run(pythonTool('yt-dlp'), [...way, ...words], COMMAND_MS, { cwd: folder, env: { PATH: process.env.PATH, HOME: folder } });
}

async function info(...words: string[]): Promise<Info> {
	const said = await ytDlp('--dump-single-json', ...words);
	expectWell(said, `yt-dlp ${words.join(' ')}`);
	return JSON.parse(said.out) as Info;
}

/** A request of root's with a form. */
async function form(method: string, path: string, fields: Record<string, string | Blob>): Promise<Response> {
	const body = new FormData();
	for (const [name, value] of Object.entries(fields)) {
		if (typeof value === 'string') body.append(name, value);
		else body.append(name, value, name === 'captionfile' ? 'captions.vtt' : 'clip.mp4');
	}
	const response = await fetch(shoal.url + path, { method, headers: { authorization: `Bearer ${shoal.token}` }, body });
	if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
	return response;
}

test('extracts a finished video and downloads it', async () => {
	const clip = await makeClip(folder, SECONDS);
	const channel = (await shoal.api.me()).videoChannels[0];
	const description = `Longer than lists show. ${'All of it is wanted. '.repeat(20)}`.trim();
	const uploaded = await form('POST', '/api/v1/videos/upload', {
		channelId: `${channel?.id}`,
		name: 'For yt-dlp',
		privacy: '1',
		category: '15',
		licence: '1',
		language: 'en',
		'tags[0]': 'one',
		'tags[1]': 'two',
		description,
		waitTranscoding: 'true',
		videofile: new Blob([readFileSync(clip)])
	});
	const { video } = (await uploaded.json()) as { video: { uuid: string; shortUUID: string } };
	await form('PUT', `/api/v1/videos/${video.uuid}/captions/en`, {
		captionfile: new Blob(['WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n'])
	});
	await until('it is published', 60_000, async () => (await shoal.api.videos()).data.some(({ uuid }) => uuid === video.uuid));

	// By the address that people copy: its page tells what it is.
	const found = await info('--write-subs', `https://${NAME}/w/${video.shortUUID}`);
	expect(found).toMatchObject({
		id: video.shortUUID,
		extractor_key: 'PeerTube',
		title: 'For yt-dlp',
		description,
		duration: SECONDS,
		is_live: false,
		uploader: 'root',
		channel: channel?.displayName,
		language: 'en',
		license: 'Attribution',
		categories: ['Science & Technology'],
		tags: ['one', 'two']
	});
	expect(found.thumbnail).toMatch(new RegExp(`^https://${NAME}/lazy-static/thumbnails/`));
	expect(found.subtitles['en']?.[0]?.url).toMatch(new RegExp(`^https://${NAME}/`));
	const plain = found.formats.filter(({ protocol }) => protocol === 'https');
	expect(plain.length).toBeGreaterThanOrEqual(2);
	expect(plain.every(({ url, filesize }) => url.startsWith(`https://${NAME}/`) && (filesize ?? 0) > 0)).toBe(true);
	expect(found.formats.some(({ protocol }) => protocol.startsWith('m3u8'))).toBe(true);

	// By its name in yt-dlp, with a caption.
	const words = ['--no-simulate', '--write-subs', '--sub-langs', 'en', '--output', 'plain.%(ext)s'];
	const downloaded = await info(...words, `peertube:${NAME}:${video.uuid}`);
	const path = downloaded.requested_downloads?.[0]?.filepath ?? '';
	const measured = await probe(path);
	expect(measured).toMatchObject({ width: 640, height: 360, kinds: ['audio', 'video'] });
	expect(Math.abs(measured.seconds - SECONDS)).toBeLessThan(0.3);
	expect(readFileSync(join(folder, 'plain.en.vtt'), 'utf8')).toContain('Hello');
	// To the byte what the server has.
	const size = readFileSync(path).length;
	const { files, streamingPlaylists } = await shoal.api.video(video.uuid);
	const same = [...files, ...streamingPlaylists.flatMap((playlist) => playlist.files)].filter((file) => file.size === size);
	const hashes = same.map(async ({ fileUrl }) => sha256(Buffer.from(await (await fetch(fileUrl)).arrayBuffer())));
	expect(await Promise.all(hashes)).toContain(sha256(readFileSync(path)));

	// And from its playlist.
	const hls = await info('--no-simulate', '--format', 'best[protocol^=m3u8]', '--output', 'hls.%(ext)s', `peertube:${NAME}:${video.uuid}`);
	const fromPlaylist = await probe(hls.requested_downloads?.[0]?.filepath ?? '');
	expect(Math.abs(fromPlaylist.seconds - SECONDS)).toBeLessThan(0.5);
});

test('finds a live', async () => {
	const live = await shoal.createLive({ name: 'Now' });
	const publisher = new Publisher(live.publishUrl);
	try {
		await until('the live is published', 15_000, async () => (await shoal.api.video(live.uuid)).state?.id === 1);
		const found = await info(`https://${NAME}${live.watchPath}`);
		expect(found).toMatchObject({ extractor_key: 'PeerTube', is_live: true, live_status: 'is_live', channel: 'Main root channel' });
		expect(found.title).toMatch(/^Now /);
		expect(found.formats.length).toBeGreaterThan(0);
		expect(found.formats.every(({ protocol }) => protocol.startsWith('m3u8'))).toBe(true);
	} finally {
		await publisher.kill();
	}
});

test('says of what is not there that it is not there', async () => {
	const said = await ytDlp('--dump-single-json', `peertube:${NAME}:65011806-a53e-4559-a1eb-ec26c3075402`);
	expect(said.status).not.toBe(0);
	expect(said.err).toContain('404');
});

function sha256(bytes: Buffer): string {
	return createHash('sha256').update(bytes).digest('hex');
}
