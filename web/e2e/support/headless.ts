import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { outlive } from './outlive';
import type { TestLive } from './shoal';

const PROGRAM = resolve('../packages/swarm/dist/headless.mjs');

/** What an engine without a picture says at the end. */
export interface HeadlessPeer {
	peer: string;
	stalls: number;
	http_bytes: number;
	p2p_bytes: number;
	upload_bytes: number;
	parts: number;
	bad_parts: number;
	rescued: number;
	failovers: number;
	banned: number;
}

/** What it says meanwhile: what its engine logs, or once a second how it fares. */
export type HeadlessEvent = { at_ms: number; peer: string } & ({ line: string } | { least_ahead_ms: number | null; held_up_ms: number; report: HeadlessPeer });

export interface HeadlessOptions {
	count?: number;
	seconds: number;
	/** over how many of them they join, where not as fast as they can */
	spread_s?: number;
	/** words before the command */
	prefix?: string[];
	/** for up to twelve peers */
	event?: (event: HeadlessEvent) => void;
}

export interface HeadlessRun {
	readonly peers: Promise<HeadlessPeer[]>;
	/** parts of them that could not be compared with the origin's, as those of the segment that was last */
	readonly unchecked_parts: Promise<number>;
	readonly running: boolean;
	/** Gone without a word. */
	kill(): void;
	/** Says nothing any more, as a machine whose packets all are dropped, but for what its kernel says. */
	freeze(): void;
}

/** Starts `count` of the pages' own engines on `live` for `seconds`, in one process. */
export function headless(url: string, live: TestLive, { count = 1, seconds, spread_s, prefix = [], event }: HeadlessOptions): HeadlessRun {
	const own = [process.execPath, PROGRAM, '--live', url + live.watchPath, '--uuid', live.uuid, '--peers', String(count), '--seconds', String(seconds), '--verify', ...(spread_s === undefined ? [] : ['--spread', String(spread_s)])];
	const [program, ...words] = [...prefix, ...own, ...(event ? ['--events'] : [])];
	const child = spawn(program!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
	outlive(child);
	const result = new Promise<{ peers: HeadlessPeer[]; total: { unchecked_parts: number } }>((done, failed) => {
		createInterface({ input: child.stdout }).on('line', (line) => {
			const said = JSON.parse(line);
			if (said.total) done(said);
			else event?.(said);
		});
		// Said after what it printed: then there was no result.
		child.once('close', (status, signal) => failed(new Error(`headless peers: exit status ${status ?? signal}`)));
	});
	const peers = result.then((said) => said.peers);
	const unchecked_parts = result.then((said) => said.total.unchecked_parts);
	// Whoever kills it does not ask.
	for (const promise of [peers, unchecked_parts]) promise.catch(() => undefined);
	return {
		peers,
		unchecked_parts,
		get running() {
			return child.exitCode === null && child.signalCode === null;
		},
		kill: () => child.kill('SIGKILL'),
		freeze: () => child.kill('SIGSTOP')
	};
}
