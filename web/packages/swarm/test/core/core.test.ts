import { describe, expect, it } from 'vitest';
import { Core, type PartFacts } from '../../src/core';
import { World } from './world';

function swarm(count: number, seconds: number): World {
	const world = new World();
	world.broadcast(0, (seconds + 60) * 1000);
	for (let i = 0; i < count; i++) world.at(4_000 + i * 100, () => world.join(i + 1));
	return world;
}

const PARENT = '22'.repeat(20);

/** A part of four slices, 200 ms long. */
const facts = (place: number, time_ms: number): PartFacts => ({ rendition: 0, place, time_ms, duration_ms: 200, size: 20_000, slices: 4 });

/** One core whose only parent is `PARENT`; what it says to it, and of it, with its time. It learns of a part every 200 ms and plays 1.6 s behind. */
function alone(stripes: number[]): {
	said: [number, string][];
	accept: (now: number, stripe: number) => void;
	assign: (now: number, stripes: number[]) => void;
	run: (until: number, each: (core: Core, now: number) => void) => void;
} {
	const core = new Core({ peer: '11'.repeat(20), stripes: 4, upload: true, ceiling_tenths: 20 });
	const said: [number, string][] = [];
	const drain = (now: number): void => {
		for (let output = core.pollOutput(); output; output = core.pollOutput()) {
			if (output.type === 'connect') core.handlePeerOpen(now, PARENT);
			else if (output.type === 'send' && 'stripe' in output.message) said.push([now, `${output.message.type} ${output.message.stripe}`]);
			else if (output.type === 'fetch') said.push([now, 'fetch']);
			else if (output.type === 'report') for (const { stripe, peer } of output.report.lost) said.push([now, `lost ${stripe} ${peer === PARENT}`]);
		}
	};
	const assign = (now: number, stripes: number[]): void =>
		core.handleAssign(now, { manifests: true, stripes: stripes.map((stripe) => ({ rendition: 0, stripe, root: false, parent: PARENT, standby: null })) });
	core.handleRendition(0, 0, true);
	assign(0, stripes);
	drain(0);
	core.handleMessage(0, PARENT, { type: 'hello', slots: 4, newest: 0 });
	const accept = (now: number, stripe: number): void => core.handleMessage(now, PARENT, { type: 'accept', rendition: 0, stripe, path: [1] });
	const run = (until: number, each: (core: Core, now: number) => void): void => {
		for (let now = 0; now < until; now += 10) {
			each(core, now);
			if (now % 200 === 0) core.handleManifest(now, facts(1024 + now / 200, now), null);
			core.handlePlayhead(now, now - 1_600);
			if (now >= core.pollTimeout()) core.handleTimeout(now);
			drain(now);
		}
	};
	return { said, assign, accept, run };
}

describe('the scheduler', () => {
	it.each([
		[6, 0.2],
		[12, 0.12],
		[40, 0.06]
	])('lets %i peers carry the stream', { timeout: 60_000 }, (count, bound) => {
		const world = swarm(count, 60);
		world.run(25_000);
		const before = world.mark();
		const duplicates = (): number => [...world.peers.values()].reduce((sum, peer) => sum + peer.core.stats().duplicate_bytes, 0);
		const duplicates_before = duplicates();
		const fetches = [...world.peers.values()].reduce((sum, peer) => sum + peer.fetches, 0);
		world.run(55_000);
		expect(world.share(before)).toBeLessThan(bound);
		for (const peer of world.peers.values()) {
			expect(peer.active).toBe(true);
			expect(peer.stalls).toBe(0);
		}
		const later = [...world.peers.values()].reduce((sum, peer) => sum + peer.fetches, 0);
		expect((later - fetches) / count / 30).toBeLessThan(0.2);
		expect(duplicates() - duplicates_before).toBe(0);
	});

	it('repairs when a parent vanishes, and when one falls silent', () => {
		for (const silently of [false, true]) {
			const world = swarm(8, 60);
			world.run(30_000);
			const victim = [...world.peers.values()].sort((a, b) => b.core.stats().children - a.core.stats().children)[0]!;
			expect(victim.core.stats().children).toBeGreaterThan(1);
			if (silently) victim.silent = true;
			else world.leave(victim, true);
			world.run(40_000);
			for (const peer of world.peers.values()) if (peer !== victim) expect(peer.stalls).toBe(0);
		}
	});

	it.each([800, 1_300])('waits no two seconds for a parent that accepts and brings nothing, though there is no other (%d ms)', (later_ms) => {
		const { said, accept, run } = alone([0, 1]);
		accept(0, 0);
		run(2_000, (_, now) => {
			// What it promises later ends no later; nor is anything taken that it promises then.
			if (now === later_ms) accept(now, 1);
		});
		const types = said.map(([, what]) => what);
		expect(types).toContain('subscribe 0');
		expect(types).toContain('unsubscribe 0');
		expect(types).toContain('lost 0 true');
		expect(types).toContain('lost 1 true');
		expect(said.find(([, what]) => what.startsWith('unsubscribe'))![0]).toBeGreaterThan(1_000);
	});

	it('takes a parent that accepted and brought nothing for no stripe again, and says so', () => {
		const { said, run, assign, accept } = alone([0]);
		accept(0, 0);
		run(40_000, (_, now) => {
			// The tracker has not understood yet, and tries once more when all is forgotten.
			if (now === 1_800 || now === 35_000) assign(now, [1]);
		});
		const when = (what: string): number[] => said.filter(([, other]) => other === what).map(([now]) => now);
		expect(when('subscribe 0')).toEqual([0]);
		expect(when('lost 1 true').some((now) => now >= 1_800 && now < 3_000)).toBe(true);
		expect(when('subscribe 1')).toEqual([35_000]);
	});

	it('does not leave a parent for what was there before it', () => {
		const stripes = [0, 1, 2, 3];
		const { said, accept, run } = alone(stripes);
		run(6_000, (core, now) => {
			if (now === 0) {
				// As a tracker tells somebody who comes of the last parts: the player wants all of them, and HTTP brings them.
				for (let i = 0; i < 6; i++) core.handleManifest(now, facts(1018 + i, (i - 6) * 200), null);
			}
			if (now === 10) {
				for (const stripe of stripes) accept(now, stripe);
				core.handleWanted(now, 1018);
			}
			if (now >= 300 && now % 200 === 100) for (const i of stripes) core.handleSlice(now, PARENT, 0, 1024 + (now - 100) / 200, i, true);
		});
		const types = said.map(([, what]) => what);
		expect(types.filter((what) => what === 'fetch').length).toBeGreaterThan(5);
		for (const stripe of stripes) expect(types).not.toContain(`lost ${stripe} true`);
	});

	it('takes nothing wrong, and bans whoever sends it', () => {
		const world = new World();
		world.broadcast(0, 60_000);
		for (let i = 0; i < 9; i++) world.at(4_000 + i * 100, () => world.join(i + 1, { evil: i % 3 === 2 }));
		world.run(40_000);
		const evil = new Set([...world.peers.values()].filter((peer) => peer.options.evil).map((peer) => peer.id));
		let bans = 0;
		for (const peer of world.peers.values()) {
			if (peer.options.evil) continue;
			expect(peer.stalls).toBe(0);
			for (const banned of peer.banned) expect(evil.has(banned)).toBe(true);
			bans += peer.banned.size;
		}
		expect(bans).toBeGreaterThan(0);
	});

	it('lets some go to another rendition, and back, without a stall for anybody', () => {
		const world = swarm(12, 100);
		world.broadcast(0, 160_000, 1);
		world.run(25_000);
		const peers = [...world.peers.values()];
		const changing = peers.filter((_, i) => i % 3 === 0);
		const inactive_ms: number[] = [];
		const change = (rendition: number): void => {
			for (const [i, peer] of changing.entries()) {
				world.at(world.now + i * 500, () => {
					expect(peer.active).toBe(true);
					world.change(peer, rendition);
					// The player takes its parts by HTTP until the stripes of the other one flow.
					expect(peer.active).toBe(false);
					const changed_ms = world.now;
					world.at(changed_ms + 10_000, () => inactive_ms.push(peer.active ? peer.activeSince - changed_ms : Infinity));
				});
			}
			world.run(world.now + 25_000);
		};
		const before = world.mark();
		for (const rendition of [1, 0]) {
			change(rendition);
			for (const peer of changing) {
				expect(peer.complete.size).toBeGreaterThan(50);
				expect(peer.core.stats().parents + peer.stream.length).toBeGreaterThan(0);
			}
		}
		expect(inactive_ms).toHaveLength(2 * changing.length);
		expect(Math.max(...inactive_ms)).toBeLessThan(5_000);
		for (const peer of peers) expect([peer.active, peer.stalls]).toEqual([true, 0]);
		// Two swarms have eight roots' stripes between them instead of four.
		expect(world.share(before)).toBeLessThan(0.3);
	});

	it('plays on by HTTP alone when nobody lends anything', () => {
		const world = new World();
		world.broadcast(0, 40_000);
		for (let i = 0; i < 5; i++) world.at(4_000, () => world.join(i + 1, { upload: false }));
		world.run(30_000);
		for (const peer of world.peers.values()) {
			expect(peer.stalls).toBe(0);
			expect(peer.core.stats().p2p_bytes).toBe(0);
		}
	});
});
