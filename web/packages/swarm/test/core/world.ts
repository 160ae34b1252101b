/** A swarm in virtual time: cores, an origin, a tracker that knows slots, and links with a delay. */

import { Core, shortId, type Assigned, type Output, type PartFacts, type PeerId, type Report } from '../../src/core';

export const K = 4;
export const PART_MS = 200;

interface Event {
	at: number;
	order: number;
	run: () => void;
}

export interface PeerOptions {
	upload?: boolean;
	/** every slice it passes on is wrong */
	evil?: boolean;
	/** milliseconds behind the edge */
	latency_ms?: number;
}

export class Peer {
	readonly core: Core;
	readonly has = new Map<number, Set<number>>();
	readonly complete = new Map<number, number>();
	readonly open = new Set<PeerId>();
	readonly reports: Report[] = [];
	readonly banned = new Set<PeerId>();
	slots = 1;
	active = false;
	activeSince = 0;
	fetches = 0;
	stalls = 0;
	stream: number[] = [];
	rendition = 0;
	alive = true;
	/** swallows what is sent to it and from it, while its connections stay */
	silent = false;
	next = 0;
	due_ms = 0;

	constructor(
		readonly id: PeerId,
		readonly options: PeerOptions,
		readonly joined_ms: number
	) {
		this.core = new Core({ peer: id, stripes: K, upload: options.upload ?? true, ceiling_tenths: 20 });
	}
}

export class World {
	now = 0;
	readonly peers = new Map<PeerId, Peer>();
	readonly parts: PartFacts[] = [];
	link_ms = 30;
	http_ms = 60;
	size = 20_000;
	#events: Event[] = [];
	#order = 0;
	#unreachable = new Set<string>();
	#parents = new Map<string, PeerId>();
	#assigning = false;

	at(at: number, run: () => void): void {
		const event = { at: Math.max(at, this.now), order: this.#order++, run };
		// Sorted, the next one last.
		let low = 0;
		let high = this.#events.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.#events[middle]!.at > event.at) low = middle + 1;
			else high = middle;
		}
		this.#events.splice(low, 0, event);
	}

	run(until: number): void {
		for (;;) {
			const best = this.#events.at(-1);
			let timer = Infinity;
			let owner: Peer | null = null;
			for (const peer of this.peers.values()) {
				if (!peer.alive) continue;
				const due = Math.max(peer.due_ms, this.now);
				if (due < timer) [timer, owner] = [due, peer];
			}
			const at = Math.min(best?.at ?? Infinity, timer);
			if (at > until) break;
			this.now = at;
			if (best && best.at <= timer) {
				this.#events.pop();
				best.run();
			} else if (owner) {
				const before = owner.core.pollTimeout();
				owner.core.handleTimeout(at);
				const drained = this.drain(owner);
				if (owner.core.pollTimeout() <= before && before <= at && !drained) throw new Error(`${owner.id} spins at ${at}`);
			}
		}
		this.now = until;
	}

	/** The origin makes a part every 200 ms. */
	broadcast(from: number, until: number, rendition = 0): void {
		for (let i = 0; from + i * PART_MS < until; i++) {
			this.at(from + (i + 1) * PART_MS, () => {
				const place = ((7 + Math.floor(i / 10)) << 10) | i % 10;
				const size = i % 10 === 0 ? this.size * 4 : this.size;
				const slices = Math.max(K, Math.ceil(size / 24576));
				const facts: PartFacts = { rendition, place, time_ms: 1_000_000 + from + i * PART_MS, duration_ms: PART_MS, size, slices };
				this.parts.push(facts);
				for (const peer of this.peers.values()) this.announce(peer, facts, 5);
			});
		}
	}

	announce(peer: Peer, facts: PartFacts, delay: number): void {
		this.at(this.now + delay, () => {
			if (!peer.alive) return;
			peer.core.handleManifest(this.now, facts, null);
			this.drain(peer);
			this.streamPart(peer, facts);
		});
	}

	streamPart(peer: Peer, facts: PartFacts): void {
		if (facts.rendition !== peer.rendition) return;
		for (const stripe of peer.stream) {
			for (let i = stripe; i < facts.slices; i += K) this.at(this.now + 20, () => this.give(peer, 'origin', facts.rendition, facts.place, i, true));
		}
	}

	join(name: number, options: PeerOptions = {}): Peer {
		const id = name.toString(16).padStart(40, '0');
		const peer = new Peer(id, options, this.now);
		this.peers.set(id, peer);
		peer.core.handleRendition(this.now, 0, true);
		const latency_ms = options.latency_ms ?? 1800;
		const playhead = (): void => {
			if (!peer.alive) return;
			const time_ms = 1_000_000 + this.now - latency_ms;
			peer.core.handlePlayhead(this.now, time_ms);
			// The player asks for what comes next, and plays only what is there.
			if (peer.active) {
				for (const facts of this.#newest(peer)) {
					if (facts.time_ms > time_ms + 1_000 || facts.time_ms < time_ms - PART_MS) continue;
					if (facts.place > peer.next) {
						peer.next = facts.place;
						peer.core.handleWanted(this.now, facts.place);
					}
				}
				const now_playing = this.#newest(peer).find((facts) => facts.time_ms <= time_ms && time_ms < facts.time_ms + PART_MS);
				if (now_playing && peer.activeSince + 2_000 < this.now && !peer.complete.has(now_playing.place)) peer.stalls++;
			}
			this.drain(peer);
			this.at(this.now + PART_MS, playhead);
		};
		for (const facts of this.parts.slice(-20)) this.announce(peer, facts, 5);
		this.at(this.now, playhead);
		this.assign();
		return peer;
	}

	#newest(peer: Peer): PartFacts[] {
		return this.parts.slice(-40).filter((facts) => facts.rendition === peer.rendition);
	}

	/** The player goes to another rendition: all of the one before is forgotten. */
	change(peer: Peer, rendition: number): void {
		peer.rendition = rendition;
		peer.has.clear();
		peer.complete.clear();
		peer.next = 0;
		peer.core.handleRendition(this.now, rendition, true);
		this.drain(peer);
		this.assign();
	}

	leave(peer: Peer, told: boolean): void {
		peer.alive = false;
		this.peers.delete(peer.id);
		for (const other of this.peers.values()) {
			if (!other.open.delete(peer.id) || !told) continue;
			this.at(this.now + this.link_ms, () => {
				other.core.handlePeerClose(this.now, peer.id);
				this.drain(other);
			});
		}
		this.assign();
	}

	separate(a: Peer, b: Peer): void {
		this.#unreachable.add(a.id + b.id).add(b.id + a.id);
	}

	/**
	 * What a tracker would do: one root per stripe, no deeper than six, strong peers first, and a parent is kept as long as it serves.
	 * Good enough to try the cores.
	 */
	assign(): void {
		if (this.#assigning) return;
		this.#assigning = true;
		this.at(this.now + this.link_ms, () => {
			this.#assigning = false;
			for (const rendition of new Set([...this.peers.values()].map((peer) => peer.rendition))) this.#assignIn(rendition);
		});
	}

	#assignIn(rendition: number): void {
		const peers = [...this.peers.values()].filter((peer) => peer.rendition === rendition);
		const left = new Map(peers.map((peer) => [peer.id, peer.slots]));
		const plans = new Map<PeerId, Assigned[]>(peers.map((peer) => [peer.id, []]));
		const able = (parent: Peer, peer: Peer): boolean => !parent.silent && !this.#unreachable.has(parent.id + peer.id);
		for (let stripe = 0; stripe < K; stripe++) {
			const order = peers
				.map((_, i) => peers[(i + stripe * 2) % peers.length]!)
				.sort((a, b) => Number(b.slots > 0) - Number(a.slots > 0) || Number(peers.indexOf(b) % K === stripe) - Number(peers.indexOf(a) % K === stripe));
			const depth = new Map<PeerId, number>();
			const place = (peer: Peer, parent: Peer | null): void => {
				depth.set(peer.id, parent ? depth.get(parent.id)! + 1 : 0);
				if (parent) left.set(parent.id, left.get(parent.id)! - 1);
				if (parent) this.#parents.set(peer.id + stripe, parent.id);
			};
			const fits = (parent: Peer | undefined, peer: Peer): boolean =>
				parent !== undefined && (depth.get(parent.id) ?? 9) < 6 && left.get(parent.id)! > 0 && able(parent, peer);
			if (order[0]) place(order[0], null);
			for (const peer of order.slice(1)) {
				const before = this.peers.get(this.#parents.get(peer.id + stripe) ?? '');
				const parent = fits(before, peer) ? before : order.find((other) => fits(other, peer));
				if (parent) place(peer, parent);
			}
			for (const peer of peers) {
				if (peer === order[0]) plans.get(peer.id)!.push({ rendition, stripe, root: true });
				else if (depth.has(peer.id)) {
					const parent = this.#parents.get(peer.id + stripe)!;
					const other = order.find((candidate) => candidate.id !== parent && candidate !== peer && able(candidate, peer) && (depth.get(candidate.id) ?? 9) <= depth.get(peer.id)!);
					plans.get(peer.id)!.push({ rendition, stripe, root: false, parent, standby: other?.id ?? null });
				}
			}
		}
		for (const peer of peers) {
			peer.core.handleAssign(this.now, { manifests: true, stripes: plans.get(peer.id)! });
			this.drain(peer);
		}
	}

	give(peer: Peer, from: PeerId | 'origin' | 'http', rendition: number, place: number, index: number, valid: boolean): void {
		if (!peer.alive || rendition !== peer.rendition) return;
		if (valid) {
			const has = peer.has.get(place) ?? new Set();
			peer.has.set(place, has.add(index));
		}
		peer.core.handleSlice(this.now, from, rendition, place, index, valid);
		this.drain(peer);
	}

	drain(peer: Peer): number {
		let count = 0;
		for (let output = peer.core.pollOutput(); output; output = peer.core.pollOutput(), count++) this.#perform(peer, output);
		peer.due_ms = peer.core.pollTimeout();
		return count;
	}

	#perform(peer: Peer, output: Output): void {
		const later = (delay: number, run: () => void): void => this.at(this.now + delay, () => peer.alive && run());
		switch (output.type) {
			case 'connect':
				later(this.link_ms * 5, () => {
					const other = this.peers.get(output.peer);
					if (!other || this.#unreachable.has(peer.id + output.peer)) peer.core.handlePeerClose(this.now, output.peer);
					else {
						peer.open.add(other.id);
						other.open.add(peer.id);
						other.core.handlePeerOpen(this.now, peer.id);
						peer.core.handlePeerOpen(this.now, other.id);
						this.drain(other);
					}
					this.drain(peer);
				});
				break;
			case 'disconnect':
			case 'ban': {
				const other = this.peers.get(output.peer);
				peer.open.delete(output.peer);
				if (output.type === 'ban') peer.banned.add(output.peer);
				if (other?.open.delete(peer.id)) {
					later(this.link_ms, () => {
						other.core.handlePeerClose(this.now, peer.id);
						this.drain(other);
					});
				}
				break;
			}
			case 'send':
			case 'push': {
				const { peer: to } = output;
				if (!peer.open.has(to) || peer.silent) break;
				if (output.type === 'push' && output.rendition !== peer.rendition) throw new Error('pushes what it does not play');
				if (output.type === 'push' && !peer.has.get(output.place)?.has(output.index)) throw new Error('pushes what it has not');
				later(this.link_ms, () => {
					const other = this.peers.get(to);
					if (!other?.open.has(peer.id) || other.silent) return;
					if (output.type === 'send') other.core.handleMessage(this.now, peer.id, output.message);
					else this.give(other, peer.id, output.rendition, output.place, output.index, !peer.options.evil);
					this.drain(other);
				});
				break;
			}
			case 'manifest': {
				const facts = this.parts.find((part) => part.place === output.place && part.rendition === output.rendition)!;
				later(this.link_ms, () => {
					const other = this.peers.get(output.peer);
					other?.core.handleManifest(this.now, facts, peer.id);
					if (other) this.drain(other);
				});
				break;
			}
			case 'fetch':
				peer.fetches++;
				later(this.http_ms, () => {
					for (let i = output.first; i <= output.last; i++) this.give(peer, 'http', output.rendition, output.place, i, true);
					peer.core.handleFetched(this.now, output.id, true, this.http_ms);
					this.drain(peer);
				});
				break;
			case 'stream':
				peer.stream = output.stripes;
				later(this.http_ms, () => {
					peer.core.handleStream(this.now, true);
					this.drain(peer);
					for (const facts of this.parts) if (facts.place >= output.from) this.streamPart(peer, facts);
				});
				break;
			case 'complete':
				if (output.rendition === peer.rendition && !peer.complete.has(output.place)) peer.complete.set(output.place, this.now);
				break;
			case 'active':
				peer.active = output.active;
				peer.activeSince = this.now;
				break;
			case 'report':
				peer.reports.push(output.report);
				if (output.report.slots !== peer.slots || output.report.lost.length > 0 || output.report.unreachable.length > 0) {
					for (const other of output.report.unreachable) this.#unreachable.add(peer.id + other).add(other + peer.id);
					peer.slots = output.report.slots;
					this.assign();
				}
				break;
		}
	}

	/** What the origin sent of all that was consumed since `before`. */
	share(before = new Map<PeerId, { http: number; p2p: number }>()): number {
		let http = 0;
		let all = 0;
		for (const peer of this.peers.values()) {
			const { http_bytes, p2p_bytes } = peer.core.stats();
			const known = before.get(peer.id) ?? { http: 0, p2p: 0 };
			http += http_bytes - known.http;
			all += http_bytes + p2p_bytes - known.http - known.p2p;
		}
		return http / all;
	}

	mark(): Map<PeerId, { http: number; p2p: number }> {
		return new Map([...this.peers.values()].map((peer) => [peer.id, { http: peer.core.stats().http_bytes, p2p: peer.core.stats().p2p_bytes }]));
	}
}

export { shortId };
