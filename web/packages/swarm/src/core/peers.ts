/** Other peers, the second's housekeeping, the stream, the report. */

import { inUse, refuse } from './children';
import { Neighbour } from './neighbour';
import { fail, firstMissing, giveUp } from './sources';
import { DRY_MS, freshReport, HAVE_MS, IDLE_MS, MAX_NEIGHBOURS, PROMISE_MS, SHED_MS, TICK_MS, type State } from './state';
import type { Stripe } from './stripe';
import { Refusal, type Message, type PeerId } from './types';

export function neighbourOf(state: State, peer: PeerId): Neighbour | null {
	let neighbour = state.neighbours.get(peer);
	if (neighbour) return neighbour;
	if (peer === state.config.peer) return null;
	if (state.neighbours.size >= MAX_NEIGHBOURS) {
		for (const [id, known] of state.neighbours) {
			if (known.state !== 'none' || known.banned) continue;
			state.neighbours.delete(id);
			break;
		}
		if (state.neighbours.size >= MAX_NEIGHBOURS) return null;
	}
	neighbour = new Neighbour(peer);
	state.neighbours.set(peer, neighbour);
	return neighbour;
}

export function connect(state: State, now: number, peer: PeerId): void {
	const neighbour = neighbourOf(state, peer);
	if (!neighbour || neighbour.banned || neighbour.state !== 'none' || now < neighbour.retry_ms) return;
	neighbour.reset('connecting');
	neighbour.idle_since_ms = now;
	state.emit({ type: 'connect', peer });
}

/** A peer is not there any more. */
export function lose(state: State, now: number, peer: PeerId): void {
	state.neighbours.get(peer)?.reset('none');
	for (const stripe of state.stripes) {
		stripe.remove(peer);
		if (stripe.standby === peer) stripe.standby = null;
		for (const link of [stripe.next, stripe.source]) if (link?.peer === peer) fail(state, now, stripe, link, true);
	}
}

export function tellUnreachable(state: State, peer: PeerId): void {
	if (!state.report.unreachable.includes(peer)) state.report.unreachable.push(peer);
	state.urgent = true;
}

export function ban(state: State, now: number, peer: PeerId): void {
	const neighbour = state.neighbours.get(peer);
	if (!neighbour || neighbour.banned) return;
	neighbour.banned = true;
	state.stats.banned++;
	state.emit({ type: 'ban', peer });
	state.report.accused.push(peer);
	state.urgent = true;
	lose(state, now, peer);
}

export function send(state: State, peer: PeerId, message: Message): void {
	if (state.neighbours.get(peer)?.state === 'open') state.emit({ type: 'send', peer, message });
}

export function tick(state: State, now: number): void {
	state.next_tick_ms = now + TICK_MS;
	let oldest_ms: number | null = null;
	for (const neighbour of state.neighbours.values()) {
		const { busy_since_ms } = neighbour;
		if (busy_since_ms !== null && (oldest_ms === null || busy_since_ms < oldest_ms)) oldest_ms = busy_since_ms;
		if (busy_since_ms !== null && now - busy_since_ms > SHED_MS) shed(state, neighbour);
	}
	if (state.uplink.handleTick(now, inUse(state), oldest_ms)) state.urgent = true;
	checkPromises(state, now, false);
	sendHave(state, now);
	disconnectIdle(state, now);
	updateActive(state, now);
}

/** A channel that is stuck loses the newest of its subscriptions. */
function shed(state: State, neighbour: Neighbour): void {
	let newest: Stripe | null = null;
	for (const stripe of state.stripes) {
		const child = stripe.child(neighbour.id);
		if (child && (newest === null || child.since_ms >= newest.child(neighbour.id)!.since_ms)) newest = stripe;
	}
	if (!newest) return;
	newest.remove(neighbour.id);
	refuse(state, neighbour.id, newest.index, Refusal.overloaded);
}

/** Who did not keep a promise in time; `strangers`: only of those who never brought anything, who are given up with it. */
export function checkPromises(state: State, now: number, strangers: boolean): void {
	const liars = new Set<PeerId>();
	for (const part of state.window.parts) {
		for (let i = part.asked.length - 1; i >= 0; i--) {
			const { peer, at_ms } = part.asked[i]!;
			if (at_ms < 0 || now - at_ms <= PROMISE_MS) continue;
			const neighbour = state.neighbours.get(peer);
			if (!neighbour || (strangers && neighbour.brought)) continue;
			part.asked[i]!.at_ms = -1;
			neighbour.broken_promises++;
			if (!neighbour.brought) liars.add(peer);
		}
	}
	for (const peer of liars) giveUp(state, now, peer);
}

function sendHave(state: State, now: number): void {
	const parts = state.window.parts.filter((part) => part.seen_ms >= now - HAVE_MS && part.have.length > 0 && part.have.length < 256);
	if (parts.length === 0) return;
	for (const neighbour of state.neighbours.values()) {
		if (!neighbour.greeted || state.uplink.slots === 0) continue;
		send(state, neighbour.id, {
			type: 'have',
			rendition: state.rendition,
			parts: parts.map((part) => ({ place: part.place, slices: part.have.length, bits: part.bits(false) }))
		});
	}
}

function disconnectIdle(state: State, now: number): void {
	for (const neighbour of state.neighbours.values()) {
		if (neighbour.state === 'none') continue;
		const { id } = neighbour;
		const used = state.stripes.some((stripe) => stripe.uses(id) || stripe.standby === id || stripe.parent === id || stripe.child(id) !== null);
		if (used) neighbour.idle_since_ms = now;
		else if (now - neighbour.idle_since_ms > IDLE_MS) {
			state.emit({ type: 'disconnect', peer: id });
			neighbour.reset('none');
		}
	}
}

export function updateStream(state: State): void {
	const stripes = state.stripes.filter((stripe) => stripe.from_origin);
	const indices = stripes.map((stripe) => stripe.index);
	const key = indices.length === 0 ? '' : `${state.rendition}:${indices.join(',')}`;
	if (key === state.streamed) return;
	state.streamed = key;
	let from = state.window.newest + 1;
	for (const stripe of stripes) from = Math.min(from, firstMissing(state, stripe));
	state.emit({ type: 'stream', rendition: state.rendition, stripes: indices, from });
}

export function updateActive(state: State, now: number): void {
	let flowing = 0;
	for (const stripe of state.stripes) if (stripe.source?.state === 'flowing') flowing++;
	if (flowing > 0) state.flowing_ms = now;
	const enough = flowing * 4 >= state.config.stripes * 3;
	const active = state.sharable && (state.active ? flowing > 0 || now - state.flowing_ms < DRY_MS : enough);
	if (active === state.active) return;
	state.active = active;
	state.needed_from = null;
	state.emit({ type: 'active', active });
}

export function tell(state: State, now: number): void {
	state.reported_ms = now;
	state.urgent = false;
	const report = state.report;
	report.rendition = state.rendition;
	report.slots = state.uplink.slots;
	state.report = freshReport(state.rendition, state.uplink.slots, state.config.upload);
	state.emit({ type: 'report', report });
}
