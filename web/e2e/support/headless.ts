import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { outlive } from './outlive';
import type { TestLive } from './shoal';

const PROGRAM = resolve('../packages/swarm/dist/headless.mjs');

/** What an engine without a picture says at the end. */
export interface HeadlessPeer {
	stalls: number;
	http_bytes: number;
	p2p_bytes: number;
	upload_bytes: number;
	bad_parts: number;
}

export interface HeadlessRun {
	readonly peers: Promise<HeadlessPeer[]>;
	/** Gone without a word. */
	kill(): void;
}

/** Starts `count` of the pages' own engines on `live` for `seconds`, in one process; `prefix`: words before the command. */
export function headless(url: string, live: TestLive, { count = 1, seconds, prefix = [] }: { count?: number; seconds: number; prefix?: string[] }): HeadlessRun {
	const own = [process.execPath, PROGRAM, '--live', url + live.watchPath, '--uuid', live.uuid, '--peers', String(count), '--seconds', String(seconds), '--verify'];
	const [program, ...words] = [...prefix, ...own];
	const child = spawn(program!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
	outlive(child);
	let said = '';
	child.stdout.on('data', (data: Buffer) => (said += data.toString()));
	const peers = new Promise<HeadlessPeer[]>((done, failed) => {
		child.once('exit', (status) => {
			try {
				if (status !== 0) throw new Error(`headless peers: exit status ${status}`);
				done((JSON.parse(said) as { peers: HeadlessPeer[] }).peers);
			} catch (error) {
				failed(error instanceof Error ? error : new Error(String(error)));
			}
		});
	});
	// Whoever kills it does not ask.
	peers.catch(() => undefined);
	return { peers, kill: () => child.kill('SIGKILL') };
}
