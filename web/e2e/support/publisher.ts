import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { outlive } from './outlive';

/** A small picture: the encoder must not take what the browser and the server need of two cores. */
export const WIDTH = 640;
export const HEIGHT = 360;
const FPS = 30;
/** Keyframes every 2 s. */
const GOP = 60;
const NOISE_ROW = 120;
const NOISE_ROWS = 160;

/** The clock: 32 bits of milliseconds since the Unix epoch and 8 of checksum, black or white blocks along the top. */
export const CLOCK = { bits: 40, block_px: 16, height_px: 24 };

/** x264 and AAC by ffmpeg, as an encoder at somebody's home, with the wall clock drawn into every frame. */
export class Publisher {
	readonly #child: ChildProcess;
	#frames: ReturnType<typeof setInterval>;
	#said = '';
	readonly started_ms = Date.now();

	/** `prefix`: words before the command. `noisy`: a picture that needs all of `bitrate_kbps`. */
	constructor(url: string, { prefix = [], bitrate_kbps = 800, noisy = false }: { prefix?: string[]; bitrate_kbps?: number; noisy?: boolean } = {}) {
		const [program, ...words] = [...prefix, 'ffmpeg'];
		this.#child = spawn(
			program!,
			[
				words,
				['-hide_banner', '-loglevel', 'warning'],
				['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${WIDTH}x${HEIGHT}`, '-r', `${FPS}`, '-probesize', '32', '-thread_queue_size', '64', '-i', 'pipe:0'],
				['-re', '-f', 'lavfi', '-i', 'sine=frequency=330:sample_rate=48000'],
				['-map', '0:v', '-map', '1:a'],
				['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', `${GOP}`, '-keyint_min', `${GOP}`, '-sc_threshold', '0'],
				['-b:v', `${bitrate_kbps}k`, '-maxrate', `${bitrate_kbps}k`, '-bufsize', `${bitrate_kbps / 2}k`],
				['-threads', '1', '-c:a', 'aac', '-b:a', '96k', '-f', 'flv', url]
			].flat(),
			{ stdio: ['pipe', 'ignore', 'pipe'] }
		);
		outlive(this.#child);
		this.#child.stderr?.on('data', (data: Buffer) => (this.#said = (this.#said + data.toString()).slice(-4000)));
		this.#child.stdin?.on('error', () => undefined);
		this.#frames = this.#draw(noisy ? randomBytes((NOISE_ROWS + 1) * WIDTH) : null);
	}

	#draw(noise: Buffer | null): ReturnType<typeof setInterval> {
		const picture = background();
		let start_ms = Infinity;
		let drawn = 0;
		// The sound begins when ffmpeg does; pictures from before would be held back until it has caught up. ffmpeg has
		// begun once it takes more than the first frame, at which it only looks.
		const begin = () => (start_ms = performance.now());
		this.#child.stdin?.write(stamped(picture), () => this.#child.stdin?.write(stamped(picture), begin));
		return setInterval(() => {
			if (start_ms === Infinity) return;
			const due = Math.floor(((performance.now() - start_ms) * FPS) / 1000);
			for (; drawn < due; drawn++) {
				const frame = stamped(picture);
				// A frame's place in the picture shows that it moves, to eyes and to the encoder.
				// Noise is what an encoder spends bits on: without it the picture would need a tenth of its bitrate.
				if (noise) noise.copy(frame, NOISE_ROW * WIDTH, (drawn * 7919) % WIDTH, ((drawn * 7919) % WIDTH) + NOISE_ROWS * WIDTH);
				frame.fill(235, (HEIGHT - 8) * WIDTH, (HEIGHT - 8) * WIDTH + ((drawn * 4) % WIDTH));
				this.#child.stdin?.write(frame);
			}
		}, 1000 / FPS / 2);
	}

	get running(): boolean {
		return this.#child.exitCode === null && this.#child.signalCode === null;
	}

	/** What ffmpeg complained about. */
	get said(): string {
		return this.#said;
	}

	/** Stops as a streamer does (FCUnpublish, deleteStream). */
	stop(): Promise<void> {
		return this.#end(() => {
			this.#child.kill('SIGINT');
			// Or it would go on waiting for the next frame.
			this.#child.stdin?.end();
		});
	}

	/** Gone without a word, as a network that broke. */
	kill(): Promise<void> {
		return this.#end(() => this.#child.kill('SIGKILL'));
	}

	async #end(how: () => void): Promise<void> {
		clearInterval(this.#frames);
		if (!this.running) return;
		const ended = new Promise((done) => this.#child.once('exit', done));
		how();
		const impatient = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
		await ended;
		clearTimeout(impatient);
	}
}

function background(): Buffer {
	const luma = WIDTH * HEIGHT;
	const picture = Buffer.alloc((luma * 3) / 2, 128);
	for (let y = 0; y < HEIGHT; y++) {
		for (let x = 0; x < WIDTH; x++) picture[y * WIDTH + x] = 40 + ((x * 120) / WIDTH + (y * 60) / HEIGHT);
	}
	return picture;
}

/** A copy with the clock of now. */
function stamped(picture: Buffer): Buffer {
	const frame = Buffer.from(picture);
	stamp(frame, Date.now());
	return frame;
}

/** Draws `moment_ms` into the luma plane. */
export function stamp(frame: Buffer, moment_ms: number): void {
	const value = moment_ms % 2 ** 32;
	const checksum = (value ^ (value >>> 8) ^ (value >>> 16) ^ (value >>> 24)) & 0xff;
	for (let bit = 0; bit < CLOCK.bits; bit++) {
		const on = bit < 32 ? (value >>> (31 - bit)) & 1 : (checksum >>> (39 - bit)) & 1;
		const x = bit * CLOCK.block_px;
		for (let y = 0; y < CLOCK.height_px; y++) frame.fill(on ? 235 : 16, y * WIDTH + x, y * WIDTH + x + CLOCK.block_px);
	}
}
