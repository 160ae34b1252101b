/**
 * The scheduler of one peer: which slice comes from whom and goes to whom, and when HTTP has to help. Deterministic,
 * without I/O, clock or chance of its own: call `handle…`, then drain `pollOutput`, then ask `pollTimeout`. The native
 * peer's core (p2p-peer) is the same, line by line; recorded traces keep it so.
 *
 * In steady state each stripe flows from its parent (or the origin), is verified by the driver, and passed on to the
 * stripe's children. A stripe that is late is taken from the standby; a slice that is still missing shortly before
 * playback needs it comes by HTTP. Nothing here can stop playback.
 */

import { inUse, manifestTakers, push, refuse, remember, sendManifest } from './children';
import { handleHave, handlePath, handleReject, handleRequest, handleSubscribe } from './messages';
import { Part } from './part';
import { checkPart, partDue } from './parts';
import { ban, connect, lose, neighbourOf, send, tell, tellUnreachable, tick, updateActive, updateStream } from './peers';
import { approach, askForManifests, checkLinks, leave, linkDue, subscribe, takeFromOrigin } from './sources';
import { DRY_MS, RECONNECT_MS, REPORT_MS, RETRY_MS, SELF_ROOT_MS, State, URGENT_MS } from './state';
import { owes } from './stripe';
import {
	Refusal,
	type Assignment,
	type CoreConfig,
	type CoreStats,
	type Message,
	type Origin,
	type Output,
	type PartFacts,
	type PeerId,
	type Place
} from './types';
import { Uplink } from './uplink';

export class Core {
	readonly #state: State;

	constructor(config: CoreConfig) {
		this.#state = new State(config);
	}

	// ---- what happened

	/** The rendition that is played; `sharable`: whether it is shared at all. All of the one before is let go. */
	handleRendition(now: number, rendition: number, sharable: boolean): void {
		const state = this.#state;
		if (rendition === state.rendition && sharable === state.sharable) return;
		for (const stripe of state.stripes) {
			for (const child of [...stripe.children]) refuse(state, child.peer, stripe.index, Refusal.not_shared);
			stripe.children.length = 0;
			leave(state, stripe.source, stripe.index);
			leave(state, stripe.next, stripe.index);
			stripe.source = stripe.next = null;
			stripe.root = stripe.self_root = false;
			stripe.parent = stripe.standby = null;
			stripe.path = [];
			stripe.orphan_since_ms = now;
			stripe.rescues_ms.length = 0;
		}
		updateStream(state);
		state.window.clear();
		state.needed_from = null;
		for (const neighbour of state.neighbours.values()) neighbour.prune(Infinity);
		state.rendition = rendition;
		state.sharable = sharable;
		state.urgent = true;
		// What flowed a moment ago was not of this one.
		state.flowing_ms = now - DRY_MS;
		updateActive(state, now);
	}

	/** A part is announced; `from` is the peer that sent the manifest. */
	handleManifest(now: number, facts: PartFacts, from: PeerId | null): void {
		const state = this.#state;
		if (facts.rendition !== state.rendition || !state.sharable) return;
		if (from !== null) state.neighbours.get(from)?.manifests.add(facts.place);
		const part = new Part(facts, now);
		if (!state.window.add(part)) return;
		const oldest = state.window.parts[0]!.place;
		for (const neighbour of state.neighbours.values()) neighbour.prune(oldest);
		if (part.complete) state.emit({ type: 'complete', rendition: facts.rendition, place: facts.place });
		// Whoever wants manifests from here should not wait for the first slice.
		for (const peer of manifestTakers(state)) sendManifest(state, peer, part);
	}

	handleAssign(now: number, assignment: Assignment): void {
		const state = this.#state;
		state.tracker_manifests = assignment.manifests;
		const own = assignment.stripes.filter((assigned) => assigned.rendition === state.rendition && state.sharable);
		for (const stripe of state.stripes) {
			const assigned = own.find((candidate) => candidate.stripe === stripe.index);
			stripe.root = assigned !== undefined && assigned.root;
			stripe.parent = assigned !== undefined && !assigned.root ? assigned.parent : null;
			stripe.standby = assigned !== undefined && !assigned.root ? assigned.standby : null;
			if (stripe.root) {
				stripe.self_root = false;
				if (!stripe.from_origin) takeFromOrigin(state, now, stripe);
			} else if (stripe.parent !== null) {
				approach(state, now, stripe, stripe.parent);
			} else if (stripe.from_origin) {
				// Relieved of it, but there is nobody else to take it from.
				stripe.self_root = true;
			}
			if (stripe.standby !== null) connect(state, now, stripe.standby);
		}
		askForManifests(state, now);
		updateStream(state);
		updateActive(state, now);
	}

	/** The tracker says that a peer has left. */
	handleGone(now: number, peer: PeerId): void {
		const state = this.#state;
		const neighbour = state.neighbours.get(peer);
		if (!neighbour) return;
		if (neighbour.state !== 'none') state.emit({ type: 'disconnect', peer });
		lose(state, now, peer);
	}

	handlePeerOpen(now: number, peer: PeerId): void {
		const state = this.#state;
		const neighbour = neighbourOf(state, peer);
		if (!neighbour || neighbour.banned) {
			state.emit({ type: 'disconnect', peer });
			return;
		}
		neighbour.reset('open');
		neighbour.idle_since_ms = now;
		send(state, peer, { type: 'hello', slots: Math.max(0, state.uplink.slots - inUse(state)), newest: state.window.newest });
		for (const stripe of state.stripes) {
			for (const link of [stripe.source, stripe.next]) if (link?.peer === peer && link.state === 'opening') subscribe(state, now, stripe, link);
		}
	}

	/** A channel closed, or could not be opened. */
	handlePeerClose(now: number, peer: PeerId): void {
		const state = this.#state;
		const neighbour = state.neighbours.get(peer);
		if (!neighbour || neighbour.state === 'none') return;
		if (neighbour.state === 'connecting') {
			neighbour.retry_ms = now + RECONNECT_MS;
			tellUnreachable(state, peer);
		}
		lose(state, now, peer);
	}

	handleMessage(now: number, peer: PeerId, message: Message): void {
		const state = this.#state;
		const neighbour = state.neighbours.get(peer);
		if (!neighbour || neighbour.banned || neighbour.state !== 'open') return;
		if (message.type === 'hello') {
			neighbour.greeted = true;
			return;
		}
		if (!neighbour.greeted) return;
		switch (message.type) {
			case 'have':
				handleHave(state, neighbour, message);
				break;
			case 'subscribe':
				handleSubscribe(state, now, peer, message);
				break;
			case 'unsubscribe':
				if (message.rendition === state.rendition) state.stripes[message.stripe]?.remove(peer);
				break;
			case 'accept':
			case 'path':
				handlePath(state, now, peer, message);
				break;
			case 'reject':
				handleReject(state, now, peer, message);
				break;
			case 'request':
				handleRequest(state, neighbour, message);
				break;
			case 'ping':
				send(state, peer, { type: 'pong', nonce: message.nonce });
				break;
			case 'bye':
				state.emit({ type: 'disconnect', peer });
				lose(state, now, peer);
				break;
			case 'cancel':
			case 'pong':
				break;
		}
	}

	/** A slice came, and its hash was right (`valid`) or not. */
	handleSlice(now: number, from: Origin, rendition: number, place: Place, index: number, valid: boolean): void {
		const state = this.#state;
		const peer = from === 'origin' || from === 'http' ? null : from;
		if (!valid) {
			if (peer !== null) ban(state, now, peer);
			return;
		}
		if (rendition !== state.rendition) return;
		const part = state.window.find(place);
		if (!part || index >= part.have.length) return;
		const stripe = state.stripes[index % state.config.stripes]!;
		const bytes = part.bytes(index);
		const neighbour = peer === null ? undefined : state.neighbours.get(peer);
		if (neighbour) {
			remember(neighbour.have, part, index);
			neighbour.brought = true;
			const promise = part.asked.find((asked) => asked.peer === peer && asked.at_ms >= 0);
			if (promise) {
				promise.at_ms = -1;
				neighbour.broken_promises = 0;
			}
		}
		if (part.have[index]) {
			state.stats.duplicate_bytes += bytes;
			// Somebody who still sends what comes from elsewhere now.
			if (peer !== null && !stripe.uses(peer) && !part.asked.some((asked) => asked.peer === peer)) {
				send(state, peer, { type: 'unsubscribe', rendition, stripe: stripe.index });
			}
			return;
		}
		part.have[index] = 1;
		part.missing--;
		part.fetching[index] = 0;
		if (peer === null) {
			state.stats.http_bytes += bytes;
			state.report.http_bytes += bytes;
		} else {
			state.stats.p2p_bytes += bytes;
			state.report.p2p_bytes += bytes;
		}
		if (from !== 'http' && stripe.source !== null && stripe.source.peer === peer) {
			stripe.source.heard_ms = now;
			// What was there before the subscription comes at once, whatever the parent's distance.
			if (owes(stripe.source, part)) stripe.addLag(now - part.seen_ms);
		}
		for (const child of stripe.children) if (place >= child.from) push(state, child.peer, child.manifests, part, index);
		if (part.complete) state.emit({ type: 'complete', rendition, place });
	}

	/** `bytes` of what was given to `peer` have not left yet. */
	handleBuffered(now: number, peer: PeerId, bytes: number): void {
		const state = this.#state;
		const neighbour = state.neighbours.get(peer);
		if (!neighbour) return;
		if (bytes > 0) {
			neighbour.busy_since_ms ??= now;
			return;
		}
		const lagged = Uplink.lags(now, neighbour.busy_since_ms);
		neighbour.busy_since_ms = null;
		if (lagged && state.uplink.handleLag(now, inUse(state))) state.urgent = true;
	}

	/** A fetch ended; its slices were given before. */
	handleFetched(now: number, id: number, ok: boolean, duration_ms: number): void {
		const state = this.#state;
		if (ok) state.times.add(duration_ms);
		for (const part of state.window.parts) {
			let found = false;
			for (let i = 0; i < part.fetching.length; i++) {
				if (part.fetching[i] !== id) continue;
				part.fetching[i] = 0;
				found = true;
			}
			if (found && !part.complete) part.retry_ms = now + RETRY_MS;
		}
	}

	/** The stripe stream from the origin opened, or broke. */
	handleStream(now: number, open: boolean): void {
		const state = this.#state;
		for (const stripe of state.stripes) {
			if (!stripe.from_origin) continue;
			const link_state = open ? 'flowing' : 'opening';
			if (stripe.source!.state !== link_state) stripe.source = { ...stripe.source!, state: link_state, since_ms: now };
		}
		updateActive(state, now);
	}

	/** The picture on screen has this programme time; null: nothing plays. */
	handlePlayhead(now: number, time_ms: number | null): void {
		const state = this.#state;
		state.offset_ms = time_ms === null ? null : now - time_ms;
		if (time_ms !== null) state.playhead_ms = time_ms;
	}

	/** The player waits for a part. */
	handleWanted(now: number, place: Place): void {
		const state = this.#state;
		if (state.needed_from === null || place < state.needed_from) state.needed_from = place;
		const part = state.window.find(place);
		if (part && part.wanted_ms < 0) part.wanted_ms = now;
	}

	// ---- time

	handleTimeout(now: number): void {
		const state = this.#state;
		for (const stripe of state.stripes) checkLinks(state, now, stripe);
		for (const part of state.window.parts) if (!part.complete) checkPart(state, now, part);
		if (now >= state.next_tick_ms) tick(state, now);
		const urgent = state.urgent && now - state.reported_ms >= URGENT_MS;
		if (state.sharable && (urgent || now - state.reported_ms >= REPORT_MS)) tell(state, now);
	}

	/** When `handleTimeout` is due. */
	pollTimeout(): number {
		const state = this.#state;
		let due = state.next_tick_ms;
		for (const stripe of state.stripes) {
			for (const link of [stripe.source, stripe.next]) if (link) due = Math.min(due, linkDue(state, link));
			if (stripe.orphan_since_ms !== null && state.sharable && state.offset_ms !== null) due = Math.min(due, stripe.orphan_since_ms + SELF_ROOT_MS);
		}
		for (const part of state.window.parts) if (!part.complete) due = Math.min(due, partDue(state, part));
		if (state.sharable) due = Math.min(due, state.reported_ms + (state.urgent ? URGENT_MS : REPORT_MS));
		return due;
	}

	pollOutput(): Output | null {
		const state = this.#state;
		const output = state.outputs[state.drained];
		if (output === undefined) {
			state.outputs.length = state.drained = 0;
			return null;
		}
		state.drained++;
		return output;
	}

	stats(): CoreStats {
		const state = this.#state;
		const parents = new Set<PeerId>();
		let depth = 0;
		for (const stripe of state.stripes) {
			if (stripe.source?.state !== 'flowing') continue;
			if (stripe.source.peer !== null) parents.add(stripe.source.peer);
			depth = Math.max(depth, stripe.path.length);
		}
		let peers = 0;
		for (const neighbour of state.neighbours.values()) if (neighbour.state === 'open') peers++;
		return { active: state.active, peers, parents: parents.size, children: inUse(state), slots: state.uplink.slots, depth, ...state.stats };
	}
}
