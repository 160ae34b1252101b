import { spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { outlive } from './outlive';
import type { TestLive } from './shoal';

/** What a native peer says at the end. */
export interface NativePeer {
	active: boolean;
	/** parts that were not whole when their picture was due */
	missed: number;
	http_bytes: number;
	p2p_bytes: number;
	upload_bytes: number;
	banned: number;
	broken: number;
}

/** Starts native peers on `live`: `settings` as the program has them, `said` gets its lines; `prefix`: words before the command. */
export function startNative(url: string, live: TestLive, settings: Record<string, string | number>, prefix: string[], said: (line: unknown) => void): { kill(): void; ended: Promise<void> } {
	// Beside the server's own program.
	const peers = process.env.SHOAL_PEERS_BIN ?? join(dirname(process.env.SHOAL_BIN ?? ''), 'shoal-peers');
	const own = [resolve(peers), `${url}/api/shoal/v1/swarms/${live.uuid}/token`, ...Object.entries(settings).map(([key, value]) => `${key}=${value}`)];
	const [program, ...words] = [...prefix, ...own];
	const child = spawn(program!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
	outlive(child);
	createInterface({ input: child.stdout }).on('line', (line) => said(JSON.parse(line)));
	const ended = new Promise<void>((done) => void child.once('close', () => done()));
	return { kill: () => child.kill('SIGKILL'), ended };
}

/** `count` native peers that join one every `stagger_ms` and stay for `seconds` after the last. */
export async function nativePeers(url: string, live: TestLive, { count, seconds, stagger_ms, prefix }: { count: number; seconds: number; stagger_ms: number; prefix: string[] }): Promise<NativePeer[]> {
	const peers: NativePeer[] = [];
	await startNative(url, live, { count, seconds, stagger: Math.round(stagger_ms), latency: 1600 }, prefix, (line) => {
		const { stats } = line as { stats?: NativePeer };
		if (stats) peers.push(stats);
	}).ended;
	if (peers.length < count) throw new Error(`native peers: ${peers.length} of ${count} came to an end`);
	return peers;
}
