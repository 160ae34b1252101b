/** Where stripes come from. */

import { setPath } from './children';
import { isNeeded } from './parts';
import { connect, neighbourOf, send, tellUnreachable, updateActive, updateStream } from './peers';
import { ANSWER_MS, FIRST_SLICE_MS, MANIFEST_STRIPES, OPEN_MS, SELF_ROOT_MS, SILENT_MS, SUSPECT_MS, type State } from './state';
import { owes, type Link, type Stripe } from './stripe';
import type { PeerId, Place } from './types';

/** Sets out to get `stripe` from `peer`, while what flows flows on. */
export function approach(state: State, now: number, stripe: Stripe, peer: PeerId): void {
	if (stripe.source?.peer === peer) {
		leave(state, stripe.next, stripe.index);
		stripe.next = null;
		return;
	}
	if (stripe.next?.peer === peer) return;
	const neighbour = neighbourOf(state, peer);
	if (!neighbour || neighbour.banned) return;
	if (neighbour.state === 'none' && now < neighbour.retry_ms) {
		tellUnreachable(state, peer);
		return;
	}
	if (neighbour.isShunned(now)) {
		tellLost(state, stripe, peer, false);
		return;
	}
	leave(state, stripe.next, stripe.index);
	stripe.next = null;
	const link: Link = { peer, state: 'opening', since_ms: now, heard_ms: null, manifests: false };
	if (stripe.source?.state === 'flowing') {
		stripe.next = link;
	} else {
		leave(state, stripe.source, stripe.index);
		stripe.source = link;
		stripe.orphan_since_ms = null;
		setPath(state, stripe, []);
	}
	if (neighbour.state === 'open') subscribe(state, now, stripe, link);
	else connect(state, now, peer);
}

export function subscribe(state: State, now: number, stripe: Stripe, link: Link): void {
	link.state = 'asked';
	link.since_ms = now;
	link.manifests = !state.tracker_manifests && stripe.index < MANIFEST_STRIPES;
	const from = firstMissing(state, stripe);
	send(state, link.peer!, { type: 'subscribe', rendition: state.rendition, stripe: stripe.index, from, manifests: link.manifests });
}

/**
 * Where a subscription begins: the oldest part that lacks slices of the stripe which nobody fetches. What playback
 * does not need (yet, or any more) is not worth anybody's uplink: before it takes parts from here, only what is new.
 */
export function firstMissing(state: State, stripe: Stripe): Place {
	const { newest } = state.window;
	for (const part of state.window.parts) {
		if (!isNeeded(state, part) && part.place !== newest) continue;
		for (let i = stripe.index; i < part.have.length; i += state.config.stripes) {
			if (!part.have[i] && part.fetching[i] === 0) return part.place;
		}
	}
	return newest + 1;
}

/** The tracker sends no manifests any longer: parents do. */
export function askForManifests(state: State, now: number): void {
	if (state.tracker_manifests) return;
	for (const stripe of state.stripes.slice(0, MANIFEST_STRIPES)) {
		const link = stripe.source;
		if (link === null || link.peer === null || link.state !== 'flowing' || link.manifests) continue;
		const { since_ms } = link;
		subscribe(state, now, stripe, link);
		link.state = 'flowing';
		link.since_ms = since_ms;
	}
}

export function takeFromOrigin(state: State, now: number, stripe: Stripe): void {
	leave(state, stripe.source, stripe.index);
	leave(state, stripe.next, stripe.index);
	stripe.next = null;
	stripe.source = { peer: null, state: 'opening', since_ms: now, heard_ms: null, manifests: false };
	stripe.orphan_since_ms = null;
	setPath(state, stripe, []);
}

/** Tells the peer of a link that nothing is wanted from it. */
export function leave(state: State, link: Link | null, stripe: number): void {
	if (!link || link.peer === null || link.state === 'opening') return;
	send(state, link.peer, { type: 'unsubscribe', rendition: state.rendition, stripe });
}

/** A link does not work (any longer). `tell`: the tracker should know. */
export function fail(state: State, now: number, stripe: Stripe, link: Link, tell: boolean, refused = false): void {
	if (tell && link.peer !== null) tellLost(state, stripe, link.peer, refused);
	if (stripe.next === link) {
		stripe.next = null;
		return;
	}
	if (stripe.source !== link) return;
	const next = stripe.next;
	stripe.source = null;
	stripe.next = null;
	stripe.orphan_since_ms = now;
	setPath(state, stripe, []);
	if (next) {
		stripe.source = next;
		stripe.orphan_since_ms = null;
		if (next.state === 'flowing') next.state = 'asked';
	} else if (stripe.standby !== null && stripe.standby !== link.peer) {
		state.stats.failovers++;
		approach(state, now, stripe, stripe.standby);
	}
	updateActive(state, now);
}

function tellLost(state: State, stripe: Stripe, peer: PeerId, refused: boolean): void {
	state.report.lost.push({ rendition: state.rendition, stripe: stripe.index, peer, refused });
	state.urgent = true;
}

/** A peer promised something and brought nothing: it is suspect, and the stripes that it promised, or was asked for, and of which nothing has come end. */
export function giveUp(state: State, now: number, peer: PeerId): void {
	suspect(state, now, peer);
	for (const stripe of state.stripes) {
		for (const link of [stripe.next, stripe.source]) {
			if (link?.peer !== peer || link.heard_ms !== null) continue;
			leave(state, link, stripe.index);
			fail(state, now, stripe, link, true);
		}
	}
}

export function suspect(state: State, now: number, peer: PeerId): void {
	const neighbour = state.neighbours.get(peer);
	if (neighbour) neighbour.suspect_until_ms = now + SUSPECT_MS;
}

export function checkLinks(state: State, now: number, stripe: Stripe): void {
	for (const link of [stripe.next, stripe.source]) {
		if (!link || link.peer === null || now < linkDue(state, link)) continue;
		suspect(state, now, link.peer);
		leave(state, link, stripe.index);
		fail(state, now, stripe, link, true);
		if (link.state === 'flowing') giveUp(state, now, link.peer);
	}
	const { orphan_since_ms } = stripe;
	if (orphan_since_ms === null || !state.sharable || state.offset_ms === null || now - orphan_since_ms < SELF_ROOT_MS) return;
	// Nobody brings it: one long response costs the origin less than many short ones.
	stripe.self_root = true;
	takeFromOrigin(state, now, stripe);
	updateStream(state);
}

/** When a link that has come no further has failed. Whoever accepted has to bring something, although it may come from elsewhere too. */
export function linkDue(state: State, link: Link): number {
	if (link.peer === null) return Infinity;
	if (link.state !== 'flowing') return link.since_ms + (link.state === 'opening' ? OPEN_MS : ANSWER_MS);
	if (link.heard_ms !== null) return Infinity;
	// Where there is nothing new there is nothing to bring.
	const part = state.window.parts.find((part) => owes(link, part));
	return part ? Math.max(link.since_ms + FIRST_SLICE_MS, part.seen_ms + SILENT_MS) : Infinity;
}
