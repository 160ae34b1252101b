/**
 * What schedulers did in simulated swarms, the native one and this one, is what this one does: p2p-peer/vectors/traces, replayed.
 * `RECORD_TRACES=1` records those of this one anew (`ts-…`); `swarm-sim traces` those of the native one.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Core, type CoreConfig, type Output } from '../../src/core';
import { World, type Peer } from './world';

const DIR = join(import.meta.dirname, '../../../../../p2p-peer/vectors/traces');

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Named = { [key: string]: Json };
type Line = { at: number; in: Named; out?: Json[]; due: number };

/** Sets of slices are hexadecimal in traces. */
function toJson(value: unknown): Json {
	return JSON.parse(JSON.stringify(value, (_, inner: unknown) => (inner instanceof Uint8Array ? Buffer.from(inner).toString('hex') : inner))) as Json;
}

function fromJson(value: Json): unknown {
	return JSON.parse(JSON.stringify(value), (key, inner: unknown) => (key === 'bits' ? Uint8Array.from(Buffer.from(inner as string, 'hex')) : inner));
}

/** Arguments of each input, in their order. */
const ARGUMENTS = {
	rendition: ['rendition', 'sharable'],
	manifest: ['facts', 'from'],
	assign: ['assignment'],
	gone: ['peer'],
	peer_open: ['peer'],
	peer_close: ['peer'],
	message: ['peer', 'message'],
	slice: ['from', 'rendition', 'place', 'index', 'valid'],
	buffered: ['peer', 'bytes'],
	fetched: ['id', 'ok', 'duration_ms'],
	stream: ['open'],
	playhead: ['time_ms'],
	wanted: ['place'],
	timeout: []
} as const;

type Method = (now: number, ...rest: unknown[]) => void;

function method(type: string): keyof Core {
	return `handle${type.replace(/(^|_)(.)/g, (_, __, letter: string) => letter.toUpperCase())}` as keyof Core;
}

function drain(core: Core): Output[] {
	const outputs: Output[] = [];
	for (let output = core.pollOutput(); output; output = core.pollOutput()) outputs.push(output);
	return outputs;
}

describe('recorded schedulers', () => {
	it.each(readdirSync(DIR).sort())('%s', { timeout: 60_000 }, (file) => {
		const [head, ...lines] = gunzipSync(readFileSync(join(DIR, file)))
			.toString()
			.trimEnd()
			.split('\n');
		const core = new Core((JSON.parse(head!) as { config: CoreConfig }).config);
		for (const [i, text] of lines.entries()) {
			const line = JSON.parse(text) as Line;
			const input = fromJson(line.in) as Record<string, unknown>;
			const type = input.type as keyof typeof ARGUMENTS;
			(core[method(type)] as Method)(
				line.at,
				...ARGUMENTS[type].map((name) => input[name])
			);
			const replayed = JSON.stringify([sorted(toJson(drain(core))), core.pollTimeout()]);
			const recorded = JSON.stringify([sorted(line.out ?? []), line.due]);
			if (replayed !== recorded) expect(JSON.parse(replayed), `${file}, line ${i + 2}: ${text}`).toEqual(JSON.parse(recorded));
		}
	});
});

/** Keys in one order, so that texts can be compared: that is much faster than comparing values. */
function sorted(value: Json): Json {
	if (Array.isArray(value)) return value.map(sorted);
	if (value === null || typeof value !== 'object') return value;
	return Object.fromEntries(
		Object.keys(value)
			.sort()
			.map((key) => [key, sorted(value[key]!)])
	);
}

/** Notes what goes into a peer's scheduler and what comes out. */
function record(world: World, peer: Peer): string[] {
	const { core } = peer;
	const lines = [JSON.stringify({ config: { peer: peer.id, stripes: 4, upload: peer.options.upload ?? true, ceiling_tenths: 20 } })];
	const poll = core.pollOutput.bind(core);
	const outputs: Output[] = [];
	const note = (input: Named, run: () => void): void => {
		run();
		const out: Output[] = [];
		for (let output = poll(); output; output = poll()) out.push(output);
		outputs.push(...out);
		lines.push(JSON.stringify({ at: world.now, in: input, ...(out.length > 0 ? { out: toJson(out) } : {}), due: core.pollTimeout() }));
	};
	for (const [type, names] of Object.entries(ARGUMENTS)) {
		const original = (core[method(type)] as Method).bind(core);
		Object.defineProperty(core, method(type), {
			value: (now: number, ...rest: unknown[]) =>
				note({ type, ...Object.fromEntries(names.map((name, i) => [name, toJson(rest[i] ?? null)])) }, () => original(now, ...rest))
		});
	}
	Object.defineProperty(core, 'pollOutput', { value: () => outputs.shift() ?? null });
	// What it was told when it was made.
	note({ type: 'rendition', rendition: 0, sharable: true }, () => undefined);
	return lines;
}

it.runIf(process.env.RECORD_TRACES)('records', { timeout: 300_000 }, () => {
	const scenarios: [string, (world: World) => void, (world: World) => void][] = [
		['calm', () => undefined, () => undefined],
		['evil', (world) => [20, 21, 22].forEach((name) => world.join(name, { evil: true })), () => undefined],
		[
			'losses',
			() => undefined,
			(world) => {
				const victims = [...world.peers.values()].slice(3, 6);
				world.at(20_000, () => (victims[0]!.silent = true));
				world.at(35_000, () => world.leave(victims[1]!, true));
				world.at(50_000, () => world.leave(victims[2]!, false));
			}
		]
	];
	for (const [name, join_others, later] of scenarios) {
		const world = new World();
		world.broadcast(0, 80_000);
		const recorded: string[][] = [];
		world.at(4_000, () => {
			for (let i = 0; i < 9; i++) {
				const peer = world.join(i + 1);
				if (i === 1) recorded.push(record(world, peer));
			}
			join_others(world);
		});
		world.run(5_000);
		later(world);
		world.run(70_000);
		writeFileSync(join(DIR, `ts-${name}.jsonl.gz`), gzipSync(`${recorded[0]!.join('\n')}\n`, { level: 9 }));
	}
});
