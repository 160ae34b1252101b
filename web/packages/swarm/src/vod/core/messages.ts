/** What other peers say. */

import { serve } from './giving';
import { MAX_HELD, type Neighbour } from './neighbour';
import { bitmap, bitsOf, keyOf } from './segment';
import { MAX_DENIALS, type State } from './state';
import type { Message, Place } from './types';

export function handleHave(state: State, neighbour: Neighbour, rendition: number, { place, slices, bits }: { place: Place; slices: number; bits: Uint8Array }): void {
	const index = place >>> 10;
	const key = keyOf(rendition, index);
	let set = 0;
	for (const _ of bitsOf(slices, bits)) set++;
	if (set === slices && slices > 0) {
		if (neighbour.have.size >= MAX_HELD && !neighbour.have.has(key)) return;
		neighbour.have.set(key, slices);
		neighbour.newest = { rendition, index };
	} else if (set === 0) {
		neighbour.have.delete(key);
		const segment = state.segments.get(key);
		if (!segment) return;
		// It will not answer what it was asked for of that.
		for (const slice of segment.missing((asked) => asked === neighbour.id)) {
			neighbour.cancelled(key, slice);
			segment.ask(slice, null);
		}
	}
}

export function handleRequest(state: State, now: number, neighbour: Neighbour, { rendition, place, slices, bits }: Extract<Message, { type: 'request' }>): void {
	const key = keyOf(rendition, place >>> 10);
	const segment = state.segments.get(key);
	if (!state.config.upload || !segment?.complete || segment.facts.place !== place || segment.facts.slices !== slices) {
		if (neighbour.denied++ >= MAX_DENIALS) return;
		const nothing = { place, slices, bits: bitmap(slices, []) };
		state.emit({ type: 'send', peer: neighbour.id, message: { type: 'have', rendition, parts: [nothing] } });
		return;
	}
	for (const index of bitsOf(slices, bits)) if (!state.serving.add(neighbour.id, key, index)) break;
	serve(state, now);
}
