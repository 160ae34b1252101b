/**
 * Viewers without a picture: the very engine of the pages on a live, in Node, each with sockets and connections of its
 * own and a playhead that consumes parts as a player would. For load tests.
 *
 * node headless.mjs --live URL [--uuid UUID] [--peers N] [--seconds S] [--latency 1.6] [--spread S] [--no-upload] [--verify] [--log] [--events]
 *
 * Prints one JSON object: `{"peers": [...], "total": {...}}`. With `--events`, of up to twelve peers, lines before it: what the engines say,
 * `{"at_ms", "peer", "line"}`, and once a second how each fares, `{"at_ms", "peer", "least_ahead_ms", "held_up_ms", "report"}`.
 */

/// <reference types="node" />

import { spawn } from 'node:child_process';
import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import wrtc from '@roamhq/wrtc';
import WebSocket from 'ws';
import type { Crypto } from './manifest';
import { nodeRtc } from './node-rtc';
import type { Socket } from './signalling';
import { sleep } from './sleep';
import { Viewer, type PartRecord, type ViewerReport } from './viewer';

const keys = new Map<string, KeyObject>();

/** Node's own, ten times as fast: dozens of peers share one process. */
const nodeCrypto: Crypto = {
	sha256: (data) => createHash('sha256').update(data).digest(),
	verify: (signature, message, key) => {
		const x = Buffer.from(key).toString('base64url');
		let object = keys.get(x);
		if (!object) keys.set(x, (object = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })));
		return verify(null, message, object, signature);
	}
};

async function json(url: string): Promise<any> {
	const response = await fetch(url);
	if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
	return response.json();
}

async function uuidOf(live: URL): Promise<string> {
	const id = live.pathname.split('/').filter(Boolean).at(-1) ?? '';
	return (await json(new URL(`/api/v1/videos/${id}`, live).href)).uuid;
}

/**
 * Compares what the viewers consumed with the segments that the origin has; once, when all is over, so that it adds
 * nothing to what the origin sends meanwhile. The number of bad parts of each viewer.
 */
async function check(viewers: Viewer[]): Promise<{ bad: number[]; unchecked: number }> {
	const segments = new Map<number, { url: string; sizes: number[] }>();
	for (const viewer of viewers) for (const [msn, segment] of viewer.segments) if (segment.url !== '') segments.set(msn, segment);
	const right = new Map<string, string>();
	for (const { url, sizes } of segments.values()) {
		const response = await fetch(url);
		if (!response.ok) continue;
		const data = Buffer.from(await response.arrayBuffer());
		let at = 0;
		for (const [part, size] of sizes.entries()) {
			right.set(`${url} ${part}`, createHash('sha256').update(data.subarray(at, at + size)).digest('hex'));
			at += size;
		}
		// Parts that do not add up to their segment prove nothing, unless they are wrong.
		if (at !== data.length) for (const part of sizes.keys()) right.delete(`${url} ${part}`);
	}
	let unchecked = 0;
	const bad = viewers.map((viewer) => {
		const isBad = ({ msn, part, sha256 }: PartRecord): boolean => {
			const expected = right.get(`${segments.get(msn)?.url} ${part}`);
			if (expected === undefined) unchecked++;
			return expected !== undefined && expected !== sha256;
		};
		return viewer.records.filter(isBad).length;
	});
	return { bad, unchecked };
}

function total(reports: ViewerReport[]): Record<string, number> {
	const sum = (key: keyof ViewerReport): number => reports.reduce((all, report) => all + Number(report[key]), 0);
	const http_bytes = sum('http_bytes');
	const p2p_bytes = sum('p2p_bytes');
	return {
		peers: reports.length,
		joined: reports.filter((report) => report.joined).length,
		http_bytes,
		p2p_bytes,
		upload_bytes: sum('upload_bytes'),
		duplicate_bytes: sum('duplicate_bytes'),
		p2p_share: p2p_bytes / Math.max(1, http_bytes + p2p_bytes),
		stalls: sum('stalls'),
		stall_ms: sum('stall_ms'),
		bad_parts: sum('bad_parts'),
		playlist_requests: sum('playlist_requests'),
		part_requests: sum('part_requests')
	};
}

/** Peers in one process: sockets are bounded for each, and one thread alone does not use all processors. */
const PER_PROCESS = 12;

const { values } = parseArgs({
	options: {
		live: { type: 'string' },
		uuid: { type: 'string' },
		peers: { type: 'string', default: '1' },
		seconds: { type: 'string', default: '30' },
		latency: { type: 'string', default: '1.6' },
		spread: { type: 'string' },
		'no-upload': { type: 'boolean', default: false },
		verify: { type: 'boolean', default: false },
		log: { type: 'boolean', default: false },
		events: { type: 'boolean', default: false },
		// Of all peers, those from here on are another process's.
		from: { type: 'string', default: '0' },
		of: { type: 'string' }
	}
});

interface Result {
	peers: ViewerReport[];
	unchecked_parts: number;
	/** the longest that anything had to wait for this program itself: when that is long, the machine was too busy to judge by */
	held_up_ms: number;
}

const delays = monitorEventLoopDelay({ resolution: 10 });
delays.enable();

function print(result: Result): void {
	const { peers, ...rest } = result;
	const text = JSON.stringify({ peers, total: { ...total(peers), ...rest } });
	process.stdout.write(`${text}\n`, () => process.exit(0));
}

/** Shares the peers out to processes. */
async function share(count: number): Promise<Result> {
	const processes = Math.ceil(count / PER_PROCESS);
	const results = await Promise.all(
		Array.from({ length: processes }, (_, index) => {
			const from = Math.floor((index * count) / processes);
			const mine = Math.floor(((index + 1) * count) / processes) - from;
			const words = [...process.argv.slice(1), '--peers', String(mine), '--from', String(from), '--of', String(count)];
			const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
			process.once('exit', () => child.kill());
			let said = '';
			child.stdout.on('data', (data: Buffer) => (said += data.toString()));
			return new Promise<Result>((resolve, reject) => {
				child.once('error', reject);
				child.once('exit', (status) => {
					if (status !== 0) return reject(new Error(`exit status ${status}`));
					const { peers, total: sums } = JSON.parse(said);
					resolve({ peers, unchecked_parts: sums.unchecked_parts, held_up_ms: sums.held_up_ms });
				});
			});
		})
	);
	return {
		peers: results.flatMap(({ peers }) => peers),
		unchecked_parts: results.reduce((sum, result) => sum + result.unchecked_parts, 0),
		held_up_ms: Math.max(...results.map((result) => result.held_up_ms))
	};
}

function tell(event: object): void {
	process.stdout.write(`${JSON.stringify({ at_ms: Date.now(), ...event })}\n`);
}

/** How often it is looked how much a viewer has ahead, and how many of these make a line. */
const LOOK_MS = 100;
const LOOKS = 10;

function follow(viewer: Viewer): void {
	let looks = 0;
	let least: number | null = null;
	const waits = monitorEventLoopDelay({ resolution: 10 });
	waits.enable();
	setInterval(() => {
		const { ahead_ms } = viewer;
		if (ahead_ms !== null) least = Math.min(least ?? Infinity, Math.round(ahead_ms));
		if (++looks % LOOKS !== 0) return;
		tell({ peer: viewer.swarm.peer, least_ahead_ms: least, held_up_ms: Math.round(waits.max / 1e6), report: viewer.report() });
		least = null;
		waits.reset();
	}, LOOK_MS).unref();
}

async function watch(count: number): Promise<Result> {
	const live = new URL(values.live ?? '');
	const from = Number(values.from);
	const all = Number(values.of ?? count);
	const end_ms = performance.now() + Number(values.seconds) * 1000;
	const spread_ms = 1000 * Number(values.spread ?? Math.min(10, all * 0.1));
	const uuid = values.uuid ?? (await uuidOf(live));
	const say = (index: number, line: string): void => {
		if (values.log) process.stderr.write(`${(performance.now() / 1000).toFixed(2)} ${from + index} ${line}\n`);
		if (values.events) tell({ peer: viewers[index]?.swarm.peer, line });
	};
	const viewers: Viewer[] = Array.from({ length: count }, (_, index) => {
		return new Viewer({
			uuid,
			tokenUrl: new URL(`/api/shoal/v1/swarms/${uuid}/token`, live).href,
			rtc: nodeRtc(wrtc.RTCPeerConnection),
			socket: (url) => new WebSocket(url) as unknown as Socket,
			crypto: nodeCrypto,
			hash: (data) => createHash('sha256').update(new Uint8Array(data)).digest('hex'),
			target_ms: Number(values.latency) * 1000,
			upload: !values['no-upload'],
			...(values.log || values.events ? { log: (line: string) => say(index, line) } : {})
		});
	});
	if (values.events) viewers.forEach(follow);
	const never = new AbortController().signal;
	await Promise.all(
		viewers.map(async (viewer, index) => {
			await sleep(((from + index) * spread_ms) / all, never);
			await viewer.run(end_ms);
		})
	);
	const held_up_ms = Math.round(delays.max / 1e6);
	const { bad, unchecked } = values.verify ? await check(viewers) : { bad: [], unchecked: 0 };
	return { peers: viewers.map((viewer, index) => ({ ...viewer.report(), bad_parts: bad[index] ?? 0 })), unchecked_parts: unchecked, held_up_ms };
}

async function main(): Promise<void> {
	if (!values.live) throw new Error('--live URL: the page of a live');
	const count = Number(values.peers);
	if (!Number.isInteger(count) || count < 1) throw new Error('--peers N: at least one');
	print(count > PER_PROCESS ? await share(count) : await watch(count));
}

main().catch((error: unknown) => {
	process.stderr.write(`${String(error)}\n`);
	process.exit(1);
});
