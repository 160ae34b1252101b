/**
 * The scheduler of a recording's swarm (docs/swarm-protocol.md, "Videos that do not change any more"), without I/O:
 * inputs by `handle…`, outputs by `pollOutput`, the next moment to be asked at by `pollTimeout`. Peers tell what they
 * hold and are asked for what is missing; whatever they would not bring in time comes by HTTP.
 */

import { HttpTimes } from '../core/http';
import { Refusal, shortId, type Message } from '../core/types';
import { MAX_HAVE_PARTS } from '../wire';
import { MAX_HELD, Neighbour } from './neighbour';
import { bitmap, bitsOf, keyOf, Segment } from './segment';
import { Serving } from './serving';
import type { PeerId, Place, SegmentFacts, SliceOrigin, Span, VodConfig, VodOutput, VodStats } from './types';

/** What lies further ahead of the playhead is of no interest yet. */
const WINDOW_MS = 60_000;
/** ...nor what would fill this much: two thirds of the cache. */
const WINDOW_BYTES = 32_000_000;
/** Bytes kept for others and oneself. */
export const CACHE_BYTES = 48_000_000;
/** Segments known: what the window, a cache of small ones and a good deal of both hold. */
const MAX_SEGMENTS = 1_024;
/** What is needed within this is taken in order of time, later things rarest first. */
const SOON_MS = 15_000;
/** What nobody has comes by HTTP this long before it is needed: the peer whose hash is the smallest, the next, all others. */
const EARLY_MS = [40_000, 20_000] as const;
const OTHERS_MS = 6_000;
/** What was not asked of anybody, or not delivered, comes by HTTP this long before it is needed. */
const RESCUE_MS = 5_000;
/** Even what is on its way is taken by HTTP, when there is just time for it: the 95th percentile of fetches, and this. */
const HTTP_MARGIN_MS = 1_500;
/** Fetches of what is needed now, and of other things: the former must not wait for the latter. */
const MAX_FETCHES = 3;
const MAX_EARLY_FETCHES = 1;
/** Slices that are here already are fetched again rather than asking twice. */
const MAX_HOLE = 2;
/** After a fetch that failed, doubled each time. */
const FETCH_AGAIN_MS = 1_000;
const MAX_FETCH_AGAIN_MS = 16_000;
/** Manifests asked for at once: a minute of segments of two seconds, and a reserve. */
const MANIFESTS = 48;
const MANIFESTS_AGAIN_MS = 5_000;
/** A neighbour that holds something this near to a segment may want that one too. */
const NEAR_MS = 60_000;
/** Connections that are sought. */
export const MAX_SOUGHT = 12;
/** Neighbours that are remembered: those sought and those that came by themselves. */
const MAX_NEIGHBOURS = 24;
/** Whoever does not introduce itself by then is no peer of ours. */
const GREETING_MS = 10_000;
/** A peer that could not be connected to is not tried again for this long. */
const RETRY_MS = 60_000;
const MAX_REMEMBERED = 256;
const MAX_UNASKED = 64;
/** "That is not here" at most this often per second to one peer. */
const MAX_DENIALS = 32;
const REPORT_MS = 10_000;
const TICK_MS = 250;
/** What is heard within this is considered together. */
const SOONER_MS = 40;
const SECOND_MS = 1_000;

interface Fetch {
	segment: Segment;
	early: boolean;
}

export class VodCore {
	readonly #neighbours = new Map<PeerId, Neighbour>();
	readonly #serving: Serving;
	readonly #segments = new Map<number, Segment>();
	/** asked for, and the origin does not share them */
	readonly #unshared = new Set<number>();
	readonly #fetches = new Map<number, Fetch>();
	/** segments that the player waits for: until when it can */
	readonly #wanted = new Map<number, number>();
	/** segments that the player fetches by itself */
	readonly #own = new Set<number>();
	/** not to be tried before */
	readonly #avoid = new Map<PeerId, number>();
	readonly #banned = new Set<PeerId>();
	readonly #times = new HttpTimes();
	readonly #outputs: VodOutput[] = [];
	readonly #short: number;
	#assigned: PeerId[] = [];
	#rendition = -1;
	#first = 0;
	#spans: readonly Span[] = [];
	#position_ms: number | null = null;
	#buffered_ms = 0;
	#fetch_id = 0;
	#fetch_again_ms = -Infinity;
	#fetch_failures = 0;
	/** some are asked for */
	#manifests = false;
	#manifests_again_ms = -Infinity;
	#active = false;
	#cached_bytes = 0;
	#tick_ms = 0;
	#second_ms = 0;
	#report_ms = 0;
	#unreachable: PeerId[] = [];
	#accused: PeerId[] = [];
	#stats = { http_bytes: 0, p2p_bytes: 0, upload_bytes: 0, duplicate_bytes: 0, rescued: 0, failovers: 0 };
	/** of the player's own fetches: the tracker is told, as they came by HTTP as well */
	#own_bytes = 0;
	#reported = { http_bytes: 0, p2p_bytes: 0, upload_bytes: 0 };

	constructor(private readonly config: VodConfig) {
		this.#short = shortId(config.peer);
		this.#serving = new Serving(config.upload, config.ceiling_tenths);
	}

	// ---- the player's side

	/** The rendition that plays, and its segments from media sequence number `first` on; `rate`: bytes per millisecond. */
	handleRendition(now: number, rendition: number, first: number, spans: readonly Span[], rate: number): void {
		if (rendition !== this.#rendition) this.#manifests_again_ms = -Infinity;
		this.#rendition = rendition;
		this.#first = first;
		this.#spans = spans;
		if (rate > 0) this.#serving.rate = rate;
		this.#plan(now);
	}

	/** Nothing that plays is shared. */
	handleNoRendition(now: number): void {
		this.#rendition = -1;
		this.#spans = [];
		this.#plan(now);
	}

	/** What is on screen, in milliseconds since the video's beginning, and up to where the player has everything. */
	handlePlayhead(now: number, position_ms: number | null, buffered_ms: number): void {
		const before_ms = this.#position_ms;
		this.#position_ms = position_ms;
		this.#buffered_ms = buffered_ms;
		const jumped = position_ms === null || before_ms === null || Math.abs(position_ms - before_ms) > 2 * SECOND_MS;
		if (jumped) this.#plan(now);
	}

	/** The player asks for segment `index` of the rendition that plays, and can wait until `deadline_ms`. */
	handleWanted(now: number, index: number, deadline_ms: number): void {
		const key = keyOf(this.#rendition, index);
		this.#wanted.set(key, deadline_ms);
		this.#plan(now);
	}

	handleUnwanted(index: number): void {
		this.#wanted.delete(keyOf(this.#rendition, index));
	}

	/** The player fetches that segment by itself: nobody else is to bring it. */
	handleOwn(now: number, rendition: number, index: number): void {
		const key = keyOf(rendition, index);
		this.#own.add(key);
		const segment = this.#segments.get(key);
		if (segment && !segment.complete) this.#withdraw(segment);
		this.#plan(now);
	}

	/** That fetch has ended; its slices came before. */
	handleOwnEnd(now: number, rendition: number, index: number): void {
		this.#own.delete(keyOf(rendition, index));
		this.#plan(now);
	}

	// ---- manifests, slices, fetches

	handleManifest(facts: SegmentFacts): void {
		const segment = new Segment(facts);
		if (this.#segments.has(segment.key)) return;
		if (this.#segments.size >= MAX_SEGMENTS) this.#dropFarthest(() => this.#segments.size >= MAX_SEGMENTS);
		this.#segments.set(segment.key, segment);
		// An empty one is nothing to share.
		if (facts.slices === 0) this.#dropSegment(segment, true);
	}

	/**
	 * All that the origin had to say to a `manifests` has come: of the segments that were asked for, those `absent` are not shared. Null:
	 * it did not answer.
	 */
	handleManifests(now: number, rendition: number, absent: readonly number[] | null): void {
		this.#manifests = false;
		if (!absent) this.#manifests_again_ms = now + MANIFESTS_AGAIN_MS;
		for (const index of absent ?? []) this.#unshared.add(keyOf(rendition, index));
		this.#plan(now);
	}

	/** Whether `from` was asked for that slice: if not, it is not worth looking at. */
	expects(from: PeerId, rendition: number, place: Place, index: number): boolean {
		return this.#neighbours.get(from)?.expects(keyOf(rendition, place >>> 10), index) ?? false;
	}

	/** A slice came; `valid`: its hash was right. */
	handleSlice(now: number, from: SliceOrigin, rendition: number, place: Place, index: number, valid: boolean): void {
		const segment = this.#segments.get(keyOf(rendition, place >>> 10));
		const neighbour = from === 'http' || from === 'player' ? null : this.#neighbours.get(from);
		if (!valid) {
			if (neighbour) this.#ban(now, neighbour);
			else if (segment && from === 'http') this.#dropSegment(segment, true);
			return;
		}
		if (neighbour && segment) neighbour.delivered(now, segment.key, index);
		if (!segment) return;
		const bytes = segment.sizeOf(index);
		const others = segment.asked(index);
		if (!segment.put(index)) {
			if (from !== 'player') this.#stats.duplicate_bytes += bytes;
		} else {
			this.#cached_bytes += bytes;
			if (from === 'http') this.#stats.http_bytes += bytes;
			else if (from === 'player') this.#own_bytes += bytes;
			else this.#stats.p2p_bytes += bytes;
			if (typeof others === 'string' && others !== from) this.#cancel(others, segment, [index]);
			if (segment.complete) this.#handleComplete(segment);
		}
		if (neighbour && neighbour.room(now) >= neighbour.pending) this.#planSoon(now);
	}

	/** A slice that nobody asked for. */
	handleUnasked(now: number, from: PeerId, bytes: number): void {
		const neighbour = this.#neighbours.get(from);
		if (!neighbour) return;
		this.#stats.duplicate_bytes += bytes;
		if (++neighbour.unasked > MAX_UNASKED) this.#ban(now, neighbour);
	}

	handleFetched(now: number, id: number, ok: boolean, duration_ms: number): void {
		const fetch = this.#fetches.get(id);
		if (!fetch) return;
		this.#fetches.delete(id);
		const { segment } = fetch;
		segment.release(id);
		if (ok) {
			this.#times.add(duration_ms);
			this.#fetch_failures = 0;
		} else {
			this.#fetch_again_ms = now + Math.min(MAX_FETCH_AGAIN_MS, FETCH_AGAIN_MS * 2 ** this.#fetch_failures);
			this.#fetch_failures = Math.min(16, this.#fetch_failures + 1);
			this.#fail(segment);
		}
		this.#plan(now);
	}

	// ---- peers

	/** The tracker names others; `peers` are those to connect to. */
	handleAssign(now: number, neighbours: readonly PeerId[]): void {
		this.#assigned = neighbours.slice(0, MAX_SOUGHT).filter((peer) => peer !== this.config.peer);
		this.#connect(now);
	}

	handlePeerOpen(now: number, peer: PeerId): void {
		if (this.#banned.has(peer)) return void this.#outputs.push({ type: 'ban', peer });
		let neighbour = this.#neighbours.get(peer);
		if (neighbour?.state === 'open') this.handlePeerClose(now, peer);
		if (!neighbour || neighbour.state === 'open') {
			if (this.#neighbours.size >= MAX_NEIGHBOURS) return void this.#outputs.push({ type: 'disconnect', peer });
			this.#neighbours.set(peer, (neighbour = new Neighbour(peer, now)));
		}
		neighbour.state = 'open';
		neighbour.since_ms = now;
		this.#outputs.push({ type: 'send', peer, message: { type: 'hello', slots: 0, newest: 0 } });
		if (this.config.upload) this.#tellAll(peer);
	}

	/** The pair is no more, or could not be connected. */
	handlePeerClose(now: number, peer: PeerId): void {
		const neighbour = this.#neighbours.get(peer);
		if (!neighbour) return;
		if (neighbour.state === 'connecting') {
			this.#avoidFor(peer, now + RETRY_MS);
			if (this.#unreachable.length < MAX_SOUGHT) this.#unreachable.push(peer);
		}
		this.#forget(neighbour);
		this.#updateActive();
		this.#plan(now);
	}

	handleMessage(now: number, peer: PeerId, message: Message): void {
		const neighbour = this.#neighbours.get(peer);
		if (!neighbour || neighbour.state !== 'open') return;
		if (message.type === 'hello') {
			neighbour.greeted = true;
			this.#updateActive();
			return this.#plan(now);
		}
		if (!neighbour.greeted) return;
		switch (message.type) {
			case 'have':
				for (const part of message.parts) this.#handleHave(neighbour, message.rendition, part);
				this.#planSoon(now);
				break;
			case 'request':
				this.#handleRequest(now, neighbour, message);
				break;
			case 'cancel':
				this.#serving.cancel(peer, keyOf(message.rendition, message.place >>> 10), new Set(bitsOf(message.slices, message.bits)));
				break;
			case 'subscribe': {
				const { rendition, stripe } = message;
				this.#outputs.push({ type: 'send', peer, message: { type: 'reject', rendition, stripe, reason: Refusal.no_source, alternatives: [] } });
				break;
			}
			case 'ping':
				this.#outputs.push({ type: 'send', peer, message: { type: 'pong', nonce: message.nonce } });
				break;
			case 'bye':
				this.#outputs.push({ type: 'disconnect', peer });
				this.handlePeerClose(now, peer);
				break;
		}
	}

	/** `bytes` wait in the channel to `peer`. */
	handleBuffered(now: number, peer: PeerId, bytes: number): void {
		this.#serving.handleBuffered(now, peer, bytes);
		this.#serve(now);
	}

	// ---- time

	handleTimeout(now: number): void {
		this.#serving.handleTick(now);
		this.#serve(now);
		if (now - this.#second_ms >= SECOND_MS) this.#handleSecond(now);
		if (now - this.#tick_ms >= TICK_MS) this.#plan(now);
	}

	pollTimeout(now: number): number {
		return Math.min(Math.max(this.#tick_ms + TICK_MS, now), this.#serving.timeout(now));
	}

	pollOutput(): VodOutput | null {
		return this.#outputs.shift() ?? null;
	}

	stats(): VodStats {
		let peers = 0;
		let givers = 0;
		for (const neighbour of this.#neighbours.values()) {
			if (neighbour.ready) peers++;
			if (neighbour.pending > 0) givers++;
		}
		return {
			...this.#stats,
			active: this.#active,
			peers,
			givers,
			takers: this.#serving.takers,
			slots: this.#serving.slots,
			banned: this.#banned.size,
			cached_bytes: this.#cached_bytes
		};
	}

	#handleSecond(now: number): void {
		this.#second_ms = now;
		for (const neighbour of [...this.#neighbours.values()]) {
			neighbour.denied = 0;
			if (neighbour.state === 'open' && !neighbour.greeted && now - neighbour.since_ms > GREETING_MS) {
				this.#outputs.push({ type: 'disconnect', peer: neighbour.id });
				this.handlePeerClose(now, neighbour.id);
			}
		}
		for (const [peer, until_ms] of this.#avoid) if (until_ms <= now) this.#avoid.delete(peer);
		this.#connect(now);
		if (now - this.#report_ms >= REPORT_MS) this.#report(now);
	}

	#report(now: number): void {
		this.#report_ms = now;
		const total = {
			http_bytes: this.#stats.http_bytes + this.#own_bytes,
			p2p_bytes: this.#stats.p2p_bytes,
			upload_bytes: this.#stats.upload_bytes
		};
		const { http_bytes, p2p_bytes, upload_bytes } = this.#reported;
		this.#reported = total;
		this.#outputs.push({
			type: 'report',
			report: {
				rendition: Math.max(0, this.#rendition),
				slots: 0,
				upload: this.config.upload,
				unreachable: this.#unreachable.splice(0),
				lost: [],
				accused: this.#accused.splice(0),
				http_bytes: total.http_bytes - http_bytes,
				p2p_bytes: total.p2p_bytes - p2p_bytes,
				upload_bytes: total.upload_bytes - upload_bytes,
				neighbours: this.stats().peers
			}
		});
	}

	// ---- neighbours

	#connect(now: number): void {
		for (const peer of this.#assigned) {
			if (this.#neighbours.size >= MAX_SOUGHT) return;
			if (this.#neighbours.has(peer) || this.#banned.has(peer) || (this.#avoid.get(peer) ?? 0) > now) continue;
			this.#neighbours.set(peer, new Neighbour(peer, now));
			this.#outputs.push({ type: 'connect', peer });
		}
	}

	#avoidFor(peer: PeerId, until_ms: number): void {
		this.#avoid.set(peer, until_ms);
		if (this.#avoid.size <= MAX_REMEMBERED) return;
		for (const oldest of this.#avoid.keys()) {
			this.#avoid.delete(oldest);
			break;
		}
	}

	#forget(neighbour: Neighbour): void {
		this.#neighbours.delete(neighbour.id);
		this.#serving.close(neighbour.id);
		for (const segment of this.#segments.values()) segment.release(neighbour.id);
	}

	#ban(now: number, neighbour: Neighbour): void {
		this.#outputs.push({ type: 'ban', peer: neighbour.id });
		this.#banned.add(neighbour.id);
		if (this.#accused.length < MAX_NEIGHBOURS) this.#accused.push(neighbour.id);
		this.#forget(neighbour);
		this.#updateActive();
		this.#plan(now);
	}

	#updateActive(): void {
		let active = false;
		for (const neighbour of this.#neighbours.values()) active ||= neighbour.ready;
		if (active === this.#active) return;
		this.#active = active;
		this.#outputs.push({ type: 'active', active });
	}

	#handleHave(neighbour: Neighbour, rendition: number, { place, slices, bits }: { place: Place; slices: number; bits: Uint8Array }): void {
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
			const segment = this.#segments.get(key);
			if (!segment) return;
			// It will not answer what it was asked for of that.
			for (const slice of segment.missing((asked) => asked === neighbour.id)) {
				neighbour.cancelled(key, slice);
				segment.ask(slice, null);
			}
		}
	}

	#handleRequest(now: number, neighbour: Neighbour, { rendition, place, slices, bits }: Extract<Message, { type: 'request' }>): void {
		const key = keyOf(rendition, place >>> 10);
		const segment = this.#segments.get(key);
		if (!this.config.upload || !segment?.complete || segment.facts.place !== place || segment.facts.slices !== slices) {
			if (neighbour.denied++ >= MAX_DENIALS) return;
			const nothing = { place, slices, bits: bitmap(slices, []) };
			this.#outputs.push({ type: 'send', peer: neighbour.id, message: { type: 'have', rendition, parts: [nothing] } });
			return;
		}
		for (const index of bitsOf(slices, bits)) if (!this.#serving.add(neighbour.id, key, index)) break;
		this.#serve(now);
	}

	#serve(now: number): void {
		const size = ({ key, index }: { key: number; index: number }): number => this.#segments.get(key)?.sizeOf(index) ?? 0;
		for (let due = this.#serving.next(now, size); due; due = this.#serving.next(now, size)) {
			const segment = this.#segments.get(due.key);
			if (!segment) continue;
			this.#stats.upload_bytes += segment.sizeOf(due.index);
			const { rendition, place } = segment.facts;
			this.#outputs.push({ type: 'push', peer: due.peer, rendition, place, index: due.index });
		}
	}

	/** All that is held, to a peer that has just come. */
	#tellAll(peer: PeerId): void {
		const by_rendition = new Map<number, Segment[]>();
		for (const segment of this.#segments.values()) {
			if (!segment.complete) continue;
			const those = by_rendition.get(segment.facts.rendition);
			if (those) those.push(segment);
			else by_rendition.set(segment.facts.rendition, [segment]);
		}
		for (const [rendition, segments] of by_rendition) {
			for (let at = 0; at < segments.length; at += MAX_HAVE_PARTS) {
				const parts = segments.slice(at, at + MAX_HAVE_PARTS).map((segment) => have(segment, true));
				this.#outputs.push({ type: 'send', peer, message: { type: 'have', rendition, parts } });
			}
		}
	}

	#tell(segment: Segment, held: boolean): void {
		if (!this.config.upload) return;
		for (const neighbour of this.#neighbours.values()) {
			if (neighbour.state !== 'open') continue;
			const message = { type: 'have' as const, rendition: segment.facts.rendition, parts: [have(segment, held)] };
			this.#outputs.push({ type: 'send', peer: neighbour.id, message });
		}
	}

	// ---- what is here

	#handleComplete(segment: Segment): void {
		const { rendition, place } = segment.facts;
		this.#wanted.delete(segment.key);
		this.#outputs.push({ type: 'complete', rendition, place });
		this.#tell(segment, true);
		if (this.#cached_bytes > CACHE_BYTES) this.#dropFarthest(() => this.#cached_bytes > CACHE_BYTES);
	}

	/** Drops what is farthest from the playhead as long as `more` says so: other renditions, then behind, then ahead. */
	#dropFarthest(more: () => boolean): void {
		const position_ms = this.#position_ms ?? 0;
		const distance = (segment: Segment): number => {
			const span = this.#spanOf(segment);
			if (!span) return Infinity;
			const behind_ms = position_ms - span.start_ms - span.duration_ms;
			// What is behind comes before all that is ahead.
			return behind_ms >= 0 ? 1e12 + behind_ms : span.start_ms - position_ms;
		};
		const sorted = [...this.#segments.values()].map((segment) => ({ segment, distance: distance(segment) }));
		sorted.sort((a, b) => b.distance - a.distance);
		for (const { segment } of sorted) {
			if (!more()) return;
			this.#dropSegment(segment, false);
		}
	}

	#dropSegment(segment: Segment, for_good: boolean): void {
		const { key, complete } = segment;
		const { rendition, place } = segment.facts;
		if (!complete) {
			this.#withdraw(segment);
			this.#fail(segment);
		}
		this.#segments.delete(key);
		this.#cached_bytes -= segment.bytes;
		if (for_good) this.#unshared.add(key);
		this.#serving.forget(key);
		this.#outputs.push({ type: 'drop', rendition, place });
		if (complete) this.#tell(segment, false);
	}

	#fail(segment: Segment): void {
		if (!this.#wanted.delete(segment.key)) return;
		const { rendition, place } = segment.facts;
		this.#outputs.push({ type: 'failed', rendition, place });
	}

	/** Takes back all requests and fetches for `segment`. */
	#withdraw(segment: Segment): void {
		for (const [id, fetch] of this.#fetches) if (fetch.segment === segment) this.#abort(id, fetch);
		this.#cancelAll(segment);
	}

	#abort(id: number, { segment }: Fetch): void {
		this.#fetches.delete(id);
		segment.release(id);
		this.#outputs.push({ type: 'abort', id });
	}

	#cancelAll(segment: Segment): void {
		const by_peer = new Map<PeerId, number[]>();
		for (const index of segment.missing((asked) => typeof asked === 'string')) {
			const peer = segment.asked(index) as PeerId;
			const those = by_peer.get(peer);
			if (those) those.push(index);
			else by_peer.set(peer, [index]);
		}
		for (const [peer, indices] of by_peer) this.#cancel(peer, segment, indices);
	}

	#cancel(peer: PeerId, segment: Segment, indices: readonly number[]): void {
		const { rendition, place, slices } = segment.facts;
		for (const index of indices) {
			this.#neighbours.get(peer)?.cancelled(segment.key, index);
			if (segment.asked(index) === peer) segment.ask(index, null);
		}
		this.#outputs.push({ type: 'send', peer, message: { type: 'cancel', rendition, place, slices, bits: bitmap(slices, indices) } });
	}

	// ---- what to take from where

	#spanOf(segment: Segment): Span | null {
		return segment.facts.rendition === this.#rendition ? (this.#spans[segment.index - this.#first] ?? null) : null;
	}

	/** What is of interest now: index of what is on screen, of the first that the player lacks, and one after the last. */
	#window(): { shown: number; from: number; to: number } {
		const position_ms = this.#position_ms;
		if (position_ms === null || this.#spans.length === 0) return { shown: 0, from: 0, to: 0 };
		const shown = this.#after((span) => span.start_ms + span.duration_ms <= position_ms);
		const start_ms = Math.max(position_ms, this.#buffered_ms);
		const from = this.#after((span) => span.start_ms + span.duration_ms / 2 <= start_ms);
		let to = from;
		for (let bytes = 0; to < this.#spans.length; to++) {
			const span = this.#spans[to];
			if (!span || span.start_ms >= position_ms + WINDOW_MS) break;
			bytes += span.size ?? 0;
			if (bytes > WINDOW_BYTES && to > from) break;
		}
		return { shown: this.#first + Math.min(shown, from), from: this.#first + from, to: this.#first + to };
	}

	/** The first segment that `over` does not hold of. */
	#after(over: (span: Span) => boolean): number {
		let low = 0;
		let high = this.#spans.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			const span = this.#spans[middle];
			if (span && over(span)) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	#planSoon(now: number): void {
		this.#tick_ms = Math.min(this.#tick_ms, now - TICK_MS + SOONER_MS);
	}

	#plan(now: number): void {
		this.#tick_ms = now;
		this.#handleSilences(now);
		const { shown, from, to } = this.#window();
		for (const segment of [...this.#segments.values()]) {
			const { key, index } = segment;
			if (segment.complete || this.#wanted.has(key) || this.#own.has(key)) continue;
			const ahead = segment.facts.rendition === this.#rendition && index >= shown && index < to + MANIFESTS;
			// A seek, another rendition, or it was played. What the player has may come from there, what begins later is not to be asked for yet.
			if (!ahead) this.#dropSegment(segment, false);
			else if (index < from || index >= to) this.#withdraw(segment);
		}
		if (!this.#active) {
			for (const [id, fetch] of [...this.#fetches]) this.#abort(id, fetch);
			for (const segment of this.#segments.values()) if (!segment.complete) this.#fail(segment);
			if (this.#assigned.length > 0) this.#needManifests(now, shown, to);
			return;
		}
		this.#needManifests(now, shown, to);
		const due: { segment: Segment; need_ms: number; holders: Neighbour[] }[] = [];
		const position_ms = this.#position_ms ?? 0;
		const consider = (segment: Segment, need_ms: number): void => {
			if (!segment.complete && !this.#own.has(segment.key)) due.push({ segment, need_ms, holders: this.#holders(now, segment) });
		};
		for (let index = from; index < to; index++) {
			const segment = this.#segments.get(keyOf(this.#rendition, index));
			const span = this.#spans[index - this.#first];
			if (!segment || !span) continue;
			const wanted_ms = this.#wanted.get(segment.key);
			consider(segment, Math.min(span.start_ms - position_ms, wanted_ms === undefined ? Infinity : wanted_ms - now));
		}
		// The player may want what it had before.
		for (const [key, deadline_ms] of this.#wanted) {
			const segment = this.#segments.get(key);
			if (!segment) continue;
			const known = segment.facts.rendition === this.#rendition && segment.index >= from && segment.index < to;
			if (!known) consider(segment, deadline_ms - now);
		}
		const place_order = (segment: Segment): number => rankOf(this.#short, segment.facts.place);
		due.sort((a, b) => {
			if (a.need_ms <= SOON_MS || b.need_ms <= SOON_MS) return a.need_ms - b.need_ms;
			return a.holders.length - b.holders.length || place_order(a.segment) - place_order(b.segment);
		});
		for (const { segment, need_ms, holders } of due) this.#take(now, segment, need_ms, holders);
	}

	#handleSilences(now: number): void {
		for (const neighbour of this.#neighbours.values()) {
			if (neighbour.silent_at_ms > now) continue;
			this.#stats.failovers++;
			neighbour.silent(now);
			for (const segment of this.#segments.values()) {
				const indices = segment.complete ? [] : segment.missing((asked) => asked === neighbour.id);
				if (indices.length > 0) this.#cancel(neighbour.id, segment, indices);
			}
		}
	}

	#needManifests(now: number, from: number, to: number): void {
		if (this.#manifests || now < this.#manifests_again_ms) return;
		for (let index = from; index < to; index++) {
			const key = keyOf(this.#rendition, index);
			if (this.#segments.has(key) || this.#unshared.has(key)) continue;
			const count = Math.min(MANIFESTS, this.#first + this.#spans.length - index);
			this.#manifests = true;
			this.#outputs.push({ type: 'manifests', rendition: this.#rendition, from: index, count });
			return;
		}
	}

	/** Who says that it has the segment, and can be asked. */
	#holders(now: number, { key, facts }: Segment): Neighbour[] {
		const holders: Neighbour[] = [];
		for (const neighbour of this.#neighbours.values()) {
			if (neighbour.ready && now >= neighbour.rests_until_ms && neighbour.holds(key, facts.slices)) holders.push(neighbour);
		}
		return holders;
	}

	#take(now: number, segment: Segment, need_ms: number, holders: Neighbour[]): void {
		const hurry_ms = this.#times.p95_ms + HTTP_MARGIN_MS;
		if (need_ms <= hurry_ms) {
			this.#fetch(now, segment, segment.missing((asked) => typeof asked !== 'number'), false);
			return;
		}
		if (holders.length > 0) {
			this.#ask(now, segment, holders);
			if (need_ms <= RESCUE_MS) this.#fetch(now, segment, segment.missing((asked) => asked === null), false);
			return;
		}
		const first = segment.missing((asked) => asked === null);
		if (need_ms <= this.#fetchBefore(segment)) this.#fetch(now, segment, first, need_ms > OTHERS_MS);
	}

	/** How long before its need this peer takes what nobody has. */
	#fetchBefore(segment: Segment): number {
		const { place, rendition } = segment.facts;
		const own = rankOf(this.#short, place);
		let smaller = 0;
		for (const neighbour of this.#neighbours.values()) {
			if (!neighbour.ready || !this.#isNear(neighbour, rendition, segment.index)) continue;
			if (rankOf(shortId(neighbour.id), place) < own) smaller++;
		}
		return EARLY_MS[smaller] ?? OTHERS_MS;
	}

	/** Whether the neighbour watches about there, as what it told last says. */
	#isNear({ newest }: Neighbour, rendition: number, index: number): boolean {
		if (!newest || newest.rendition !== rendition) return false;
		const one = this.#spans[newest.index - this.#first];
		const other = this.#spans[index - this.#first];
		return one !== undefined && other !== undefined && Math.abs(one.start_ms - other.start_ms) <= NEAR_MS;
	}

	/** Asks those who have it for what was not asked for, each as far as it has room. */
	#ask(now: number, segment: Segment, holders: readonly Neighbour[]): void {
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
			this.#outputs.push({ type: 'send', peer: neighbour.id, message: { type: 'request', rendition, place, slices, bits: bitmap(slices, indices) } });
		}
	}

	/** By HTTP, as few requests as sensible. */
	#fetch(now: number, segment: Segment, indices: readonly number[], early: boolean): void {
		const { rendition, place, slices } = segment.facts;
		if (now < this.#fetch_again_ms) return;
		let at = 0;
		while (at < indices.length) {
			if (this.#fetches.size >= (early ? MAX_EARLY_FETCHES : MAX_FETCHES)) return;
			const first = indices[at++]!;
			let last = first;
			while (at < indices.length && indices[at]! - last <= 1 + MAX_HOLE) last = indices[at++]!;
			const id = this.#fetch_id++;
			this.#fetches.set(id, { segment, early });
			const promised = new Map<PeerId, number[]>();
			for (let index = first; index <= last && index < slices; index++) {
				const whom = segment.asked(index);
				if (segment.has(index) || typeof whom === 'number') continue;
				if (whom !== null) promised.set(whom, [...(promised.get(whom) ?? []), index]);
				if (!early) this.#stats.rescued++;
			}
			for (const [peer, those] of promised) this.#cancel(peer, segment, those);
			for (let index = first; index <= last && index < slices; index++) if (!segment.has(index)) segment.ask(index, id);
			this.#outputs.push({ type: 'fetch', id, rendition, place, first, last });
		}
	}
}

function have(segment: Segment, held: boolean): { place: Place; slices: number; bits: Uint8Array } {
	const { place, slices } = segment.facts;
	return { place, slices, bits: bitmap(slices, held ? Array.from({ length: slices }, (_, index) => index) : []) };
}

/** A peer's turn at a place: the smallest is first. */
export function rankOf(short_id: number, place: Place): number {
	let x = (short_id ^ Math.imul(place, 0x9e3779b1)) >>> 0;
	x = Math.imul(x ^ (x >>> 15), 0x85ebca6b) >>> 0;
	return (x ^ (x >>> 13)) >>> 0;
}
