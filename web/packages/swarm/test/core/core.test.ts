import { describe, expect, it } from 'vitest';
import { Core } from '../../src/core';
import { World } from './world';

function swarm(count: number, seconds: number): World {
	const world = new World();
	world.broadcast(0, (seconds + 60) * 1000);
	for (let i = 0; i < count; i++) world.at(4_000 + i * 100, () => world.join(i + 1));
	return world;
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

	it('waits no two seconds for a parent that accepts and brings nothing, though there is no other', () => {
		const [self, parent] = ['11'.repeat(20), '22'.repeat(20)];
		const core = new Core({ peer: self, stripes: 4, upload: true, ceiling_tenths: 20 });
		const said: [number, string][] = [];
		const drain = (now: number): void => {
			for (let output = core.pollOutput(); output; output = core.pollOutput()) {
				if (output.type === 'connect') core.handlePeerOpen(now, parent);
				else if (output.type === 'send') said.push([now, output.message.type]);
				else if (output.type === 'report') for (const lost of output.report.lost) said.push([now, `lost ${lost.stripe} ${lost.peer === parent}`]);
			}
		};
		core.handleRendition(0, 0, true);
		core.handleAssign(0, { manifests: true, stripes: [0, 1].map((stripe) => ({ rendition: 0, stripe, root: false, parent, standby: null })) });
		drain(0);
		core.handleMessage(0, parent, { type: 'hello', slots: 4, newest: 0 });
		core.handleMessage(0, parent, { type: 'accept', rendition: 0, stripe: 0, path: [1] });
		for (let now = 0; now < 2_000; now += 10) {
			// What it promises later ends no later.
			if (now === 800) core.handleMessage(now, parent, { type: 'accept', rendition: 0, stripe: 1, path: [1] });
			if (now % 200 === 0) core.handleManifest(now, { rendition: 0, place: 1024 + now / 200, time_ms: now, duration_ms: 200, size: 20_000, slices: 4 }, null);
			core.handlePlayhead(now, now - 1_600);
			if (now >= core.pollTimeout()) core.handleTimeout(now);
			drain(now);
		}
		const types = said.map(([, what]) => what);
		expect(types).toContain('subscribe');
		expect(types).toContain('unsubscribe');
		expect(types).toContain('lost 0 true');
		expect(types).toContain('lost 1 true');
		expect(said.find(([, what]) => what === 'unsubscribe')![0]).toBeGreaterThan(1_000);
	});

	it('takes a parent that accepted and brought nothing for no stripe again, and says so', () => {
		const [self, parent] = ['11'.repeat(20), '22'.repeat(20)];
		const core = new Core({ peer: self, stripes: 4, upload: true, ceiling_tenths: 20 });
		const subscribed: [number, number][] = [];
		const lost: [number, number][] = [];
		const drain = (now: number): void => {
			for (let output = core.pollOutput(); output; output = core.pollOutput()) {
				if (output.type === 'connect') core.handlePeerOpen(now, parent);
				else if (output.type === 'send' && output.message.type === 'subscribe') subscribed.push([now, output.message.stripe]);
				else if (output.type === 'report') for (const { stripe } of output.report.lost) lost.push([now, stripe]);
			}
		};
		const assign = (now: number, stripe: number): void =>
			core.handleAssign(now, { manifests: true, stripes: [{ rendition: 0, stripe, root: false, parent, standby: null }] });
		core.handleRendition(0, 0, true);
		assign(0, 0);
		drain(0);
		core.handleMessage(0, parent, { type: 'hello', slots: 4, newest: 0 });
		core.handleMessage(0, parent, { type: 'accept', rendition: 0, stripe: 0, path: [1] });
		for (let now = 0; now < 40_000; now += 10) {
			// The tracker has not understood yet, and tries once more when all is forgotten.
			if (now === 1_800 || now === 35_000) assign(now, 1);
			if (now % 200 === 0) core.handleManifest(now, { rendition: 0, place: 1024 + now / 200, time_ms: now, duration_ms: 200, size: 20_000, slices: 4 }, null);
			core.handlePlayhead(now, now - 1_600);
			if (now >= core.pollTimeout()) core.handleTimeout(now);
			drain(now);
		}
		expect(subscribed.filter(([, stripe]) => stripe === 0).map(([now]) => now)).toEqual([0]);
		expect(lost.some(([now, stripe]) => stripe === 1 && now >= 1_800 && now < 3_000)).toBe(true);
		expect(subscribed.filter(([, stripe]) => stripe === 1).map(([now]) => now)).toEqual([35_000]);
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
