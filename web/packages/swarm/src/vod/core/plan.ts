/** What to take, and in which order. */

import type { Neighbour } from './neighbour';
import { keyOf, type Segment } from './segment';
import { abort, cancel, drop, fail, withdraw } from './segments';
import { MANIFESTS, SOON_MS, SOONER_MS, TICK_MS, WINDOW_BYTES, WINDOW_MS, type State } from './state';
import { rankOf, take } from './taking';
import type { Span } from './types';

/** What is of interest now: index of what is on screen, of the first that the player lacks, and one after the last. */
function windowOf(state: State): { shown: number; from: number; to: number } {
	const position_ms = state.position_ms;
	if (position_ms === null || state.spans.length === 0) return { shown: 0, from: 0, to: 0 };
	const shown = after(state, (span) => span.start_ms + span.duration_ms <= position_ms);
	const start_ms = Math.max(position_ms, state.buffered_ms);
	const from = after(state, (span) => span.start_ms + span.duration_ms / 2 <= start_ms);
	let to = from;
	for (let bytes = 0; to < state.spans.length; to++) {
		const span = state.spans[to];
		if (!span || span.start_ms >= position_ms + WINDOW_MS) break;
		bytes += span.size ?? 0;
		if (bytes > WINDOW_BYTES && to > from) break;
	}
	return { shown: state.first + Math.min(shown, from), from: state.first + from, to: state.first + to };
}

/** The first segment that `over` does not hold of. */
function after(state: State, over: (span: Span) => boolean): number {
	let low = 0;
	let high = state.spans.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		const span = state.spans[middle];
		if (span && over(span)) low = middle + 1;
		else high = middle;
	}
	return low;
}

/** Together with what is heard in the next moment. */
export function planSoon(state: State, now: number): void {
	state.tick_ms = Math.min(state.tick_ms, now - TICK_MS + SOONER_MS);
}

export function plan(state: State, now: number): void {
	state.tick_ms = now;
	handleSilences(state, now);
	const { shown, from, to } = windowOf(state);
	for (const segment of [...state.segments.values()]) {
		const { key, index } = segment;
		if (segment.complete || state.wanted.has(key) || state.own.has(key)) continue;
		const ahead = segment.facts.rendition === state.rendition && index >= shown && index < to + MANIFESTS;
		// A seek, another rendition, or it was played. What the player has may come from there, what begins later is not to be asked for yet.
		if (!ahead) drop(state, segment, false);
		else if (index < from || index >= to) withdraw(state, segment);
	}
	if (!state.active) {
		for (const [id, fetch] of [...state.fetches]) abort(state, id, fetch);
		for (const segment of state.segments.values()) if (!segment.complete) fail(state, segment);
		if (state.assigned.length > 0) needManifests(state, now, shown, to);
		return;
	}
	needManifests(state, now, shown, to);
	const due: { segment: Segment; need_ms: number; holders: Neighbour[] }[] = [];
	const position_ms = state.position_ms ?? 0;
	const consider = (segment: Segment, need_ms: number): void => {
		if (!segment.complete && !state.own.has(segment.key)) due.push({ segment, need_ms, holders: holdersOf(state, now, segment) });
	};
	for (let index = from; index < to; index++) {
		const segment = state.segments.get(keyOf(state.rendition, index));
		const span = state.spans[index - state.first];
		if (!segment || !span) continue;
		const wanted_ms = state.wanted.get(segment.key);
		consider(segment, Math.min(span.start_ms - position_ms, wanted_ms === undefined ? Infinity : wanted_ms - now));
	}
	// The player may want what it had before.
	for (const [key, deadline_ms] of state.wanted) {
		const segment = state.segments.get(key);
		if (!segment) continue;
		const known = segment.facts.rendition === state.rendition && segment.index >= from && segment.index < to;
		if (!known) consider(segment, deadline_ms - now);
	}
	const place_order = (segment: Segment): number => rankOf(state.short, segment.facts.place);
	due.sort((a, b) => {
		if (a.need_ms <= SOON_MS || b.need_ms <= SOON_MS) return a.need_ms - b.need_ms;
		return a.holders.length - b.holders.length || place_order(a.segment) - place_order(b.segment);
	});
	for (const { segment, need_ms, holders } of due) take(state, now, segment, need_ms, holders);
}

function handleSilences(state: State, now: number): void {
	for (const neighbour of state.neighbours.values()) {
		if (neighbour.silent_at_ms > now) continue;
		state.stats.failovers++;
		neighbour.silent(now);
		for (const segment of state.segments.values()) {
			const indices = segment.complete ? [] : segment.missing((asked) => asked === neighbour.id);
			if (indices.length > 0) cancel(state, neighbour.id, segment, indices);
		}
	}
}

function needManifests(state: State, now: number, from: number, to: number): void {
	if (state.manifests || now < state.manifests_again_ms) return;
	for (let index = from; index < to; index++) {
		const key = keyOf(state.rendition, index);
		if (state.segments.has(key) || state.unshared.has(key)) continue;
		const count = Math.min(MANIFESTS, state.first + state.spans.length - index);
		state.manifests = true;
		state.emit({ type: 'manifests', rendition: state.rendition, from: index, count });
		return;
	}
}

/** Who says that it has the segment, and can be asked. */
function holdersOf(state: State, now: number, { key, facts }: Segment): Neighbour[] {
	const holders: Neighbour[] = [];
	for (const neighbour of state.neighbours.values()) {
		if (neighbour.ready && now >= neighbour.rests_until_ms && neighbour.holds(key, facts.slices)) holders.push(neighbour);
	}
	return holders;
}
