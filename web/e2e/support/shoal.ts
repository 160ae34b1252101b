import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Api, LatencyMode, Privacy, type NewLive } from '@shoal/api-client';
import type { Page } from 'playwright-core';
import { outlive } from './outlive';
import { until } from './until';

/** `data_dir/addresses.json` */
interface Addresses {
	http: string;
	https: string | null;
	rtmp: string;
	public_url: string;
	rtmp_url: string;
}

export const PASSWORD = 'correct horse battery';

/** From the start of the program to `/healthz`; a cold disk included. */
const READY_MS = 20_000;
/** SIGTERM: exits within 10 s. */
const STOP_MS = 12_000;

function binary(): string {
	const path = process.env.SHOAL_BIN;
	if (!path) throw new Error('SHOAL_BIN must name the shoal binary (make test-e2e sets it)');
	return resolve(path);
}

export interface TestLive {
	id: number;
	uuid: string;
	/** What a publisher publishes to. */
	publishUrl: string;
	watchPath: string;
}

/** A network namespace to run in. */
export interface Place {
	prefix: string[];
	address: string;
}

/** The real server, with a data directory of its own. */
export class Shoal {
	#child: ChildProcess | null = null;
	#addresses: Addresses | null = null;
	#token: string | null = null;
	readonly data_dir = mkdtempSync(join(tmpdir(), 'shoal-e2e-'));
	readonly #log_path = join(this.data_dir, 'shoal.log');
	readonly #config_path = join(this.data_dir, 'shoal.toml');
	readonly #environment: Record<string, string>;

	private constructor(
		environment: Record<string, string>,
		private readonly namespace: Place | null,
		config: string
	) {
		this.#environment = environment;
		writeFileSync(this.#config_path, config);
	}

	/** In a network `namespace`, if one is given, at ports 9000 and 1935 of its address. `config`: what variables cannot say. */
	static async start(environment: Record<string, string> = {}, namespace: Place | null = null, config = ''): Promise<Shoal> {
		const shoal = new Shoal(environment, namespace, config);
		await shoal.run();
		return shoal;
	}

	/** Where its pages are. */
	get url(): string {
		if (!this.#addresses) throw new Error('not started');
		return this.#addresses.public_url;
	}

	/** Host and port of HTTPS, where that is on. */
	get https(): string {
		const address = this.#addresses?.https;
		if (!address) throw new Error('HTTPS is off');
		return address;
	}

	/** Root's access token. */
	get token(): string {
		if (!this.#token) throw new Error('not started');
		return this.#token;
	}

	/** Logs root in on `page`, as the login page would. */
	async logIn(page: Page): Promise<void> {
		const tokens = await this.api.login('root', PASSWORD);
		const stored = { ...tokens, expires_at: Date.now() + tokens.expires_in * 1000 };
		await page.addInitScript((session) => localStorage.setItem('shoal.session', session), JSON.stringify(stored));
	}

	/** As root. */
	get api(): Api {
		return new Api({ base: this.url, token: async () => this.#token });
	}

	/** Starts the program; again at the same addresses, if it ran before. */
	async run(): Promise<void> {
		const before = this.#addresses;
		const started_ms = Date.now();
		const log = openSync(this.#log_path, 'a');
		const address = this.namespace?.address;
		const [program, ...words] = [...(this.namespace?.prefix ?? []), binary(), 'serve', '--config', this.#config_path];
		const child = spawn(program!, words, {
			cwd: this.data_dir,
			stdio: ['ignore', log, log],
			env: {
				PATH: process.env.PATH,
				HOME: this.data_dir,
				SHOAL_DATA_DIR: this.data_dir,
				SHOAL_HTTP_LISTEN: before?.http ?? (address ? `${address}:9000` : '127.0.0.1:0'),
				SHOAL_RTMP_LISTEN: before?.rtmp ?? (address ? `${address}:1935` : '127.0.0.1:0'),
				...(address ? { SHOAL_PUBLIC_URL: `http://${address}:9000` } : {}),
				SHOAL_ROOT_PASSWORD: PASSWORD,
				SHOAL_LOG: 'info',
				...this.#environment
			}
		});
		closeSync(log);
		this.#child = child;
		outlive(child);
		await until('the server is ready', READY_MS, async () => {
			if (child.exitCode !== null) throw new Error(`shoal exited with ${child.exitCode}:\n${this.log()}`);
			const path = join(this.data_dir, 'addresses.json');
			const addresses = JSON.parse(readFileSync(path, 'utf8')) as Addresses;
			const answer = await fetch(`http://${addresses.http}/healthz`, { signal: AbortSignal.timeout(1000) });
			if (answer.status !== 200 || child.exitCode !== null) return false;
			this.#addresses = addresses;
			return true;
		}).catch((error: unknown) => {
			throw new Error(`shoal did not start within ${Date.now() - started_ms} ms:\n${this.log()}`, { cause: error });
		});
		if (!before) this.#token = (await this.api.login('root', PASSWORD)).access_token;
	}

	/** SIGKILL, as a power cut. */
	async kill(): Promise<void> {
		await this.#end('SIGKILL', STOP_MS);
	}

	/** SIGTERM; answers the exit status. Deletes the data. */
	async stop(): Promise<number | null> {
		const status = await this.#end('SIGTERM', STOP_MS);
		if (!process.env.SHOAL_E2E_KEEP) rmSync(this.data_dir, { recursive: true, force: true });
		return status;
	}

	async #end(signal: NodeJS.Signals, patience_ms: number): Promise<number | null> {
		const child = this.#child;
		this.#child = null;
		if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
		const ended = new Promise<number | null>((done) => child.once('exit', done));
		child.kill(signal);
		const impatient = setTimeout(() => child.kill('SIGKILL'), patience_ms);
		const status = await ended;
		clearTimeout(impatient);
		return status;
	}

	/** What the program said, for messages of failed tests. */
	log(): string {
		return this.lines().slice(-60).join('\n');
	}

	/** All that the program said. */
	lines(): string[] {
		try {
			return readFileSync(this.#log_path, 'utf8').split('\n');
		} catch {
			return [];
		}
	}

	async createLive(change: Partial<NewLive> = {}): Promise<TestLive> {
		const user = await this.api.me();
		const channel = user.videoChannels[0];
		if (!channel) throw new Error('root has no channel');
		const { video } = await this.api.createLive({
			channelId: channel.id,
			name: 'Test live',
			privacy: Privacy.public,
			permanentLive: false,
			saveReplay: false,
			latencyMode: LatencyMode.small,
			...change
		});
		const live = await this.api.live(video.uuid);
		if (!live.rtmpUrl || !live.streamKey) throw new Error('the live has no address or key for its owner');
		// By number: `localhost` may be IPv6 first.
		const base = `rtmp://${this.#addresses?.rtmp ?? ''}${new URL(live.rtmpUrl.replace(/^rtmp/, 'http')).pathname}`;
		return { id: video.id, uuid: video.uuid, publishUrl: `${base}/${live.streamKey}`, watchPath: `/w/${video.shortUUID}` };
	}
}
