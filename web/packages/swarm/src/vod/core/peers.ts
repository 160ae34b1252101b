/** Other peers, the second's housekeeping, the report. */

import { Neighbour } from './neighbour';
import { plan } from './plan';
import { GREETING_MS, MAX_NEIGHBOURS, MAX_REMEMBERED, MAX_SOUGHT, REPORT_MS, RETRY_MS, type State } from './state';
import type { PeerId } from './types';

/** To those whom the tracker named. */
export function connect(state: State, now: number): void {
	for (const peer of state.assigned) {
		if (state.neighbours.size >= MAX_SOUGHT) return;
		if (state.neighbours.has(peer) || state.banned.has(peer) || (state.avoid.get(peer) ?? 0) > now) continue;
		state.neighbours.set(peer, new Neighbour(peer, now));
		state.emit({ type: 'connect', peer });
	}
}

function avoid(state: State, peer: PeerId, until_ms: number): void {
	state.avoid.set(peer, until_ms);
	if (state.avoid.size <= MAX_REMEMBERED) return;
	for (const oldest of state.avoid.keys()) {
		state.avoid.delete(oldest);
		break;
	}
}

function forget(state: State, neighbour: Neighbour): void {
	state.neighbours.delete(neighbour.id);
	state.serving.close(neighbour.id);
	for (const segment of state.segments.values()) segment.release(neighbour.id);
}

export function ban(state: State, now: number, neighbour: Neighbour): void {
	state.emit({ type: 'ban', peer: neighbour.id });
	state.banned.add(neighbour.id);
	if (state.accused.length < MAX_NEIGHBOURS) state.accused.push(neighbour.id);
	forget(state, neighbour);
	updateActive(state);
	plan(state, now);
}

/** The pair is no more, or could not be connected. */
export function lose(state: State, now: number, peer: PeerId): void {
	const neighbour = state.neighbours.get(peer);
	if (!neighbour) return;
	if (neighbour.state === 'connecting') {
		avoid(state, peer, now + RETRY_MS);
		if (state.unreachable.length < MAX_SOUGHT) state.unreachable.push(peer);
	}
	forget(state, neighbour);
	updateActive(state);
	plan(state, now);
}

export function updateActive(state: State): void {
	let active = false;
	for (const neighbour of state.neighbours.values()) active ||= neighbour.ready;
	if (active === state.active) return;
	state.active = active;
	state.emit({ type: 'active', active });
}

export function handleSecond(state: State, now: number): void {
	state.second_ms = now;
	for (const neighbour of [...state.neighbours.values()]) {
		neighbour.denied = 0;
		if (neighbour.state === 'open' && !neighbour.greeted && now - neighbour.since_ms > GREETING_MS) {
			state.emit({ type: 'disconnect', peer: neighbour.id });
			lose(state, now, neighbour.id);
		}
	}
	for (const [peer, until_ms] of state.avoid) if (until_ms <= now) state.avoid.delete(peer);
	connect(state, now);
	if (now - state.report_ms >= REPORT_MS) report(state, now);
}

function report(state: State, now: number): void {
	state.report_ms = now;
	const total = {
		http_bytes: state.stats.http_bytes + state.own_bytes,
		p2p_bytes: state.stats.p2p_bytes,
		upload_bytes: state.stats.upload_bytes
	};
	const { http_bytes, p2p_bytes, upload_bytes } = state.reported;
	state.reported = total;
	state.emit({
		type: 'report',
		report: {
			rendition: Math.max(0, state.rendition),
			slots: 0,
			upload: state.config.upload,
			unreachable: state.unreachable.splice(0),
			lost: [],
			accused: state.accused.splice(0),
			http_bytes: total.http_bytes - http_bytes,
			p2p_bytes: total.p2p_bytes - p2p_bytes,
			upload_bytes: total.upload_bytes - upload_bytes,
			neighbours: readyPeers(state)
		}
	});
}

/** How many there are that can be asked, or ask. */
export function readyPeers(state: State): number {
	let ready = 0;
	for (const neighbour of state.neighbours.values()) if (neighbour.ready) ready++;
	return ready;
}
