/** What is here, and what is on its way. */

import { tell } from './giving';
import { bitmap, type Segment } from './segment';
import { CACHE_BYTES, type Fetch, type State } from './state';
import type { PeerId, Span } from './types';

export function handleComplete(state: State, segment: Segment): void {
	const { rendition, place } = segment.facts;
	state.wanted.delete(segment.key);
	state.emit({ type: 'complete', rendition, place });
	tell(state, segment, true);
	if (state.cached_bytes > CACHE_BYTES) dropFarthest(state, () => state.cached_bytes > CACHE_BYTES);
}

/** Drops what is farthest from the playhead as long as `more` says so: other renditions, then behind, then ahead. */
export function dropFarthest(state: State, more: () => boolean): void {
	const position_ms = state.position_ms ?? 0;
	const distance = (segment: Segment): number => {
		const span = spanOf(state, segment);
		if (!span) return Infinity;
		const behind_ms = position_ms - span.start_ms - span.duration_ms;
		// What is behind comes before all that is ahead.
		return behind_ms >= 0 ? 1e12 + behind_ms : span.start_ms - position_ms;
	};
	const sorted = [...state.segments.values()].map((segment) => ({ segment, distance: distance(segment) }));
	sorted.sort((a, b) => b.distance - a.distance);
	for (const { segment } of sorted) {
		if (!more()) return;
		drop(state, segment, false);
	}
}

/** Neither needed nor kept any more; `for_good`: its manifest is not asked for again. */
export function drop(state: State, segment: Segment, for_good: boolean): void {
	const { key, complete } = segment;
	const { rendition, place } = segment.facts;
	if (!complete) {
		withdraw(state, segment);
		fail(state, segment);
	}
	state.segments.delete(key);
	state.cached_bytes -= segment.bytes;
	if (for_good) state.unshared.add(key);
	state.serving.forget(key);
	state.emit({ type: 'drop', rendition, place });
	if (complete) tell(state, segment, false);
}

/** Nobody brings it in time: the player has to, if it waits. */
export function fail(state: State, segment: Segment): void {
	if (!state.wanted.delete(segment.key)) return;
	const { rendition, place } = segment.facts;
	state.emit({ type: 'failed', rendition, place });
}

/** Takes back all requests and fetches for `segment`. */
export function withdraw(state: State, segment: Segment): void {
	for (const [id, fetch] of state.fetches) if (fetch.segment === segment) abort(state, id, fetch);
	cancelAll(state, segment);
}

export function abort(state: State, id: number, { segment }: Fetch): void {
	state.fetches.delete(id);
	segment.release(id);
	state.emit({ type: 'abort', id });
}

function cancelAll(state: State, segment: Segment): void {
	const by_peer = new Map<PeerId, number[]>();
	for (const index of segment.missing((asked) => typeof asked === 'string')) {
		const peer = segment.asked(index) as PeerId;
		const those = by_peer.get(peer);
		if (those) those.push(index);
		else by_peer.set(peer, [index]);
	}
	for (const [peer, indices] of by_peer) cancel(state, peer, segment, indices);
}

/** `peer` is not to send those slices any more. */
export function cancel(state: State, peer: PeerId, segment: Segment, indices: readonly number[]): void {
	const { rendition, place, slices } = segment.facts;
	for (const index of indices) {
		state.neighbours.get(peer)?.cancelled(segment.key, index);
		if (segment.asked(index) === peer) segment.ask(index, null);
	}
	state.emit({ type: 'send', peer, message: { type: 'cancel', rendition, place, slices, bits: bitmap(slices, indices) } });
}

function spanOf(state: State, segment: Segment): Span | null {
	return segment.facts.rendition === state.rendition ? (state.spans[segment.index - state.first] ?? null) : null;
}
