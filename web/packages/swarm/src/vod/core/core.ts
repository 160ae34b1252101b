/**
 * The scheduler of a recording's swarm (docs/swarm-protocol.md, "Videos that do not change any more"), without I/O:
 * inputs by `handle…`, outputs by `pollOutput`, the next moment to be asked at by `pollTimeout`. Peers tell what they
 * hold and are asked for what is missing; whatever they would not bring in time comes by HTTP.
 */

import { serve, tellAll } from './giving';
import { handleHave, handleRequest } from './messages';
import { Neighbour } from './neighbour';
import { ban, connect, handleSecond, lose, readyPeers, updateActive } from './peers';
import { plan, planSoon } from './plan';
import { bitsOf, keyOf, Segment } from './segment';
import { cancel, drop, dropFarthest, fail, handleComplete, withdraw } from './segments';
import {
	FETCH_AGAIN_MS,
	MANIFESTS_AGAIN_MS,
	MAX_FETCH_AGAIN_MS,
	MAX_NEIGHBOURS,
	MAX_SEGMENTS,
	MAX_SOUGHT,
	MAX_UNASKED,
	SECOND_MS,
	State,
	TICK_MS
} from './state';
import { Refusal, type Message, type PeerId, type Place, type SegmentFacts, type SliceOrigin, type Span, type VodConfig, type VodOutput, type VodStats } from './types';

export class VodCore {
	readonly #state: State;

	constructor(config: VodConfig) {
		this.#state = new State(config);
	}

	// ---- the player's side

	/** The rendition that plays, and its segments from media sequence number `first` on; `rate`: bytes per millisecond. */
	handleRendition(now: number, rendition: number, first: number, spans: readonly Span[], rate: number): void {
		const state = this.#state;
		if (rendition !== state.rendition) state.manifests_again_ms = -Infinity;
		state.rendition = rendition;
		state.first = first;
		state.spans = spans;
		if (rate > 0) state.serving.rate = rate;
		plan(state, now);
	}

	/** Nothing that plays is shared. */
	handleNoRendition(now: number): void {
		const state = this.#state;
		state.rendition = -1;
		state.spans = [];
		plan(state, now);
	}

	/** What is on screen, in milliseconds since the video's beginning, and up to where the player has everything. */
	handlePlayhead(now: number, position_ms: number | null, buffered_ms: number): void {
		const state = this.#state;
		const before_ms = state.position_ms;
		state.position_ms = position_ms;
		state.buffered_ms = buffered_ms;
		const jumped = position_ms === null || before_ms === null || Math.abs(position_ms - before_ms) > 2 * SECOND_MS;
		if (jumped) plan(state, now);
	}

	/** The player asks for segment `index` of the rendition that plays, and can wait until `deadline_ms`. */
	handleWanted(now: number, index: number, deadline_ms: number): void {
		const state = this.#state;
		const key = keyOf(state.rendition, index);
		state.wanted.set(key, deadline_ms);
		plan(state, now);
	}

	handleUnwanted(index: number): void {
		const { wanted, rendition } = this.#state;
		wanted.delete(keyOf(rendition, index));
	}

	/** The player fetches that segment by itself: nobody else is to bring it. */
	handleOwn(now: number, rendition: number, index: number): void {
		const state = this.#state;
		const key = keyOf(rendition, index);
		state.own.add(key);
		const segment = state.segments.get(key);
		if (segment && !segment.complete) withdraw(state, segment);
		plan(state, now);
	}

	/** That fetch has ended; its slices came before. */
	handleOwnEnd(now: number, rendition: number, index: number): void {
		const state = this.#state;
		state.own.delete(keyOf(rendition, index));
		plan(state, now);
	}

	// ---- manifests, slices, fetches

	handleManifest(facts: SegmentFacts): void {
		const state = this.#state;
		const segment = new Segment(facts);
		if (state.segments.has(segment.key)) return;
		if (state.segments.size >= MAX_SEGMENTS) dropFarthest(state, () => state.segments.size >= MAX_SEGMENTS);
		state.segments.set(segment.key, segment);
		// An empty one is nothing to share.
		if (facts.slices === 0) drop(state, segment, true);
	}

	/**
	 * All that the origin had to say to a `manifests` has come: of the segments that were asked for, those `absent` are not shared. Null:
	 * it did not answer.
	 */
	handleManifests(now: number, rendition: number, absent: readonly number[] | null): void {
		const state = this.#state;
		state.manifests = false;
		if (!absent) state.manifests_again_ms = now + MANIFESTS_AGAIN_MS;
		for (const index of absent ?? []) state.unshared.add(keyOf(rendition, index));
		plan(state, now);
	}

	/** Whether `from` was asked for that slice: if not, it is not worth looking at. */
	expects(from: PeerId, rendition: number, place: Place, index: number): boolean {
		return this.#state.neighbours.get(from)?.expects(keyOf(rendition, place >>> 10), index) ?? false;
	}

	/** A slice came; `valid`: its hash was right. */
	handleSlice(now: number, from: SliceOrigin, rendition: number, place: Place, index: number, valid: boolean): void {
		const state = this.#state;
		const segment = state.segments.get(keyOf(rendition, place >>> 10));
		const neighbour = from === 'http' || from === 'player' ? null : state.neighbours.get(from);
		if (!valid) {
			if (neighbour) ban(state, now, neighbour);
			else if (segment && from === 'http') drop(state, segment, true);
			return;
		}
		if (neighbour && segment) neighbour.delivered(now, segment.key, index);
		if (!segment) return;
		const bytes = segment.sizeOf(index);
		const others = segment.asked(index);
		if (!segment.put(index)) {
			if (from !== 'player') state.stats.duplicate_bytes += bytes;
		} else {
			state.cached_bytes += bytes;
			if (from === 'http') state.stats.http_bytes += bytes;
			else if (from === 'player') state.own_bytes += bytes;
			else state.stats.p2p_bytes += bytes;
			if (typeof others === 'string' && others !== from) cancel(state, others, segment, [index]);
			if (segment.complete) handleComplete(state, segment);
		}
		if (neighbour && neighbour.room(now) >= neighbour.pending) planSoon(state, now);
	}

	/** A slice that nobody asked for. */
	handleUnasked(now: number, from: PeerId, bytes: number): void {
		const state = this.#state;
		const neighbour = state.neighbours.get(from);
		if (!neighbour) return;
		state.stats.duplicate_bytes += bytes;
		if (++neighbour.unasked > MAX_UNASKED) ban(state, now, neighbour);
	}

	handleFetched(now: number, id: number, ok: boolean, duration_ms: number): void {
		const state = this.#state;
		const fetch = state.fetches.get(id);
		if (!fetch) return;
		state.fetches.delete(id);
		const { segment } = fetch;
		segment.release(id);
		if (ok) {
			state.times.add(duration_ms);
			state.fetch_failures = 0;
		} else {
			state.fetch_again_ms = now + Math.min(MAX_FETCH_AGAIN_MS, FETCH_AGAIN_MS * 2 ** state.fetch_failures);
			state.fetch_failures = Math.min(16, state.fetch_failures + 1);
			fail(state, segment);
		}
		plan(state, now);
	}

	// ---- peers

	/** The tracker names others; `peers` are those to connect to. */
	handleAssign(now: number, neighbours: readonly PeerId[]): void {
		const state = this.#state;
		state.assigned = neighbours.slice(0, MAX_SOUGHT).filter((peer) => peer !== state.config.peer);
		connect(state, now);
	}

	handlePeerOpen(now: number, peer: PeerId): void {
		const state = this.#state;
		if (state.banned.has(peer)) return state.emit({ type: 'ban', peer });
		let neighbour = state.neighbours.get(peer);
		if (neighbour?.state === 'open') lose(state, now, peer);
		if (!neighbour || neighbour.state === 'open') {
			if (state.neighbours.size >= MAX_NEIGHBOURS) return state.emit({ type: 'disconnect', peer });
			state.neighbours.set(peer, (neighbour = new Neighbour(peer, now)));
		}
		neighbour.state = 'open';
		neighbour.since_ms = now;
		state.emit({ type: 'send', peer, message: { type: 'hello', slots: 0, newest: 0 } });
		if (state.config.upload) tellAll(state, peer);
	}

	/** The pair is no more, or could not be connected. */
	handlePeerClose(now: number, peer: PeerId): void {
		lose(this.#state, now, peer);
	}

	handleMessage(now: number, peer: PeerId, message: Message): void {
		const state = this.#state;
		const neighbour = state.neighbours.get(peer);
		if (!neighbour || neighbour.state !== 'open') return;
		if (message.type === 'hello') {
			neighbour.greeted = true;
			updateActive(state);
			return plan(state, now);
		}
		if (!neighbour.greeted) return;
		switch (message.type) {
			case 'have':
				for (const part of message.parts) handleHave(state, neighbour, message.rendition, part);
				planSoon(state, now);
				break;
			case 'request':
				handleRequest(state, now, neighbour, message);
				break;
			case 'cancel':
				state.serving.cancel(peer, keyOf(message.rendition, message.place >>> 10), new Set(bitsOf(message.slices, message.bits)));
				break;
			case 'subscribe': {
				const { rendition, stripe } = message;
				state.emit({ type: 'send', peer, message: { type: 'reject', rendition, stripe, reason: Refusal.no_source, alternatives: [] } });
				break;
			}
			case 'ping':
				state.emit({ type: 'send', peer, message: { type: 'pong', nonce: message.nonce } });
				break;
			case 'bye':
				state.emit({ type: 'disconnect', peer });
				lose(state, now, peer);
				break;
		}
	}

	/** `bytes` wait in the channel to `peer`. */
	handleBuffered(now: number, peer: PeerId, bytes: number): void {
		const state = this.#state;
		state.serving.handleBuffered(now, peer, bytes);
		serve(state, now);
	}

	// ---- time

	handleTimeout(now: number): void {
		const state = this.#state;
		state.serving.handleTick(now);
		serve(state, now);
		if (now - state.second_ms >= SECOND_MS) handleSecond(state, now);
		if (now - state.tick_ms >= TICK_MS) plan(state, now);
	}

	pollTimeout(now: number): number {
		const { serving, tick_ms } = this.#state;
		return Math.min(Math.max(tick_ms + TICK_MS, now), serving.timeout(now));
	}

	pollOutput(): VodOutput | null {
		return this.#state.outputs.shift() ?? null;
	}

	stats(): VodStats {
		const state = this.#state;
		let givers = 0;
		for (const neighbour of state.neighbours.values()) if (neighbour.pending > 0) givers++;
		return {
			...state.stats,
			active: state.active,
			peers: readyPeers(state),
			givers,
			takers: state.serving.takers,
			slots: state.serving.slots,
			banned: state.banned.size,
			cached_bytes: state.cached_bytes
		};
	}
}
