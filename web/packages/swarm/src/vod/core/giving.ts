/** What others are told and sent. */

import { MAX_HAVE_PARTS } from '../../wire';
import { bitmap, type Segment } from './segment';
import type { State } from './state';
import type { PeerId, Place } from './types';

/** Sends what was asked for, as far as the uplink allows. */
export function serve(state: State, now: number): void {
	const size = ({ key, index }: { key: number; index: number }): number => state.segments.get(key)?.sizeOf(index) ?? 0;
	for (let due = state.serving.next(now, size); due; due = state.serving.next(now, size)) {
		const segment = state.segments.get(due.key);
		if (!segment) continue;
		state.stats.upload_bytes += segment.sizeOf(due.index);
		const { rendition, place } = segment.facts;
		state.emit({ type: 'push', peer: due.peer, rendition, place, index: due.index });
	}
}

/** All that is held, to a peer that has just come. */
export function tellAll(state: State, peer: PeerId): void {
	const by_rendition = new Map<number, Segment[]>();
	for (const segment of state.segments.values()) {
		if (!segment.complete) continue;
		const those = by_rendition.get(segment.facts.rendition);
		if (those) those.push(segment);
		else by_rendition.set(segment.facts.rendition, [segment]);
	}
	for (const [rendition, segments] of by_rendition) {
		for (let at = 0; at < segments.length; at += MAX_HAVE_PARTS) {
			const parts = segments.slice(at, at + MAX_HAVE_PARTS).map((segment) => have(segment, true));
			state.emit({ type: 'send', peer, message: { type: 'have', rendition, parts } });
		}
	}
}

/** That a segment is here whole, or is here no longer, to all. */
export function tell(state: State, segment: Segment, held: boolean): void {
	if (!state.config.upload) return;
	for (const neighbour of state.neighbours.values()) {
		if (neighbour.state !== 'open') continue;
		const message = { type: 'have' as const, rendition: segment.facts.rendition, parts: [have(segment, held)] };
		state.emit({ type: 'send', peer: neighbour.id, message });
	}
}

function have(segment: Segment, held: boolean): { place: Place; slices: number; bits: Uint8Array } {
	const { place, slices } = segment.facts;
	return { place, slices, bits: bitmap(slices, held ? Array.from({ length: slices }, (_, index) => index) : []) };
}
