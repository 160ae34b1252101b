import { join } from 'node:path';
import { expectWell, run } from './tools';

/** Encoding some seconds of a small picture. */
const MAKE_MS = 60_000;
const PROBE_MS = 20_000;

/** A file as people upload it: H.264 with AAC in MP4, 640x360. */
export async function makeClip(folder: string, seconds: number): Promise<string> {
	const path = join(folder, 'clip.mp4');
	const said = await run(
		'ffmpeg',
		[
			['-nostdin', '-loglevel', 'error', '-y'],
			['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
			['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50', '-pix_fmt', 'yuv420p', '-b:v', '400k', '-c:a', 'aac', '-b:a', '64k'],
			['-t', `${seconds}`, path]
		].flat(),
		MAKE_MS
	);
	expectWell(said, 'ffmpeg');
	return path;
}

export interface Probed {
	seconds: number;
	width: number;
	height: number;
	/** `video`, `audio` */
	kinds: string[];
}

/** What ffprobe says of a file or an address. */
export async function probe(location: string): Promise<Probed> {
	const said = await run('ffprobe', ['-v', 'error', '-show_streams', '-show_format', '-of', 'json', location], PROBE_MS);
	expectWell(said, `ffprobe ${location}`);
	const { streams, format } = JSON.parse(said.out) as {
		streams: { codec_type: string; width?: number; height?: number }[];
		format: { duration: string };
	};
	const picture = streams.find(({ codec_type }) => codec_type === 'video');
	return {
		seconds: Number(format.duration),
		width: picture?.width ?? 0,
		height: picture?.height ?? 0,
		kinds: streams.map(({ codec_type }) => codec_type).sort()
	};
}
