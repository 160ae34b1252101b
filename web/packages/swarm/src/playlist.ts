/**
 * The media playlist of one rendition, kept up to date by manifests: what the origin rendered at some moment, and the
 * lines of all parts since, give what it would render now (segmenter/src/playlist.rs has the rules; preload hint and
 * rendition reports are left out). When in doubt it says so, and the origin is asked. No I/O.
 */

import type { Manifest } from './manifest';
import { msnOf, partOf, placeOf, type Place } from './wire';

const NANOS = 1_000_000_000;
/** EXT-X-PART tags go when their segment begins farther than this many target durations from the end. */
const PARTS_LISTED = 3;
/** Leading EXT-X-GAP segments go when this many target durations of media are there. */
const FLOOR = 3;
/** The Skip Boundary in target durations, where the playlist does not say. */
const SKIP_BOUNDARY = 6;
/** Manifests that came before one that belongs before them. */
const MAX_PENDING = 64;
/** Half a day of segments of two seconds. */
const MAX_SEGMENTS = 21_600;
/** EXT-X-MEDIA-SEQUENCE up to which the playlist's beginning may just be the broadcast's. */
const FIRST_SEQUENCES = 16;

interface Segment {
	msn: number;
	/** EXT-X-DISCONTINUITY stands before it */
	discontinuity: boolean;
	/** EXT-X-MAP that applies to it */
	map: string | null;
	/** the other lines before its parts */
	head: string[];
	parts: string[];
	/** EXT-X-GAP, EXTINF and URI */
	tail: string[];
	gap: boolean;
	duration_ns: number;
	/** the sum of its parts' durations, while it is open */
	parts_ns: number;
}

/** Seconds as printed, in nanoseconds: exact, as the origin's are. */
function nanoseconds(text: string | undefined): number {
	const match = /^(\d{1,6})(?:\.(\d{1,9}))?/.exec(text ?? '');
	return match ? Number(match[1]) * NANOS + Number((match[2] ?? '').padEnd(9, '0')) : 0;
}

function attribute(line: string, name: string): string | undefined {
	return new RegExp(`[:,]${name}=("[^"]*"|[^,]*)`).exec(line)?.[1]?.replaceAll('"', '');
}

/** The URI of an EXT-X-PART line. */
export function partUri(line: string): string | null {
	return line.startsWith('#EXT-X-PART:') ? (attribute(line, 'URI') ?? null) : null;
}

/** What a blocking reload asks for. */
export interface Reload {
	msn: number;
	part: number | null;
	/** `_HLS_skip`: a delta update will do; `v2` without date ranges too */
	skip: boolean | 'v2';
}

/** A playlist's text cut into what stands once and its segments. */
interface Parsed {
	header: string[];
	sequence: number;
	discontinuity_sequence: number;
	skipped: number;
	segments: Segment[];
	open: Segment | null;
	ended: boolean;
}

function freshSegment(msn: number, map: string | null): Segment {
	return { msn, discontinuity: false, map, head: [], parts: [], tail: [], gap: false, duration_ns: 0, parts_ns: 0 };
}

/** Lines that stand for what is not there yet, or for other renditions. */
const LEFT_OUT = /^#EXT-X-(PRELOAD-HINT|RENDITION-REPORT)\b/;
const HEADER = /^#(EXTM3U|EXT-X-(VERSION|TARGETDURATION|PART-INF|SERVER-CONTROL|INDEPENDENT-SEGMENTS|PLAYLIST-TYPE|START)\b)/;

/** Appends lines to segments, in playlist order. */
class Lines {
	readonly complete: Segment[] = [];

	constructor(
		public open: Segment | null,
		public next_msn: number,
		public map: string | null
	) {}

	add(line: string): void {
		const segment = (this.open ??= freshSegment(this.next_msn, this.map));
		if (line.startsWith('#EXT-X-PART:')) {
			segment.parts.push(line);
			segment.parts_ns += nanoseconds(attribute(line, 'DURATION'));
		} else if (line.startsWith('#EXT-X-MAP:')) {
			segment.map = this.map = line;
		} else if (line === '#EXT-X-DISCONTINUITY') {
			segment.discontinuity = true;
		} else if (line === '#EXT-X-GAP') {
			segment.gap = true;
			segment.tail.push(line);
		} else if (line.startsWith('#EXTINF:')) {
			segment.duration_ns = nanoseconds(line.slice(8));
			segment.tail.push(line);
		} else if (line.startsWith('#')) {
			(segment.parts.length > 0 || segment.tail.length > 0 ? segment.tail : segment.head).push(line);
		} else {
			segment.tail.push(line);
			this.complete.push(segment);
			this.open = null;
			this.next_msn = segment.msn + 1;
		}
	}
}

function parse(text: string): Parsed | null {
	const parsed: Parsed = { header: [], sequence: 0, discontinuity_sequence: 0, skipped: 0, segments: [], open: null, ended: false };
	const lines = text.split(/\r?\n/).filter((line) => line !== '');
	if (lines[0] !== '#EXTM3U') return null;
	let body: Lines | null = null;
	for (const line of lines) {
		const value = (): number => Number(/:(\d+)/.exec(line)?.[1] ?? 0);
		if (LEFT_OUT.test(line)) continue;
		if (HEADER.test(line)) parsed.header.push(line);
		else if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) parsed.sequence = value();
		else if (line.startsWith('#EXT-X-DISCONTINUITY-SEQUENCE:')) parsed.discontinuity_sequence = value();
		else if (line.startsWith('#EXT-X-SKIP:')) parsed.skipped = Number(attribute(line, 'SKIPPED-SEGMENTS') ?? 0);
		else if (line === '#EXT-X-ENDLIST') parsed.ended = true;
		else (body ??= new Lines(null, parsed.sequence + parsed.skipped, null)).add(line);
	}
	if (!body || !parsed.header.some((line) => line.startsWith('#EXT-X-PART-INF:'))) return null;
	parsed.segments = body.complete;
	// Behind the last segment may stand lines that announce nothing.
	parsed.open = body.open && body.open.parts.length > 0 ? body.open : null;
	return parsed;
}

interface Waiter {
	reload: Reload;
	done(text: string | null): void;
}

export class PlaylistModel {
	#header: string[] = [];
	#version: string | null = null;
	#sequence = 0;
	#discontinuity_sequence = 0;
	/** segments at the front of which nothing but their number is known */
	#unknown = 0;
	#segments: Segment[] = [];
	#open: Segment | null = null;
	#ended = false;
	/** a manifest does not fit what is here: only the origin knows */
	#doubtful = true;
	/** segments fall out at the front as others come */
	#slides = false;
	/** the playlist has as many nanoseconds as the origin keeps; null: it still grows */
	#window_ns: number | null = null;
	#pending = new Map<Place, Manifest>();
	#waiters = new Set<Waiter>();

	/** The origin's playlist, whole or a delta update; false when it is none that can be kept up to date. */
	handleOrigin(text: string): boolean {
		const parsed = parse(text);
		if (!parsed) return false;
		// Answers may overtake each other.
		if (!this.#doubtful && newestOf(parsed) < this.#next && parsed.sequence <= this.#sequence) return true;
		this.#merge(parsed);
		this.#doubtful = false;
		for (const place of [...this.#pending.keys()].sort((a, b) => a - b)) {
			if (place < this.#next) this.#pending.delete(place);
		}
		this.#apply();
		this.#answer();
		return true;
	}

	/** A part's manifest, its signature checked. */
	handleManifest(manifest: Manifest): void {
		if (this.#doubtful ? false : manifest.place < this.#next || this.#ended) return;
		this.#pending.set(manifest.place, manifest);
		if (this.#pending.size > MAX_PENDING) this.#pending.delete(Math.min(...this.#pending.keys()));
		this.#apply();
		this.#answer();
	}

	/**
	 * The playlist once it has what is asked for; null when that is not known here: a manifest is missing, or `signal`
	 * ended the waiting.
	 */
	playlist(reload: Reload, signal?: AbortSignal): Promise<string | null> {
		if (this.#cannot(reload) || signal?.aborted) return Promise.resolve(null);
		if (this.has(reload)) return Promise.resolve(this.render(reload.skip));
		return new Promise((resolve) => {
			const waiter: Waiter = {
				reload,
				done: (text) => {
					this.#waiters.delete(waiter);
					signal?.removeEventListener('abort', stop);
					resolve(text);
				}
			};
			const stop = (): void => waiter.done(null);
			signal?.addEventListener('abort', stop, { once: true });
			this.#waiters.add(waiter);
		});
	}

	/** Gives up all waiting. */
	close(): void {
		for (const waiter of [...this.#waiters]) waiter.done(null);
	}

	/** Whether the playlist has what is asked for (section 6.2.5.2). */
	has({ msn, part }: Reload): boolean {
		if (this.#doubtful) return false;
		if (this.#ended) return true;
		const next = this.#open?.msn ?? this.#next_msn;
		if (msn < next) {
			if (part === null) return true;
			const segment = this.#segments.find((candidate) => candidate.msn === msn);
			// "greater than that of the final Partial Segment": part 0 of the next.
			if (!segment || segment.parts.length === 0 || part < segment.parts.length) return true;
			return msn + 1 < next || (this.#open?.parts.length ?? 0) > 0;
		}
		return msn === next && part !== null && part < (this.#open?.parts.length ?? 0);
	}

	/** As the origin would render it; null when the beginning, which a whole playlist needs, is not known. */
	render(skip: boolean | 'v2'): string | null {
		if (this.#doubtful) return null;
		const skipped = skip === false || this.#ended ? 0 : this.#skippable();
		if (skipped < this.#unknown) return null;
		const lines: string[] = [];
		const version = skipped === 0 ? this.#version : `#EXT-X-VERSION:${skip === 'v2' ? 10 : 9}`;
		for (const line of this.#header) lines.push(line.startsWith('#EXT-X-VERSION') ? (version ?? line) : line);
		lines.push(`#EXT-X-MEDIA-SEQUENCE:${this.#sequence}`, `#EXT-X-DISCONTINUITY-SEQUENCE:${this.#discontinuity_sequence}`);
		if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}${skip === 'v2' ? ',RECENTLY-REMOVED-DATERANGES=""' : ''}`);
		const parts_from_ns = PARTS_LISTED * this.#target_ns;
		let distance_ns = this.#duration_ns;
		let map: string | null = null;
		const begin = (segment: Segment): void => {
			if (segment.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
			if (segment.map !== null && (segment.discontinuity || segment.map !== map)) lines.push(segment.map);
			map = segment.map;
			lines.push(...segment.head);
		};
		this.#segments.forEach((segment, index) => {
			const from_start_ns = distance_ns;
			distance_ns -= segment.duration_ns;
			if (index < skipped - this.#unknown) return;
			begin(segment);
			if (from_start_ns <= parts_from_ns) lines.push(...segment.parts);
			lines.push(...segment.tail);
		});
		if (this.#open) {
			begin(this.#open);
			lines.push(...this.#open.parts, ...this.#open.tail);
		}
		if (this.#ended) lines.push('#EXT-X-ENDLIST');
		return `${lines.join('\n')}\n`;
	}

	/** The place after the newest part. */
	get #next(): Place {
		return this.#open ? placeOf(this.#open.msn, this.#open.parts.length) : placeOf(this.#next_msn, 0);
	}

	/** Number of the next segment when none is open. */
	get #next_msn(): number {
		const last = this.#segments.at(-1);
		return last ? last.msn + 1 : this.#sequence + this.#unknown;
	}

	get #target_ns(): number {
		const line = this.#header.find((candidate) => candidate.startsWith('#EXT-X-TARGETDURATION:'));
		return nanoseconds(line?.slice('#EXT-X-TARGETDURATION:'.length));
	}

	get #boundary_ns(): number {
		const control = this.#header.find((line) => line.startsWith('#EXT-X-SERVER-CONTROL:'));
		const until = control && attribute(control, 'CAN-SKIP-UNTIL');
		return until === undefined ? SKIP_BOUNDARY * this.#target_ns : nanoseconds(until);
	}

	/** Of all that is known. */
	get #duration_ns(): number {
		return this.#segments.reduce((sum, segment) => sum + segment.duration_ns, this.#open?.parts_ns ?? 0);
	}

	#skippable(): number {
		const boundary_ns = this.#boundary_ns;
		let distance_ns = this.#duration_ns;
		let count = 0;
		for (const segment of this.#segments) {
			distance_ns -= segment.duration_ns;
			if (distance_ns <= boundary_ns) break;
			count++;
		}
		// What lies before the first known one was beyond the boundary before, and moves away from it.
		return count + this.#unknown;
	}

	#cannot({ msn, skip }: Reload): boolean {
		if (this.#doubtful) return true;
		if (this.#unknown > 0 && skip === false) return true;
		// Too far ahead: the origin has an answer to that (section 6.2.5.2).
		return !this.#ended && msn > (this.#open?.msn ?? this.#next_msn) + 1;
	}

	#merge(parsed: Parsed): void {
		const slid = this.#segments.length > 0 && parsed.sequence > this.#sequence;
		const first_msn = parsed.sequence + parsed.skipped;
		// Kept from before: what the delta update skipped.
		const kept = this.#segments.filter((segment) => segment.msn >= parsed.sequence && segment.msn < first_msn);
		const whole = kept.length > 0 && kept[0]?.msn === parsed.sequence && kept.length === parsed.skipped;
		const known = whole ? kept : contiguousEnd(kept, first_msn);
		const parts = new Map([...this.#segments, ...(this.#open ? [this.#open] : [])].map((segment) => [segment.msn, segment.parts]));
		this.#header = parsed.header;
		if (parsed.skipped === 0) this.#version = parsed.header.find((line) => line.startsWith('#EXT-X-VERSION')) ?? this.#version;
		this.#version ??= '#EXT-X-VERSION:6';
		this.#sequence = parsed.sequence;
		this.#discontinuity_sequence = parsed.discontinuity_sequence;
		this.#unknown = parsed.skipped - known.length;
		this.#segments = [...known, ...parsed.segments];
		this.#open = parsed.open;
		this.#ended = parsed.ended;
		// Tags of parts that went from the origin's playlist are of no use here either, but their number is.
		for (const segment of this.#segments) if (segment.parts.length === 0) segment.parts = parts.get(segment.msn) ?? [];
		const leading = this.#segments[0]?.gap ?? false;
		this.#slides ||= slid || (parsed.sequence > FIRST_SEQUENCES && !leading);
		if (this.#slides && this.#unknown === 0) this.#window_ns = this.#closed_ns;
	}

	get #closed_ns(): number {
		return this.#duration_ns - (this.#open?.parts_ns ?? 0);
	}

	/** Takes up the manifests that follow without a hole. */
	#apply(): void {
		if (this.#doubtful) return;
		for (;;) {
			const manifest = this.#following();
			if (!manifest || this.#ended) return;
			this.#pending.delete(manifest.place);
			if (!this.#grow(manifest)) {
				this.#doubtful = true;
				return;
			}
		}
	}

	/** The manifest of the next part: of the open segment, or the first of the next. */
	#following(): Manifest | undefined {
		const next = this.#pending.get(this.#next);
		if (next) return next;
		if (this.#open) {
			const first = this.#pending.get(placeOf(this.#open.msn + 1, 0));
			// Parts add up to their segment: otherwise some of them are still to come.
			const end = first && /^#EXTINF:([0-9.]+)/m.exec(first.text);
			return end && nanoseconds(end[1]) === this.#open.parts_ns ? first : undefined;
		}
		// The end of all stands behind the last part of a segment that the playlist has whole.
		const last = this.#segments.at(-1);
		return last && [...this.#pending.values()].find((manifest) => manifest.last && msnOf(manifest.place) === last.msn);
	}

	#grow(manifest: Manifest): boolean {
		const lines = manifest.text.split('\n').filter((line) => line !== '');
		const closes = lines.findIndex((line) => !line.startsWith('#'));
		// The playlist may have had the end of its last segment before the part was there that tells of it.
		if (!this.#open && closes >= 0) lines.splice(0, closes + 1);
		const last_map = this.#open?.map ?? this.#segments.at(-1)?.map ?? null;
		const body = new Lines(this.#open, this.#next_msn, last_map);
		for (const line of lines) body.add(line);
		for (const segment of body.complete) {
			// Section 4.4.3.1: EXTINF, rounded, is no longer than the target duration. A longer one means that this has changed.
			if (Math.round(segment.duration_ns / NANOS) > this.#target_ns / NANOS) return false;
			this.#segments.push(segment);
		}
		this.#open = body.open;
		if (body.complete.length > 0) this.#slide();
		if (manifest.last) {
			this.#ended = body.open === null;
			return this.#ended;
		}
		const open = body.open;
		return open !== null && open.msn === msnOf(manifest.place) && open.parts.length === partOf(manifest.place) + 1;
	}

	#slide(): void {
		let closed_ns = this.#closed_ns;
		const remove = (): void => {
			const front = this.#segments.shift();
			if (!front) return;
			closed_ns -= front.duration_ns;
			this.#sequence++;
			if (front.discontinuity) this.#discontinuity_sequence++;
		};
		// Unknown ones at the front are older than all others, and go one for one.
		if (this.#unknown > 0) {
			if (!this.#slides) return;
			this.#unknown--;
			this.#sequence++;
			return;
		}
		const leading = (segment: Segment | undefined): boolean => Boolean(segment?.gap && segment.parts.length === 0);
		const real_ns = this.#segments.reduce((sum, segment) => sum + (leading(segment) ? 0 : segment.duration_ns), 0);
		while (leading(this.#segments[0]) && real_ns >= FLOOR * this.#target_ns) remove();
		const window_ns = this.#window_ns;
		while (this.#segments.length > MAX_SEGMENTS || (window_ns !== null && closed_ns - (this.#segments[0]?.duration_ns ?? 0) >= window_ns && this.#segments.length > 1)) remove();
	}

	#answer(): void {
		for (const waiter of [...this.#waiters]) {
			if (this.#cannot(waiter.reload)) waiter.done(null);
			else if (this.has(waiter.reload)) waiter.done(this.render(waiter.reload.skip));
		}
	}
}

function newestOf(parsed: Parsed): Place {
	if (parsed.open) return placeOf(parsed.open.msn, parsed.open.parts.length);
	const last = parsed.segments.at(-1);
	return placeOf(last ? last.msn + 1 : parsed.sequence + parsed.skipped, 0);
}

/** Those of `segments` that lead up to `end` without a hole. */
function contiguousEnd(segments: Segment[], end: number): Segment[] {
	let from = segments.length;
	while (from > 0 && segments[from - 1]?.msn === end - 1 - (segments.length - from)) from--;
	return segments.slice(from);
}
