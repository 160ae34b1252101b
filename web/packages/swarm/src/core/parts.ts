/** Slices that are late, and those that HTTP has to bring. */

import { stagger } from './http';
import { bit, type Part } from './part';
import { checkPromises, send } from './peers';
import { fail, giveUp, leave, suspect } from './sources';
import {
	FETCH_MARGIN_MS,
	MAX_RESCUES,
	MAX_RUNS,
	ORPHAN_FETCH_MS,
	RESCUES_MS,
	SAFETY_MS,
	SILENT_MS,
	WANTED_MS,
	type State
} from './state';
import { owes, type Stripe } from './stripe';
import type { PeerId } from './types';

/** When slices of `stripe` are late for a part. */
function lateAt(state: State, part: Part, stripe: Stripe): number {
	const { source } = stripe;
	if (!source || source.peer === null || source.state !== 'flowing' || part.late & (1 << stripe.index)) return Infinity;
	const inter_arrival_ms = Math.max(part.facts.duration_ms, 100);
	return Math.max(part.seen_ms, source.since_ms) + stripe.lag_ms + Math.floor((inter_arrival_ms * 3) / 2);
}

/** When what is missing of a part has to be fetched. */
function fetchAt(state: State, part: Part): number {
	let at = Infinity;
	if (state.offset_ms !== null) {
		const need_ms = part.facts.time_ms + state.offset_ms - SAFETY_MS;
		at = need_ms - state.times.p95_ms - FETCH_MARGIN_MS - stagger(state.short, part.place);
	}
	if (part.wanted_ms >= 0 && state.offset_ms === null) at = Math.min(at, part.wanted_ms + WANTED_MS);
	return Math.max(at, part.retry_ms);
}

/** When the slices of a stripe that nobody brings are fetched. */
function orphanAt(state: State, part: Part): number {
	return Math.max(part.seen_ms + ORPHAN_FETCH_MS + stagger(state.short, part.place), part.retry_ms);
}

/** Whether playback will still ask for a part here. */
export function isNeeded(state: State, part: Part): boolean {
	if (!state.active || state.needed_from === null || part.place < state.needed_from) return false;
	const { time_ms, duration_ms } = part.facts;
	return part.wanted_ms >= 0 || state.offset_ms === null || time_ms + duration_ms > state.playhead_ms;
}

export function partDue(state: State, part: Part): number {
	const { stripes } = state.config;
	const needed = isNeeded(state, part);
	let due = Infinity;
	for (const stripe of state.stripes) {
		if (!part.lacks(stripe.index, stripes)) continue;
		due = Math.min(due, lateAt(state, part, stripe));
		if (!needed || !part.unfetched(stripe.index, stripes)) continue;
		due = Math.min(due, fetchAt(state, part));
		if (stripe.source === null) due = Math.min(due, orphanAt(state, part));
	}
	return due;
}

export function checkPart(state: State, now: number, part: Part): void {
	const { stripes } = state.config;
	for (const stripe of state.stripes) {
		if (now < lateAt(state, part, stripe) || !part.lacks(stripe.index, stripes)) continue;
		part.late |= 1 << stripe.index;
		handleLate(state, now, part, stripe);
	}
	if (!isNeeded(state, part)) return;
	const all = now >= fetchAt(state, part);
	const orphans = now >= orphanAt(state, part);
	if (!all && !orphans) return;
	const wanted: number[] = [];
	for (let i = 0; i < part.have.length; i++) {
		if (part.have[i] || part.fetching[i] !== 0) continue;
		const stripe = state.stripes[i % stripes]!;
		if (!all && stripe.source !== null) continue;
		wanted.push(i);
		if (all && i < stripes) countRescue(state, now, part, stripe);
	}
	fetch(state, part, wanted);
}

/** A stripe's slices of a part have not come in their time. */
function handleLate(state: State, now: number, part: Part, stripe: Stripe): void {
	const source = stripe.source!;
	const silent = source.heard_ms !== null && now >= source.heard_ms + SILENT_MS;
	const standby = stripe.standby !== null && stripe.standby !== source.peer ? state.neighbours.get(stripe.standby) : undefined;
	const ready = standby?.state === 'open' && !standby.banned && now >= standby.suspect_until_ms;
	if (silent && ready) {
		suspect(state, now, source.peer!);
		leave(state, source, stripe.index);
		fail(state, now, stripe, source, true);
		return;
	}
	request(state, now, part, stripe, source.peer!);
}

/** Asks whoever said that it has them for the missing slices of a stripe. */
function request(state: State, now: number, part: Part, stripe: Stripe, but: PeerId): void {
	const { stripes } = state.config;
	checkPromises(state, now, true);
	for (const neighbour of state.neighbours.values()) {
		const bits = neighbour.have.get(part.place);
		if (!bits || neighbour.id === but || neighbour.state !== 'open' || neighbour.breaksPromises(now)) continue;
		if (part.asked.some((asked) => asked.peer === neighbour.id)) continue;
		const wanted = new Uint8Array(bits.length);
		let any = false;
		for (let i = stripe.index; i < part.have.length; i += stripes) {
			if (part.have[i] || !bit(bits, i)) continue;
			wanted[i >> 3]! |= 1 << (i & 7);
			any = true;
		}
		if (!any) continue;
		part.asked.push({ peer: neighbour.id, at_ms: now });
		send(state, neighbour.id, { type: 'request', rendition: state.rendition, place: part.place, slices: part.have.length, bits: wanted });
		return;
	}
}

/** HTTP had to help out for a part. */
function countRescue(state: State, now: number, part: Part, stripe: Stripe): void {
	const { source, rescues_ms } = stripe;
	if (!source || source.peer === null || source.state !== 'flowing' || !owes(source, part)) return;
	state.stats.rescued++;
	rescues_ms.push(now);
	while (rescues_ms[0] !== undefined && now - rescues_ms[0] > RESCUES_MS) rescues_ms.shift();
	if (rescues_ms.length < MAX_RESCUES) return;
	rescues_ms.length = 0;
	leave(state, source, stripe.index);
	fail(state, now, stripe, source, true);
	if (source.heard_ms === null) giveUp(state, now, source.peer);
}

function fetch(state: State, part: Part, wanted: number[]): void {
	const runs: { first: number; last: number }[] = [];
	for (const index of wanted) {
		const run = runs.at(-1);
		if (run && run.last === index - 1) run.last = index;
		else runs.push({ first: index, last: index });
	}
	if (runs.length > MAX_RUNS) runs.splice(0, runs.length, { first: runs[0]!.first, last: runs.at(-1)!.last });
	for (const { first, last } of runs) {
		const id = ++state.fetches;
		for (let i = first; i <= last; i++) if (!part.have[i]) part.fetching[i] = id;
		state.emit({ type: 'fetch', id, rendition: state.rendition, place: part.place, first, last });
	}
}
