import { spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { outlive } from './outlive';
import type { TestLive } from './shoal';

export const WAYS = ['wrong-bytes', 'wrong-length', 'flood', 'lying-have', 'accuse'] as const;
export type Way = (typeof WAYS)[number];

/** What a liar did to another peer, or of whom it told the tracker; peers are 40 hexadecimal digits. */
export interface Lie {
	liar: string;
	to: string;
	at_ms: number;
	evil: Way;
}

export interface LiarRun {
	kill(): void;
}

/** Starts a native peer that harms the swarm of `live` in its way; `lied` hears of it, `prefix`: words before the command. */
export function liar(url: string, live: TestLive, way: Way, { seconds, prefix = [], lied }: { seconds: number; prefix?: string[]; lied: (lie: Lie) => void }): LiarRun {
	// Beside the server's own program.
	const peers = process.env.SHOAL_PEERS_BIN ?? join(dirname(process.env.SHOAL_BIN ?? ''), 'shoal-peers');
	const [program, ...words] = [...prefix, resolve(peers), `${url}/api/shoal/v1/swarms/${live.uuid}/token`, `evil=${way}`, `seconds=${seconds}`];
	const child = spawn(program!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
	outlive(child);
	createInterface({ input: child.stdout }).on('line', (line) => {
		const said = JSON.parse(line);
		if (said.liar) lied(said);
	});
	return { kill: () => child.kill('SIGKILL') };
}
