/** What other peers say. */

import { inUse, ownPath, push, refuse, sendManifest, setPath } from './children';
import type { Neighbour } from './neighbour';
import { bit } from './part';
import { send, updateActive, updateStream } from './peers';
import { approach, fail, leave } from './sources';
import { MAX_PATH, type State } from './state';
import { DETOUR_MS, type Stripe } from './stripe';
import { Refusal, shortId, type Message, type PeerId } from './types';

export function handleHave(state: State, neighbour: Neighbour, message: Extract<Message, { type: 'have' }>): void {
	if (message.rendition !== state.rendition) return;
	for (const { place, slices, bits } of message.parts) {
		const part = state.window.find(place);
		if (part && part.have.length === slices) neighbour.have.set(place, bits.slice());
	}
}

export function handleSubscribe(state: State, now: number, peer: PeerId, message: Extract<Message, { type: 'subscribe' }>): void {
	const stripe = state.stripes[message.stripe];
	if (!stripe) return;
	const known = stripe.child(peer);
	const refusal = refusalOf(state, stripe, peer, message.rendition, known !== null);
	if (refusal !== 0) {
		stripe.remove(peer);
		refuse(state, peer, stripe.index, refusal, message.rendition);
		return;
	}
	if (known) {
		known.from = message.from;
		known.manifests = message.manifests;
	} else {
		stripe.children.push({ peer, from: message.from, manifests: message.manifests, since_ms: now });
	}
	send(state, peer, { type: 'accept', rendition: state.rendition, stripe: stripe.index, path: ownPath(state, stripe) });
	for (const part of state.window.parts) {
		if (part.place < message.from) continue;
		if (message.manifests) sendManifest(state, peer, part);
		for (let i = stripe.index; i < part.have.length; i += state.config.stripes) if (part.have[i]) push(state, peer, message.manifests, part, i);
	}
}

/** Why `peer` may not have `stripe` from here; 0: it may. */
function refusalOf(state: State, stripe: Stripe, peer: PeerId, rendition: number, known: boolean): number {
	if (!state.sharable || rendition !== state.rendition) return Refusal.not_shared;
	if (!stripe.source) return Refusal.no_source;
	if (stripe.source.peer === peer || stripe.path.includes(shortId(peer))) return Refusal.loop;
	if (stripe.path.length + 1 >= MAX_PATH) return Refusal.deep;
	// A little beyond what was promised, for those who come because their parent has gone.
	const { slots } = state.uplink;
	const spare = slots === 0 ? 0 : Math.max(1, Math.floor(slots / 4));
	if (!known && inUse(state) >= slots + spare) return Refusal.full;
	return 0;
}

export function handlePath(state: State, now: number, peer: PeerId, message: Extract<Message, { type: 'accept' | 'path' }>): void {
	const stripe = message.rendition === state.rendition ? state.stripes[message.stripe] : undefined;
	if (!stripe) return;
	const { source, next } = stripe;
	const link = next?.peer === peer ? next : source?.peer === peer ? source : null;
	if (!link || link.state === 'opening') {
		// Too late: it was given up, or comes from elsewhere now.
		if (message.type === 'accept') send(state, peer, { type: 'unsubscribe', rendition: message.rendition, stripe: stripe.index });
		return;
	}
	if (message.path.includes(state.short) || message.path.length >= MAX_PATH) {
		send(state, peer, { type: 'unsubscribe', rendition: message.rendition, stripe: stripe.index });
		fail(state, now, stripe, link, false);
		return;
	}
	if (message.type === 'accept' && link.state === 'asked') {
		link.state = 'flowing';
		link.since_ms = now;
		if (link === next) {
			leave(state, source, stripe.index);
			stripe.source = next;
			stripe.next = null;
			stripe.self_root = false;
			updateStream(state);
		}
		stripe.rescues_ms.length = 0;
	}
	if (stripe.source === link) setPath(state, stripe, message.path);
	updateActive(state, now);
}

export function handleReject(state: State, now: number, peer: PeerId, message: Extract<Message, { type: 'reject' }>): void {
	const stripe = message.rendition === state.rendition ? state.stripes[message.stripe] : undefined;
	const link = stripe?.next?.peer === peer ? stripe.next : stripe?.source?.peer === peer ? stripe.source : null;
	if (!stripe || !link) return;
	fail(state, now, stripe, link, true, true);
	const { alternatives } = message;
	if (stripe.source !== null || alternatives[0] === undefined || now - stripe.detour_ms < DETOUR_MS) return;
	stripe.detour_ms = now;
	approach(state, now, stripe, alternatives[0]);
}

export function handleRequest(state: State, neighbour: Neighbour, message: Extract<Message, { type: 'request' }>): void {
	const part = message.rendition === state.rendition ? state.window.find(message.place) : null;
	// Nobody who lends nothing is asked; a channel that waits gets no more.
	if (!part || part.have.length !== message.slices || state.uplink.slots === 0 || neighbour.busy_since_ms !== null) return;
	for (let i = 0; i < part.have.length; i++) if (part.have[i] && bit(message.bits, i)) push(state, neighbour.id, false, part, i);
}
