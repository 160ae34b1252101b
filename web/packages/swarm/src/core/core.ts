/**
 * The scheduler of one peer: which slice comes from whom and goes to whom, and when HTTP has to help. Deterministic,
 * without I/O, clock or chance of its own: call `handle…`, then drain `pollOutput`, then ask `pollTimeout`. The native
 * peer's core (p2p-peer) is the same, line by line; recorded traces keep it so.
 *
 * In steady state each stripe flows from its parent (or the origin), is verified by the driver, and passed on to the
 * stripe's children. A stripe that is late is taken from the standby; a slice that is still missing shortly before
 * playback needs it comes by HTTP. Nothing here can stop playback.
 */

import { HttpTimes, stagger } from './http';
import { Neighbour } from './neighbour';
import { bit, Part, PartWindow } from './part';
import { DETOUR_MS, Stripe, type Link } from './stripe';
import {
	Refusal,
	shortId,
	type Assignment,
	type CoreConfig,
	type CoreStats,
	type Message,
	type Origin,
	type Output,
	type PartFacts,
	type PeerId,
	type Place,
	type Report
} from './types';
import { Uplink } from './uplink';

/** A channel is open by then, or never. */
const OPEN_MS = 5_000;
/** SUBSCRIBE is answered by then. */
const ANSWER_MS = 1_500;
/** Not connected to again before, after a failure. */
const RECONNECT_MS = 10_000;
/** A parent that fell silent is not chosen again before. */
const SUSPECT_MS = 30_000;
/**
 * A parent that was heard before and has been silent for this long is given up for the standby; before that others are
 * asked for what is missing, as what holds it up may lie further up and will pass.
 */
const SILENT_MS = 600;
/** A parent that accepted brings something within this: it may be looking for a source itself. */
const FIRST_SLICE_MS = 2_000;
/** A connection that serves nothing is kept this long. */
const IDLE_MS = 15_000;
/** Longest path from a root: what a hop costs (80 to 180 ms) times this is what the latency target leaves. */
const MAX_PATH = 8;
/** HAVE, slots and housekeeping. */
const TICK_MS = 1_000;
/** What HAVE speaks of. */
const HAVE_MS = 4_000;
/** Reports to the tracker: at least, and at most so often. */
const REPORT_MS = 10_000;
const URGENT_MS = 500;
/** The slice is needed this much before its picture is shown. */
const SAFETY_MS = 300;
/** Added to what fetches take. */
const FETCH_MARGIN_MS = 50;
/** A stripe that nobody brings is taken by HTTP this soon after its manifest, so that others can have it from here. */
const ORPHAN_FETCH_MS = 50;
/** ...and as a stream of its own after it has been like that for this long. */
const SELF_ROOT_MS = 2_000;
/** The player waits for a part although nobody knows the playhead. */
const WANTED_MS = 200;
const RETRY_MS = 200;
/** A peer that said it has a slice sends it within this. */
const PROMISE_MS = 500;
const MAX_BROKEN_PROMISES = 3;
/** HTTP had to help out this often within this time: the source is not good enough. */
const MAX_RESCUES = 3;
const RESCUES_MS = 5_000;
/** Runs of missing slices fetched apart; more are fetched as one with what lies between. */
const MAX_RUNS = 2;
/** Without any flowing stripe for this long, playback takes its parts itself again. */
const DRY_MS = 5_000;
/**
 * Where the tracker does not send manifests to everybody they come down the trees of the first stripes: a tree has no
 * cycles, so that everybody in it gets them, which two peers that rely on each other would not.
 */
const MANIFEST_STRIPES = 2;
/** A channel that has been waiting for this long cannot carry what it was given. */
const SHED_MS = 1_000;
/** Peers in mind: connections are bounded by the driver, this bounds what is remembered of others. */
const MAX_NEIGHBOURS = 200;

export class Core {
	readonly #short: number;
	readonly #stripes: Stripe[] = [];
	readonly #window = new PartWindow();
	readonly #neighbours = new Map<PeerId, Neighbour>();
	readonly #uplink: Uplink;
	readonly #times = new HttpTimes();
	readonly #outputs: Output[] = [];
	/** newest first would be dearer: drained from the front */
	#drained = 0;
	#rendition = 0;
	#sharable = false;
	#tracker_manifests = true;
	/** playback reaches programme time `t` at `t + offset` */
	#offset_ms: number | null = null;
	#playhead_ms = 0;
	/** what the player took before it asked here is not needed; null: it has not asked yet */
	#needed_from: Place | null = null;
	#active = false;
	#flowing_ms = 0;
	#next_tick_ms = 0;
	#streamed = '';
	#fetches = 0;
	#reported_ms = 0;
	#urgent = false;
	#report: Report;
	#stats = { http_bytes: 0, p2p_bytes: 0, upload_bytes: 0, duplicate_bytes: 0, rescued: 0, failovers: 0, banned: 0 };

	constructor(private readonly config: CoreConfig) {
		this.#short = shortId(config.peer);
		for (let i = 0; i < config.stripes; i++) this.#stripes.push(new Stripe(i));
		this.#uplink = new Uplink(config.upload, config.ceiling_tenths, config.stripes);
		this.#report = this.#freshReport();
	}

	// ---- what happened

	/** The rendition that is played; `sharable`: whether it is shared at all. All of the one before is let go. */
	handleRendition(now: number, rendition: number, sharable: boolean): void {
		if (rendition === this.#rendition && sharable === this.#sharable) return;
		for (const stripe of this.#stripes) {
			for (const child of [...stripe.children]) this.#refuse(child.peer, stripe.index, Refusal.not_shared);
			stripe.children.length = 0;
			this.#leave(stripe.source, stripe.index);
			this.#leave(stripe.next, stripe.index);
			stripe.source = stripe.next = null;
			stripe.root = stripe.self_root = false;
			stripe.parent = stripe.standby = null;
			stripe.path = [];
			stripe.orphan_since_ms = now;
			stripe.rescues_ms.length = 0;
		}
		this.#updateStream();
		this.#window.clear();
		this.#needed_from = null;
		for (const neighbour of this.#neighbours.values()) neighbour.prune(Infinity);
		this.#rendition = rendition;
		this.#sharable = sharable;
		this.#urgent = true;
		this.#updateActive(now);
	}

	/** A part is announced; `from` is the peer that sent the manifest. */
	handleManifest(now: number, facts: PartFacts, from: PeerId | null): void {
		if (facts.rendition !== this.#rendition || !this.#sharable) return;
		if (from !== null) this.#neighbours.get(from)?.manifests.add(facts.place);
		const part = new Part(facts, now);
		if (!this.#window.add(part)) return;
		const oldest = this.#window.parts[0]!.place;
		for (const neighbour of this.#neighbours.values()) neighbour.prune(oldest);
		if (part.complete) this.#emit({ type: 'complete', rendition: facts.rendition, place: facts.place });
		// Whoever wants manifests from here should not wait for the first slice.
		for (const peer of this.#manifestTakers()) this.#sendManifest(peer, part);
	}

	handleAssign(now: number, assignment: Assignment): void {
		this.#tracker_manifests = assignment.manifests;
		const own = assignment.stripes.filter((assigned) => assigned.rendition === this.#rendition && this.#sharable);
		for (const stripe of this.#stripes) {
			const assigned = own.find((candidate) => candidate.stripe === stripe.index);
			stripe.root = assigned !== undefined && assigned.root;
			stripe.parent = assigned !== undefined && !assigned.root ? assigned.parent : null;
			stripe.standby = assigned !== undefined && !assigned.root ? assigned.standby : null;
			if (stripe.root) {
				stripe.self_root = false;
				if (!stripe.from_origin) this.#takeFromOrigin(now, stripe);
			} else if (stripe.parent !== null) {
				this.#approach(now, stripe, stripe.parent);
			} else if (stripe.from_origin) {
				// Relieved of it, but there is nobody else to take it from.
				stripe.self_root = true;
			}
			if (stripe.standby !== null) this.#connect(now, stripe.standby);
		}
		this.#askForManifests(now);
		this.#updateStream();
		this.#updateActive(now);
	}

	/** The tracker says that a peer has left. */
	handleGone(now: number, peer: PeerId): void {
		const neighbour = this.#neighbours.get(peer);
		if (!neighbour) return;
		if (neighbour.state !== 'none') this.#emit({ type: 'disconnect', peer });
		this.#lose(now, peer);
	}

	handlePeerOpen(now: number, peer: PeerId): void {
		const neighbour = this.#neighbour(peer);
		if (!neighbour || neighbour.banned) {
			this.#emit({ type: 'disconnect', peer });
			return;
		}
		neighbour.reset('open');
		neighbour.idle_since_ms = now;
		this.#send(peer, { type: 'hello', slots: Math.max(0, this.#uplink.slots - this.#inUse()), newest: this.#window.newest });
		for (const stripe of this.#stripes) {
			for (const link of [stripe.source, stripe.next]) if (link?.peer === peer && link.state === 'opening') this.#subscribe(now, stripe, link);
		}
	}

	/** A channel closed, or could not be opened. */
	handlePeerClose(now: number, peer: PeerId): void {
		const neighbour = this.#neighbours.get(peer);
		if (!neighbour || neighbour.state === 'none') return;
		if (neighbour.state === 'connecting') {
			neighbour.retry_ms = now + RECONNECT_MS;
			this.#tellUnreachable(peer);
		}
		this.#lose(now, peer);
	}

	handleMessage(now: number, peer: PeerId, message: Message): void {
		const neighbour = this.#neighbours.get(peer);
		if (!neighbour || neighbour.banned || neighbour.state !== 'open') return;
		if (message.type === 'hello') {
			neighbour.greeted = true;
			return;
		}
		if (!neighbour.greeted) return;
		switch (message.type) {
			case 'have':
				this.#handleHave(neighbour, message);
				break;
			case 'subscribe':
				this.#handleSubscribe(now, peer, message);
				break;
			case 'unsubscribe':
				if (message.rendition === this.#rendition) this.#stripes[message.stripe]?.remove(peer);
				break;
			case 'accept':
			case 'path':
				this.#handlePath(now, peer, message);
				break;
			case 'reject':
				this.#handleReject(now, peer, message);
				break;
			case 'request':
				this.#handleRequest(neighbour, message);
				break;
			case 'ping':
				this.#send(peer, { type: 'pong', nonce: message.nonce });
				break;
			case 'bye':
				this.#emit({ type: 'disconnect', peer });
				this.#lose(now, peer);
				break;
			case 'cancel':
			case 'pong':
				break;
		}
	}

	/** A slice came, and its hash was right (`valid`) or not. */
	handleSlice(now: number, from: Origin, rendition: number, place: Place, index: number, valid: boolean): void {
		const peer = from === 'origin' || from === 'http' ? null : from;
		if (!valid) {
			if (peer !== null) this.#ban(now, peer);
			return;
		}
		if (rendition !== this.#rendition) return;
		const part = this.#window.find(place);
		if (!part || index >= part.have.length) return;
		const stripe = this.#stripes[index % this.config.stripes]!;
		const bytes = part.bytes(index);
		if (peer !== null) this.#remember(this.#neighbours.get(peer)?.have, part, index);
		if (part.have[index]) {
			this.#stats.duplicate_bytes += bytes;
			// Somebody who still sends what comes from elsewhere now.
			if (peer !== null && !stripe.uses(peer) && !part.asked.some((asked) => asked.peer === peer)) {
				this.#send(peer, { type: 'unsubscribe', rendition, stripe: stripe.index });
			}
			return;
		}
		part.have[index] = 1;
		part.missing--;
		part.fetching[index] = 0;
		if (peer === null) {
			this.#stats.http_bytes += bytes;
			this.#report.http_bytes += bytes;
		} else {
			this.#stats.p2p_bytes += bytes;
			this.#report.p2p_bytes += bytes;
		}
		if (from !== 'http' && stripe.source !== null && stripe.source.peer === peer) {
			stripe.source.heard_ms = now;
			// What was there before the subscription comes at once, whatever the parent's distance.
			if (part.seen_ms >= stripe.source.since_ms) stripe.addLag(now - part.seen_ms);
		}
		for (const child of stripe.children) if (place >= child.from) this.#push(child.peer, child.manifests, part, index);
		if (part.complete) this.#emit({ type: 'complete', rendition, place });
	}

	/** `bytes` of what was given to `peer` have not left yet. */
	handleBuffered(now: number, peer: PeerId, bytes: number): void {
		const neighbour = this.#neighbours.get(peer);
		if (!neighbour) return;
		if (bytes > 0) {
			neighbour.busy_since_ms ??= now;
			return;
		}
		const lagged = Uplink.lags(now, neighbour.busy_since_ms);
		neighbour.busy_since_ms = null;
		if (lagged && this.#uplink.handleLag(now, this.#inUse())) this.#urgent = true;
	}

	/** A fetch ended; its slices were given before. */
	handleFetched(now: number, id: number, ok: boolean, duration_ms: number): void {
		if (ok) this.#times.add(duration_ms);
		for (const part of this.#window.parts) {
			let found = false;
			for (let i = 0; i < part.fetching.length; i++) {
				if (part.fetching[i] !== id) continue;
				part.fetching[i] = 0;
				found = true;
			}
			if (found && !part.complete) part.retry_ms = now + RETRY_MS;
		}
	}

	/** The stripe stream from the origin opened, or broke. */
	handleStream(now: number, open: boolean): void {
		for (const stripe of this.#stripes) {
			if (!stripe.from_origin) continue;
			const state = open ? 'flowing' : 'opening';
			if (stripe.source!.state !== state) stripe.source = { ...stripe.source!, state, since_ms: now };
		}
		this.#updateActive(now);
	}

	/** The picture on screen has this programme time; null: nothing plays. */
	handlePlayhead(now: number, time_ms: number | null): void {
		this.#offset_ms = time_ms === null ? null : now - time_ms;
		if (time_ms !== null) this.#playhead_ms = time_ms;
	}

	/** The player waits for a part. */
	handleWanted(now: number, place: Place): void {
		if (this.#needed_from === null || place < this.#needed_from) this.#needed_from = place;
		const part = this.#window.find(place);
		if (part && part.wanted_ms < 0) part.wanted_ms = now;
	}

	// ---- time

	handleTimeout(now: number): void {
		for (const stripe of this.#stripes) this.#checkLinks(now, stripe);
		for (const part of this.#window.parts) if (!part.complete) this.#checkPart(now, part);
		if (now >= this.#next_tick_ms) this.#tick(now);
		const urgent = this.#urgent && now - this.#reported_ms >= URGENT_MS;
		if (this.#sharable && (urgent || now - this.#reported_ms >= REPORT_MS)) this.#tell(now);
	}

	/** When `handleTimeout` is due. */
	pollTimeout(): number {
		let due = this.#next_tick_ms;
		for (const stripe of this.#stripes) {
			for (const link of [stripe.source, stripe.next]) if (link) due = Math.min(due, this.#linkDue(link));
			if (stripe.orphan_since_ms !== null && this.#sharable && this.#offset_ms !== null) due = Math.min(due, stripe.orphan_since_ms + SELF_ROOT_MS);
		}
		for (const part of this.#window.parts) if (!part.complete) due = Math.min(due, this.#partDue(part));
		if (this.#sharable) due = Math.min(due, this.#reported_ms + (this.#urgent ? URGENT_MS : REPORT_MS));
		return due;
	}

	pollOutput(): Output | null {
		const output = this.#outputs[this.#drained];
		if (output === undefined) {
			this.#outputs.length = this.#drained = 0;
			return null;
		}
		this.#drained++;
		return output;
	}

	stats(): CoreStats {
		const parents = new Set<PeerId>();
		let depth = 0;
		for (const stripe of this.#stripes) {
			if (stripe.source?.state !== 'flowing') continue;
			if (stripe.source.peer !== null) parents.add(stripe.source.peer);
			depth = Math.max(depth, stripe.path.length);
		}
		let peers = 0;
		for (const neighbour of this.#neighbours.values()) if (neighbour.state === 'open') peers++;
		return { active: this.#active, peers, parents: parents.size, children: this.#inUse(), slots: this.#uplink.slots, depth, ...this.#stats };
	}

	// ---- messages

	#handleHave(neighbour: Neighbour, message: Extract<Message, { type: 'have' }>): void {
		if (message.rendition !== this.#rendition) return;
		for (const { place, slices, bits } of message.parts) {
			const part = this.#window.find(place);
			if (part && part.have.length === slices) neighbour.have.set(place, bits.slice());
		}
	}

	#handleSubscribe(now: number, peer: PeerId, message: Extract<Message, { type: 'subscribe' }>): void {
		const stripe = this.#stripes[message.stripe];
		if (!stripe) return;
		const known = stripe.child(peer);
		const refusal = this.#refusal(stripe, peer, message.rendition, known !== null);
		if (refusal !== 0) {
			stripe.remove(peer);
			this.#refuse(peer, stripe.index, refusal, message.rendition);
			return;
		}
		if (known) {
			known.from = message.from;
			known.manifests = message.manifests;
		} else {
			stripe.children.push({ peer, from: message.from, manifests: message.manifests, since_ms: now });
		}
		this.#send(peer, { type: 'accept', rendition: this.#rendition, stripe: stripe.index, path: this.#ownPath(stripe) });
		for (const part of this.#window.parts) {
			if (part.place < message.from) continue;
			if (message.manifests) this.#sendManifest(peer, part);
			for (let i = stripe.index; i < part.have.length; i += this.config.stripes) if (part.have[i]) this.#push(peer, message.manifests, part, i);
		}
	}

	/** Why `peer` may not have `stripe` from here; 0: it may. */
	#refusal(stripe: Stripe, peer: PeerId, rendition: number, known: boolean): number {
		if (!this.#sharable || rendition !== this.#rendition) return Refusal.not_shared;
		if (!stripe.source) return Refusal.no_source;
		if (stripe.source.peer === peer || stripe.path.includes(shortId(peer))) return Refusal.loop;
		if (stripe.path.length + 1 >= MAX_PATH) return Refusal.deep;
		// A little beyond what was promised, for those who come because their parent has gone.
		const { slots } = this.#uplink;
		const spare = slots === 0 ? 0 : Math.max(1, Math.floor(slots / 4));
		if (!known && this.#inUse() >= slots + spare) return Refusal.full;
		return 0;
	}

	#handlePath(now: number, peer: PeerId, message: Extract<Message, { type: 'accept' | 'path' }>): void {
		const stripe = message.rendition === this.#rendition ? this.#stripes[message.stripe] : undefined;
		if (!stripe) return;
		const { source, next } = stripe;
		const link = next?.peer === peer ? next : source?.peer === peer ? source : null;
		if (!link || link.state === 'opening') {
			// Too late: it was given up, or comes from elsewhere now.
			if (message.type === 'accept') this.#send(peer, { type: 'unsubscribe', rendition: message.rendition, stripe: stripe.index });
			return;
		}
		if (message.path.includes(this.#short) || message.path.length >= MAX_PATH) {
			this.#send(peer, { type: 'unsubscribe', rendition: message.rendition, stripe: stripe.index });
			this.#fail(now, stripe, link, false);
			return;
		}
		if (message.type === 'accept' && link.state === 'asked') {
			link.state = 'flowing';
			link.since_ms = now;
			if (link === next) {
				this.#leave(source, stripe.index);
				stripe.source = next;
				stripe.next = null;
				stripe.self_root = false;
				this.#updateStream();
			}
			stripe.rescues_ms.length = 0;
		}
		if (stripe.source === link) this.#setPath(stripe, message.path);
		this.#updateActive(now);
	}

	#handleReject(now: number, peer: PeerId, message: Extract<Message, { type: 'reject' }>): void {
		const stripe = message.rendition === this.#rendition ? this.#stripes[message.stripe] : undefined;
		const link = stripe?.next?.peer === peer ? stripe.next : stripe?.source?.peer === peer ? stripe.source : null;
		if (!stripe || !link) return;
		this.#fail(now, stripe, link, true, true);
		const { alternatives } = message;
		if (stripe.source !== null || alternatives[0] === undefined || now - stripe.detour_ms < DETOUR_MS) return;
		stripe.detour_ms = now;
		this.#approach(now, stripe, alternatives[0]);
	}

	#handleRequest(neighbour: Neighbour, message: Extract<Message, { type: 'request' }>): void {
		const part = message.rendition === this.#rendition ? this.#window.find(message.place) : null;
		// Nobody who lends nothing is asked; a channel that waits gets no more.
		if (!part || part.have.length !== message.slices || this.#uplink.slots === 0 || neighbour.busy_since_ms !== null) return;
		for (let i = 0; i < part.have.length; i++) if (part.have[i] && bit(message.bits, i)) this.#push(neighbour.id, false, part, i);
	}

	// ---- sources

	/** Sets out to get `stripe` from `peer`, while what flows flows on. */
	#approach(now: number, stripe: Stripe, peer: PeerId): void {
		if (stripe.source?.peer === peer) {
			this.#leave(stripe.next, stripe.index);
			stripe.next = null;
			return;
		}
		if (stripe.next?.peer === peer) return;
		const neighbour = this.#neighbour(peer);
		if (!neighbour || neighbour.banned) return;
		if (neighbour.state === 'none' && now < neighbour.retry_ms) {
			this.#tellUnreachable(peer);
			return;
		}
		this.#leave(stripe.next, stripe.index);
		stripe.next = null;
		const link: Link = { peer, state: 'opening', since_ms: now, heard_ms: null, manifests: false };
		if (stripe.source?.state === 'flowing') {
			stripe.next = link;
		} else {
			this.#leave(stripe.source, stripe.index);
			stripe.source = link;
			stripe.orphan_since_ms = null;
			this.#setPath(stripe, []);
		}
		if (neighbour.state === 'open') this.#subscribe(now, stripe, link);
		else this.#connect(now, peer);
	}

	#subscribe(now: number, stripe: Stripe, link: Link): void {
		link.state = 'asked';
		link.since_ms = now;
		link.manifests = !this.#tracker_manifests && stripe.index < MANIFEST_STRIPES;
		const from = this.#firstMissing(stripe);
		this.#send(link.peer!, { type: 'subscribe', rendition: this.#rendition, stripe: stripe.index, from, manifests: link.manifests });
	}

	/**
	 * Where a subscription begins: the oldest part that lacks slices of the stripe which nobody fetches. What playback
	 * does not need (yet, or any more) is not worth anybody's uplink: before it takes parts from here, only what is new.
	 */
	#firstMissing(stripe: Stripe): Place {
		const { newest } = this.#window;
		for (const part of this.#window.parts) {
			if (!this.#needed(part) && part.place !== newest) continue;
			for (let i = stripe.index; i < part.have.length; i += this.config.stripes) {
				if (!part.have[i] && part.fetching[i] === 0) return part.place;
			}
		}
		return newest + 1;
	}

	/** The tracker sends no manifests any longer: parents do. */
	#askForManifests(now: number): void {
		if (this.#tracker_manifests) return;
		for (const stripe of this.#stripes.slice(0, MANIFEST_STRIPES)) {
			const link = stripe.source;
			if (link === null || link.peer === null || link.state !== 'flowing' || link.manifests) continue;
			const { since_ms } = link;
			this.#subscribe(now, stripe, link);
			link.state = 'flowing';
			link.since_ms = since_ms;
		}
	}

	#takeFromOrigin(now: number, stripe: Stripe): void {
		this.#leave(stripe.source, stripe.index);
		this.#leave(stripe.next, stripe.index);
		stripe.next = null;
		stripe.source = { peer: null, state: 'opening', since_ms: now, heard_ms: null, manifests: false };
		stripe.orphan_since_ms = null;
		this.#setPath(stripe, []);
	}

	/** Tells the peer of a link that nothing is wanted from it. */
	#leave(link: Link | null, stripe: number): void {
		if (!link || link.peer === null || link.state === 'opening') return;
		this.#send(link.peer, { type: 'unsubscribe', rendition: this.#rendition, stripe });
	}

	/** A link does not work (any longer). `tell`: the tracker should know. */
	#fail(now: number, stripe: Stripe, link: Link, tell: boolean, refused = false): void {
		if (tell && link.peer !== null) {
			this.#report.lost.push({ rendition: this.#rendition, stripe: stripe.index, peer: link.peer, refused });
			this.#urgent = true;
		}
		if (stripe.next === link) {
			stripe.next = null;
			return;
		}
		if (stripe.source !== link) return;
		const next = stripe.next;
		stripe.source = null;
		stripe.next = null;
		stripe.orphan_since_ms = now;
		this.#setPath(stripe, []);
		if (next) {
			stripe.source = next;
			stripe.orphan_since_ms = null;
			if (next.state === 'flowing') next.state = 'asked';
		} else if (stripe.standby !== null && stripe.standby !== link.peer) {
			this.#stats.failovers++;
			this.#approach(now, stripe, stripe.standby);
		}
		this.#updateActive(now);
	}

	#checkLinks(now: number, stripe: Stripe): void {
		for (const link of [stripe.next, stripe.source]) {
			if (!link || link.peer === null || now < this.#linkDue(link)) continue;
			if (link.state === 'asked') this.#leave(link, stripe.index);
			const neighbour = this.#neighbours.get(link.peer);
			if (neighbour) neighbour.suspect_until_ms = now + SUSPECT_MS;
			this.#fail(now, stripe, link, true);
		}
		const { orphan_since_ms } = stripe;
		if (orphan_since_ms === null || !this.#sharable || this.#offset_ms === null || now - orphan_since_ms < SELF_ROOT_MS) return;
		// Nobody brings it: one long response costs the origin less than many short ones.
		stripe.self_root = true;
		this.#takeFromOrigin(now, stripe);
		this.#updateStream();
	}

	#linkDue(link: Link): number {
		if (link.peer === null || link.state === 'flowing') return Infinity;
		return link.since_ms + (link.state === 'opening' ? OPEN_MS : ANSWER_MS);
	}

	// ---- parts

	/** When slices of `stripe` are late for a part. */
	#lateAt(part: Part, stripe: Stripe): number {
		const { source } = stripe;
		if (!source || source.peer === null || source.state !== 'flowing' || part.late & (1 << stripe.index)) return Infinity;
		const inter_arrival_ms = Math.max(part.facts.duration_ms, 100);
		return Math.max(part.seen_ms, source.since_ms) + stripe.lag_ms + Math.floor((inter_arrival_ms * 3) / 2);
	}

	/** When what is missing of a part has to be fetched. */
	#fetchAt(part: Part): number {
		let at = Infinity;
		if (this.#offset_ms !== null) {
			const need_ms = part.facts.time_ms + this.#offset_ms - SAFETY_MS;
			at = need_ms - this.#times.p95_ms - FETCH_MARGIN_MS - stagger(this.#short, part.place);
		}
		if (part.wanted_ms >= 0 && this.#offset_ms === null) at = Math.min(at, part.wanted_ms + WANTED_MS);
		return Math.max(at, part.retry_ms);
	}

	/** When the slices of a stripe that nobody brings are fetched. */
	#orphanAt(part: Part): number {
		return Math.max(part.seen_ms + ORPHAN_FETCH_MS + stagger(this.#short, part.place), part.retry_ms);
	}

	/** Whether playback will still ask for a part here. */
	#needed(part: Part): boolean {
		if (!this.#active || this.#needed_from === null || part.place < this.#needed_from) return false;
		const { time_ms, duration_ms } = part.facts;
		return part.wanted_ms >= 0 || this.#offset_ms === null || time_ms + duration_ms > this.#playhead_ms;
	}

	#partDue(part: Part): number {
		const { stripes } = this.config;
		const needed = this.#needed(part);
		let due = Infinity;
		for (const stripe of this.#stripes) {
			if (!part.lacks(stripe.index, stripes)) continue;
			due = Math.min(due, this.#lateAt(part, stripe));
			if (!needed || !part.unfetched(stripe.index, stripes)) continue;
			due = Math.min(due, this.#fetchAt(part));
			if (stripe.source === null) due = Math.min(due, this.#orphanAt(part));
		}
		return due;
	}

	#checkPart(now: number, part: Part): void {
		const { stripes } = this.config;
		for (const stripe of this.#stripes) {
			if (now < this.#lateAt(part, stripe) || !part.lacks(stripe.index, stripes)) continue;
			part.late |= 1 << stripe.index;
			this.#handleLate(now, part, stripe);
		}
		if (!this.#needed(part)) return;
		const all = now >= this.#fetchAt(part);
		const orphans = now >= this.#orphanAt(part);
		if (!all && !orphans) return;
		const wanted: number[] = [];
		for (let i = 0; i < part.have.length; i++) {
			if (part.have[i] || part.fetching[i] !== 0) continue;
			const stripe = this.#stripes[i % stripes]!;
			if (!all && stripe.source !== null) continue;
			wanted.push(i);
			if (all && i < stripes) this.#countRescue(now, stripe);
		}
		this.#fetch(part, wanted);
	}

	/** A stripe's slices of a part have not come in their time. */
	#handleLate(now: number, part: Part, stripe: Stripe): void {
		const source = stripe.source!;
		const silent = now >= (source.heard_ms === null ? source.since_ms + FIRST_SLICE_MS : source.heard_ms + SILENT_MS);
		const neighbour = this.#neighbours.get(source.peer!);
		const standby = stripe.standby !== null && stripe.standby !== source.peer ? this.#neighbours.get(stripe.standby) : undefined;
		if (silent && standby?.state === 'open' && !standby.banned && now >= standby.suspect_until_ms) {
			if (neighbour) neighbour.suspect_until_ms = now + SUSPECT_MS;
			this.#leave(source, stripe.index);
			this.#fail(now, stripe, source, true);
			return;
		}
		this.#request(now, part, stripe, source.peer!);
	}

	/** Asks whoever said that it has them for the missing slices of a stripe. */
	#request(now: number, part: Part, stripe: Stripe, but: PeerId): void {
		const { stripes } = this.config;
		for (const neighbour of this.#neighbours.values()) {
			const bits = neighbour.have.get(part.place);
			if (!bits || neighbour.id === but || neighbour.state !== 'open' || neighbour.broken_promises >= MAX_BROKEN_PROMISES) continue;
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
			this.#send(neighbour.id, { type: 'request', rendition: this.#rendition, place: part.place, slices: part.have.length, bits: wanted });
			return;
		}
	}

	#countRescue(now: number, stripe: Stripe): void {
		const { source, rescues_ms } = stripe;
		if (!source || source.peer === null || source.state !== 'flowing') return;
		this.#stats.rescued++;
		rescues_ms.push(now);
		while (rescues_ms[0] !== undefined && now - rescues_ms[0] > RESCUES_MS) rescues_ms.shift();
		if (rescues_ms.length < MAX_RESCUES) return;
		rescues_ms.length = 0;
		this.#leave(source, stripe.index);
		this.#fail(now, stripe, source, true);
	}

	#fetch(part: Part, wanted: number[]): void {
		const runs: { first: number; last: number }[] = [];
		for (const index of wanted) {
			const run = runs.at(-1);
			if (run && run.last === index - 1) run.last = index;
			else runs.push({ first: index, last: index });
		}
		if (runs.length > MAX_RUNS) runs.splice(0, runs.length, { first: runs[0]!.first, last: runs.at(-1)!.last });
		for (const { first, last } of runs) {
			const id = ++this.#fetches;
			for (let i = first; i <= last; i++) if (!part.have[i]) part.fetching[i] = id;
			this.#emit({ type: 'fetch', id, rendition: this.#rendition, place: part.place, first, last });
		}
	}

	// ---- children

	#push(peer: PeerId, manifests: boolean, part: Part, index: number): void {
		const neighbour = this.#neighbours.get(peer);
		if (!neighbour || neighbour.state !== 'open') return;
		if (bit(neighbour.have.get(part.place) ?? NONE, index) || bit(neighbour.sent.get(part.place) ?? NONE, index)) return;
		if (manifests) this.#sendManifest(peer, part);
		this.#remember(neighbour.sent, part, index);
		const bytes = part.bytes(index);
		this.#stats.upload_bytes += bytes;
		this.#report.upload_bytes += bytes;
		this.#emit({ type: 'push', peer, rendition: this.#rendition, place: part.place, index });
	}

	#sendManifest(peer: PeerId, part: Part): void {
		const neighbour = this.#neighbours.get(peer);
		if (!neighbour || neighbour.state !== 'open' || neighbour.manifests.has(part.place)) return;
		neighbour.manifests.add(part.place);
		this.#emit({ type: 'manifest', peer, rendition: this.#rendition, place: part.place });
	}

	#manifestTakers(): PeerId[] {
		const takers: PeerId[] = [];
		for (const stripe of this.#stripes) {
			for (const child of stripe.children) if (child.manifests && !takers.includes(child.peer)) takers.push(child.peer);
		}
		return takers;
	}

	#remember(map: Map<Place, Uint8Array> | undefined, part: Part, index: number): void {
		if (!map) return;
		let bits = map.get(part.place);
		if (!bits || bits.length !== (part.have.length + 7) >> 3) {
			bits = new Uint8Array((part.have.length + 7) >> 3);
			map.set(part.place, bits);
		}
		bits[index >> 3]! |= 1 << (index & 7);
	}

	#refuse(peer: PeerId, stripe: number, reason: number, rendition = this.#rendition): void {
		const alternatives = reason === Refusal.not_shared ? [] : (this.#stripes[stripe]?.children ?? []).filter((child) => child.peer !== peer).slice(0, 2);
		this.#send(peer, { type: 'reject', rendition, stripe, reason, alternatives: alternatives.map((child) => child.peer) });
	}

	#inUse(): number {
		let count = 0;
		for (const stripe of this.#stripes) count += stripe.children.length;
		return count;
	}

	#ownPath(stripe: Stripe): number[] {
		return [...stripe.path, this.#short];
	}

	#setPath(stripe: Stripe, path: number[]): void {
		if (path.length === stripe.path.length && path.every((id, i) => id === stripe.path[i])) return;
		stripe.path = path.slice();
		for (const child of stripe.children) {
			this.#send(child.peer, { type: 'path', rendition: this.#rendition, stripe: stripe.index, path: this.#ownPath(stripe) });
		}
	}

	// ---- peers

	#neighbour(peer: PeerId): Neighbour | null {
		let neighbour = this.#neighbours.get(peer);
		if (neighbour) return neighbour;
		if (peer === this.config.peer) return null;
		if (this.#neighbours.size >= MAX_NEIGHBOURS) {
			for (const [id, known] of this.#neighbours) {
				if (known.state !== 'none' || known.banned) continue;
				this.#neighbours.delete(id);
				break;
			}
			if (this.#neighbours.size >= MAX_NEIGHBOURS) return null;
		}
		neighbour = new Neighbour(peer);
		this.#neighbours.set(peer, neighbour);
		return neighbour;
	}

	#connect(now: number, peer: PeerId): void {
		const neighbour = this.#neighbour(peer);
		if (!neighbour || neighbour.banned || neighbour.state !== 'none' || now < neighbour.retry_ms) return;
		neighbour.reset('connecting');
		neighbour.idle_since_ms = now;
		this.#emit({ type: 'connect', peer });
	}

	/** A peer is not there any more. */
	#lose(now: number, peer: PeerId): void {
		this.#neighbours.get(peer)?.reset('none');
		for (const stripe of this.#stripes) {
			stripe.remove(peer);
			if (stripe.standby === peer) stripe.standby = null;
			for (const link of [stripe.next, stripe.source]) if (link?.peer === peer) this.#fail(now, stripe, link, true);
		}
	}

	#tellUnreachable(peer: PeerId): void {
		if (!this.#report.unreachable.includes(peer)) this.#report.unreachable.push(peer);
		this.#urgent = true;
	}

	#ban(now: number, peer: PeerId): void {
		const neighbour = this.#neighbours.get(peer);
		if (!neighbour || neighbour.banned) return;
		neighbour.banned = true;
		this.#stats.banned++;
		this.#emit({ type: 'ban', peer });
		this.#report.accused.push(peer);
		this.#urgent = true;
		this.#lose(now, peer);
	}

	#send(peer: PeerId, message: Message): void {
		if (this.#neighbours.get(peer)?.state === 'open') this.#emit({ type: 'send', peer, message });
	}

	// ---- the rest

	#tick(now: number): void {
		this.#next_tick_ms = now + TICK_MS;
		let oldest_ms: number | null = null;
		for (const neighbour of this.#neighbours.values()) {
			const { busy_since_ms } = neighbour;
			if (busy_since_ms !== null && (oldest_ms === null || busy_since_ms < oldest_ms)) oldest_ms = busy_since_ms;
			if (busy_since_ms !== null && now - busy_since_ms > SHED_MS) this.#shed(neighbour);
		}
		if (this.#uplink.handleTick(now, this.#inUse(), oldest_ms)) this.#urgent = true;
		this.#checkPromises(now);
		this.#sendHave(now);
		this.#disconnectIdle(now);
		this.#updateActive(now);
	}

	/** A channel that is stuck loses the newest of its subscriptions. */
	#shed(neighbour: Neighbour): void {
		let newest: Stripe | null = null;
		for (const stripe of this.#stripes) {
			const child = stripe.child(neighbour.id);
			if (child && (newest === null || child.since_ms >= newest.child(neighbour.id)!.since_ms)) newest = stripe;
		}
		if (!newest) return;
		newest.remove(neighbour.id);
		this.#refuse(neighbour.id, newest.index, Refusal.overloaded);
	}

	#checkPromises(now: number): void {
		for (const part of this.#window.parts) {
			for (let i = part.asked.length - 1; i >= 0; i--) {
				const { peer, at_ms } = part.asked[i]!;
				if (at_ms < 0 || now - at_ms <= PROMISE_MS) continue;
				part.asked[i]!.at_ms = -1;
				const neighbour = this.#neighbours.get(peer);
				if (neighbour && !part.complete) neighbour.broken_promises++;
			}
		}
	}

	#sendHave(now: number): void {
		const parts = this.#window.parts.filter((part) => part.seen_ms >= now - HAVE_MS && part.have.length > 0 && part.have.length < 256);
		if (parts.length === 0) return;
		for (const neighbour of this.#neighbours.values()) {
			if (!neighbour.greeted || this.#uplink.slots === 0) continue;
			this.#send(neighbour.id, {
				type: 'have',
				rendition: this.#rendition,
				parts: parts.map((part) => ({ place: part.place, slices: part.have.length, bits: part.bits(false) }))
			});
		}
	}

	#disconnectIdle(now: number): void {
		for (const neighbour of this.#neighbours.values()) {
			if (neighbour.state === 'none') continue;
			const { id } = neighbour;
			const used = this.#stripes.some((stripe) => stripe.uses(id) || stripe.standby === id || stripe.parent === id || stripe.child(id) !== null);
			if (used) neighbour.idle_since_ms = now;
			else if (now - neighbour.idle_since_ms > IDLE_MS) {
				this.#emit({ type: 'disconnect', peer: id });
				neighbour.reset('none');
			}
		}
	}

	#updateStream(): void {
		const stripes = this.#stripes.filter((stripe) => stripe.from_origin);
		const indices = stripes.map((stripe) => stripe.index);
		const key = indices.length === 0 ? '' : `${this.#rendition}:${indices.join(',')}`;
		if (key === this.#streamed) return;
		this.#streamed = key;
		let from = this.#window.newest + 1;
		for (const stripe of stripes) from = Math.min(from, this.#firstMissing(stripe));
		this.#emit({ type: 'stream', rendition: this.#rendition, stripes: indices, from });
	}

	#updateActive(now: number): void {
		let flowing = 0;
		for (const stripe of this.#stripes) if (stripe.source?.state === 'flowing') flowing++;
		if (flowing > 0) this.#flowing_ms = now;
		const enough = flowing * 4 >= this.config.stripes * 3;
		const active = this.#sharable && (this.#active ? flowing > 0 || now - this.#flowing_ms < DRY_MS : enough);
		if (active === this.#active) return;
		this.#active = active;
		this.#needed_from = null;
		this.#emit({ type: 'active', active });
	}

	#freshReport(): Report {
		return {
			rendition: this.#rendition,
			slots: this.#uplink.slots,
			upload: this.config.upload,
			unreachable: [],
			lost: [],
			accused: [],
			http_bytes: 0,
			p2p_bytes: 0,
			upload_bytes: 0
		};
	}

	#tell(now: number): void {
		this.#reported_ms = now;
		this.#urgent = false;
		const report = this.#report;
		report.rendition = this.#rendition;
		report.slots = this.#uplink.slots;
		this.#report = this.#freshReport();
		this.#emit({ type: 'report', report });
	}

	#emit(output: Output): void {
		this.#outputs.push(output);
	}
}

const NONE = new Uint8Array(0);
