/** What is passed on, and to whom. */

import { bit, type Part } from './part';
import { send } from './peers';
import type { State } from './state';
import type { Stripe } from './stripe';
import { Refusal, type PeerId, type Place } from './types';

const NONE = new Uint8Array(0);

export function push(state: State, peer: PeerId, manifests: boolean, part: Part, index: number): void {
	const neighbour = state.neighbours.get(peer);
	if (!neighbour || neighbour.state !== 'open') return;
	if (bit(neighbour.have.get(part.place) ?? NONE, index) || bit(neighbour.sent.get(part.place) ?? NONE, index)) return;
	if (manifests) sendManifest(state, peer, part);
	remember(neighbour.sent, part, index);
	const bytes = part.bytes(index);
	state.stats.upload_bytes += bytes;
	state.report.upload_bytes += bytes;
	state.emit({ type: 'push', peer, rendition: state.rendition, place: part.place, index });
}

export function sendManifest(state: State, peer: PeerId, part: Part): void {
	const neighbour = state.neighbours.get(peer);
	if (!neighbour || neighbour.state !== 'open' || neighbour.manifests.has(part.place)) return;
	neighbour.manifests.add(part.place);
	state.emit({ type: 'manifest', peer, rendition: state.rendition, place: part.place });
}

export function manifestTakers(state: State): PeerId[] {
	const takers: PeerId[] = [];
	for (const stripe of state.stripes) {
		for (const child of stripe.children) if (child.manifests && !takers.includes(child.peer)) takers.push(child.peer);
	}
	return takers;
}

export function remember(map: Map<Place, Uint8Array> | undefined, part: Part, index: number): void {
	if (!map) return;
	let bits = map.get(part.place);
	if (!bits || bits.length !== (part.have.length + 7) >> 3) {
		bits = new Uint8Array((part.have.length + 7) >> 3);
		map.set(part.place, bits);
	}
	bits[index >> 3]! |= 1 << (index & 7);
}

export function refuse(state: State, peer: PeerId, stripe: number, reason: number, rendition = state.rendition): void {
	const alternatives = reason === Refusal.not_shared ? [] : (state.stripes[stripe]?.children ?? []).filter((child) => child.peer !== peer).slice(0, 2);
	send(state, peer, { type: 'reject', rendition, stripe, reason, alternatives: alternatives.map((child) => child.peer) });
}

export function inUse(state: State): number {
	let count = 0;
	for (const stripe of state.stripes) count += stripe.children.length;
	return count;
}

export function ownPath(state: State, stripe: Stripe): number[] {
	return [...stripe.path, state.short];
}

export function setPath(state: State, stripe: Stripe, path: number[]): void {
	if (path.length === stripe.path.length && path.every((id, i) => id === stripe.path[i])) return;
	stripe.path = path.slice();
	for (const child of stripe.children) {
		send(state, child.peer, { type: 'path', rendition: state.rendition, stripe: stripe.index, path: ownPath(state, stripe) });
	}
}
