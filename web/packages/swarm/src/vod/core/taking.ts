/** From whom a segment is taken: from others, or by HTTP. */

import type { Neighbour } from './neighbour';
import { bitmap, type Segment } from './segment';
import { cancel } from './segments';
import { EARLY_MS, HTTP_MARGIN_MS, MAX_EARLY_FETCHES, MAX_FETCHES, MAX_HOLE, NEAR_MS, OTHERS_MS, RESCUE_MS, type State } from './state';
import { shortId, type PeerId, type Place } from './types';

/** Asks for what is missing of a segment that is needed in `need_ms`. */
export function take(state: State, now: number, segment: Segment, need_ms: number, holders: Neighbour[]): void {
	const hurry_ms = state.times.p95_ms + HTTP_MARGIN_MS;
	if (need_ms <= hurry_ms) {
		fetchSlices(state, now, segment, segment.missing((asked) => typeof asked !== 'number'), false);
		return;
	}
	if (holders.length > 0) {
		ask(state, now, segment, holders);
		if (need_ms <= RESCUE_MS) fetchSlices(state, now, segment, segment.missing((asked) => asked === null), false);
		return;
	}
	const first = segment.missing((asked) => asked === null);
	if (need_ms <= fetchBefore(state, segment)) fetchSlices(state, now, segment, first, need_ms > OTHERS_MS);
}

/** How long before its need this peer takes what nobody has. */
function fetchBefore(state: State, segment: Segment): number {
	const { place, rendition } = segment.facts;
	const own = rankOf(state.short, place);
	let smaller = 0;
	for (const neighbour of state.neighbours.values()) {
		if (!neighbour.ready || !isNear(state, neighbour, rendition, segment.index)) continue;
		if (rankOf(shortId(neighbour.id), place) < own) smaller++;
	}
	return EARLY_MS[smaller] ?? OTHERS_MS;
}

/** Whether the neighbour watches about there, as what it told last says. */
function isNear(state: State, { newest }: Neighbour, rendition: number, index: number): boolean {
	if (!newest || newest.rendition !== rendition) return false;
	const one = state.spans[newest.index - state.first];
	const other = state.spans[index - state.first];
	return one !== undefined && other !== undefined && Math.abs(one.start_ms - other.start_ms) <= NEAR_MS;
}

/** Asks those who have it for what was not asked for, each as far as it has room. */
function ask(state: State, now: number, segment: Segment, holders: readonly Neighbour[]): void {
	const asked = new Map<Neighbour, number[]>();
	for (const index of segment.missing((whom) => whom === null)) {
		let best: Neighbour | null = null;
		for (const holder of holders) {
			if (holder.room(now) > 0 && (!best || holder.room(now) > best.room(now))) best = holder;
		}
		if (!best) break;
		best.asked(now, segment.key, index);
		segment.ask(index, best.id);
		const those = asked.get(best);
		if (those) those.push(index);
		else asked.set(best, [index]);
	}
	const { rendition, place, slices } = segment.facts;
	for (const [neighbour, indices] of asked) {
		state.emit({ type: 'send', peer: neighbour.id, message: { type: 'request', rendition, place, slices, bits: bitmap(slices, indices) } });
	}
}

/** By HTTP, as few requests as sensible. */
function fetchSlices(state: State, now: number, segment: Segment, indices: readonly number[], early: boolean): void {
	const { rendition, place, slices } = segment.facts;
	if (now < state.fetch_again_ms) return;
	let at = 0;
	while (at < indices.length) {
		if (state.fetches.size >= (early ? MAX_EARLY_FETCHES : MAX_FETCHES)) return;
		const first = indices[at++]!;
		let last = first;
		while (at < indices.length && indices[at]! - last <= 1 + MAX_HOLE) last = indices[at++]!;
		const id = state.fetch_id++;
		state.fetches.set(id, { segment, early });
		const promised = new Map<PeerId, number[]>();
		for (let index = first; index <= last && index < slices; index++) {
			const whom = segment.asked(index);
			if (segment.has(index) || typeof whom === 'number') continue;
			if (whom !== null) promised.set(whom, [...(promised.get(whom) ?? []), index]);
			if (!early) state.stats.rescued++;
		}
		for (const [peer, those] of promised) cancel(state, peer, segment, those);
		for (let index = first; index <= last && index < slices; index++) if (!segment.has(index)) segment.ask(index, id);
		state.emit({ type: 'fetch', id, rendition, place, first, last });
	}
}

/** A peer's turn at a place: the smallest is first. */
export function rankOf(short_id: number, place: Place): number {
	let x = (short_id ^ Math.imul(place, 0x9e3779b1)) >>> 0;
	x = Math.imul(x ^ (x >>> 15), 0x85ebca6b) >>> 0;
	return (x ^ (x >>> 13)) >>> 0;
}
