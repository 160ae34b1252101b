/**
 * The network side of one broadcast: every playlist and every part passes through here on its way to hls.js, is
 * counted and timed, and tells what to fetch ahead.
 */

import { FetchAhead, JOIN_IN_FLIGHT, STEADY_IN_FLIGHT, type Fetched } from './ahead';
import { ServerClock, Throughput } from './clock';
import { Join, withGapParts } from './join';
import { hedged, playlistRequest, renditionOf, type Peers } from './peers';
import { gapAtEnd, joinPoint, parseMediaPlaylist, parseVariants, startVariant, type MediaPlaylist, type PlaylistPart } from './playlist';

/** A playlist's text with its timing. */
export interface FetchedText extends Omit<Fetched, 'data'> {
	text: string;
	/** after redirects */
	url: string;
	/** the `Age` header: how long the answer lay in a cache, seconds */
	age_s: number | null;
}

/** Gives the access token of the viewer, for videos that are not open to everybody. */
export type Token = () => string | null | Promise<string | null>;

/** An answer that is no success. */
export class HttpError extends Error {
	constructor(
		readonly status: number,
		readonly url: string
	) {
		super(`HTTP ${status}`);
	}
}

/** Throughput assumed before anything was measured: a start that has to be taken back costs more than a modest picture. */
const START_THROUGHPUT_BPS = 5_000_000;
/** Peers have this long for a playlist: the part that it waits for, and two more, as then something is wrong. */
const SHARED_PLAYLIST_PARTS = 3;
/** Peers may take as long for a part as there is buffered, but for this much. The engine itself turns to the origin before: this is the net. */
const SHARED_PART_MARGIN_S = 0.2;
/** Even with an empty buffer they are asked: the part may be here already. */
const SHARED_PART_MIN_MS = 50;
/** Far from the edge a full buffer is no reason to wait. */
const SHARED_PART_MAX_MS = 2_000;
/** A recording's engine turns to HTTP five seconds before a segment is needed; what it has not brought this shortly before, the player fetches. */
const SHARED_SEGMENT_MARGIN_S = 1;
/** With less in the buffer the engine fetches at once, as the player would: it gets the time for that. */
const SHARED_SEGMENT_MIN_MS = 4_000;
/** What shows whether the link carries a rate: what comes at that rate in this time... */
const PROBE_S = 0.5;
/** ...if it has come by then, the request's own way included. */
const PROBE_LIMIT_MS = 1_500;
/** A playlist fetched before hls.js asked for it is of use only while it is fresh. */
const EARLY_FRESH_MS = 3_000;

export class Source {
	readonly ahead = new FetchAhead((url, signal) => this.fetchBytes(url, signal));
	readonly clock = new ServerClock();
	readonly throughput = new Throughput();
	/** Bytes taken over HTTP, bodies only. */
	http_bytes = 0;
	/** At the live edge: fetch the hinted part ahead. Off while the viewer is elsewhere in the recording or has paused. */
	at_edge = true;
	/** The newest media playlist of the rendition that plays. */
	playlist: MediaPlaylist | null = null;
	/** The media playlist to begin with. */
	start_url: string | null = null;
	/** Where to begin, on the first playlist's timeline; null when hls.js has to find out for itself. */
	start_position_s: number | null = null;
	/** The first playlist's parts as one, for hls.js. */
	join: Join | null = null;
	/** Called for each media playlist. */
	onplaylist: ((playlist: MediaPlaylist, now_ms: number) => void) | null = null;
	/** Called for each part, right before hls.js gets it. */
	onpart: (() => void) | null = null;
	/** How long the newest media has been missing in the last playlist, seconds. */
	gap_s = 0;
	/** Other viewers, while in a swarm with them. */
	peers: Peers | null = null;
	/** Seconds of media ahead of the playhead. */
	buffered_s: () => number = () => 0;
	/** The name of the rendition that plays. */
	rendition: string | null = null;

	#early = new Map<string, FetchedText>();

	constructor(
		readonly master_url: string,
		public target_s: number,
		private readonly known_throughput_bps: number | null,
		private readonly token: Token | null = null
	) {}

	/**
	 * Fetches everything a first picture needs, each as soon as its URL is known: multivariant playlist, media playlist,
	 * then (without waiting for it) initialization section and the parts from the last keyframe on. Rejects when there
	 * is nothing to play (yet), or, with `unfinished`, when all there is has ended: the last session of a permanent live,
	 * which has the same addresses. `preloaded`: the page's head may have asked for the playlists already.
	 */
	async begin(signal: AbortSignal, { unfinished, preloaded }: { unfinished: boolean; preloaded: boolean }): Promise<void> {
		const cache = preloaded ? 'default' : 'no-store';
		const master = await this.fetchText(this.master_url, signal, cache);
		this.#early.set(this.master_url, master);
		const variants = parseVariants(master.text, master.url);
		const variant = startVariant(variants, this.known_throughput_bps ?? START_THROUGHPUT_BPS);
		this.start_url = variant?.url ?? null;
		// Not a multivariant playlist: hls.js deals with a media playlist as well.
		if (!variant) return;
		const playlist = await this.fetchText(variant.url, signal, cache);
		this.#early.set(variant.url, playlist);
		this.#tellPeers(playlist);
		this.handlePlaylist(playlist);
		if (unfinished && this.playlist?.ended) throw new HttpError(404, variant.url);
	}

	/** The answer to a request that was made before hls.js asked, if it is fresh. Once. */
	takeEarly(url: string): FetchedText | null {
		const early = this.#early.get(url) ?? null;
		this.#early.delete(url);
		return early && performance.now() - early.end_ms < EARLY_FRESH_MS ? early : null;
	}

	/** A media playlist arrived: decide what to fetch ahead. */
	handlePlaylist(answer: FetchedText): void {
		if (!answer.text.includes('#EXT-X-TARGETDURATION')) return;
		const playlist = parseMediaPlaylist(answer.text, answer.url);
		if (!this.playlist) {
			const point = joinPoint(playlist, this.target_s);
			const first = point && playlist.parts[point.from];
			this.start_position_s = point?.position_s ?? null;
			this.join = first ? new Join(first.url) : null;
		}
		this.playlist = playlist;
		const before = this.rendition;
		this.rendition = renditionOf(answer.url);
		this.gap_s = gapAtEnd(playlist);
		// Another rendition begins over HTTP, whatever flows of the one before.
		const another = before !== null && before !== this.rendition;
		this.#plan(playlist, this.peers?.active === true && !another);
		this.onplaylist?.(playlist, answer.end_ms);
	}

	#plan(playlist: MediaPlaylist, shared: boolean): void {
		if (playlist.ended || !this.at_edge || playlist.part_target_s === 0 || shared) {
			this.ahead.want([]);
			return;
		}
		const named = this.#missing(playlist);
		const urls = named.map((part) => part.url);
		// The initialization section is wanted until it was taken; `want` leaves out what was.
		if (playlist.init_url) urls.unshift(playlist.init_url);
		if (playlist.hint_init_url) urls.push(playlist.hint_init_url);
		if (playlist.hint_url) urls.push(playlist.hint_url);
		this.ahead.want(urls, named.length > STEADY_IN_FLIGHT ? JOIN_IN_FLIGHT : STEADY_IN_FLIGHT);
	}

	/** Listed parts that hls.js will ask for next: after the newest that it took; on joining, from a keyframe on. */
	#missing(playlist: MediaPlaylist): PlaylistPart[] {
		const { parts } = playlist;
		for (let i = parts.length - 1; i >= 0; i--) {
			const part = parts[i];
			if (part && this.ahead.wasTaken(part.url)) return parts.slice(i + 1).filter((later) => !later.gap);
		}
		const point = joinPoint(playlist, this.target_s);
		return point ? parts.slice(point.from) : [];
	}

	/** Forgets what was fetched ahead; the next playlist starts afresh. */
	reset(): void {
		this.#early.clear();
		this.ahead.clear();
		this.playlist = null;
		this.join = null;
		this.start_position_s = null;
		this.gap_s = 0;
		this.rendition = null;
	}

	/** The playlist's text as hls.js is to see it. */
	shown(answer: FetchedText): string {
		const starts = this.start_url !== null && samePath(answer.url, this.start_url);
		const text = withGapParts(answer.text);
		return starts && this.join ? this.join.rewrite(text, answer.url) : text;
	}

	/** The URL to ask for when hls.js asks for the playlist `url`. */
	asked(url: string): string {
		return this.join && this.start_url !== null && samePath(url, this.start_url) ? this.join.request(url) : url;
	}

	/** The playlist that hls.js asks for as `url`: from peers if they have it in time, else from the origin. */
	async loadPlaylist(url: string, signal: AbortSignal): Promise<FetchedText> {
		const asked = this.asked(url);
		const request = playlistRequest(asked);
		const { peers } = this;
		const origin = async (within: AbortSignal): Promise<FetchedText> => {
			const answer = await this.fetchText(asked, within);
			this.#tellPeers(answer);
			return answer;
		};
		if (!request || !peers?.active) return origin(signal);
		const start_ms = performance.now();
		const shared = async (within: AbortSignal): Promise<FetchedText | null> => {
			const text = await peers.playlist(renditionOf(asked), request, within);
			const end_ms = performance.now();
			return text === null ? null : { text, url: asked, age_s: null, start_ms, first_ms: end_ms, end_ms };
		};
		return hedged(signal, (this.playlist?.part_target_s || 0.2) * 1000 * SHARED_PLAYLIST_PARTS, shared, origin);
	}

	/** The part `url`: from peers while the buffer allows to wait for them, else from the origin. */
	async loadPart(url: string, signal: AbortSignal): Promise<Fetched> {
		const { peers } = this;
		if (!peers?.active) return this.fetchBytes(url, signal);
		const shared = async (within: AbortSignal): Promise<Fetched | null> => {
			const part = await peers.part(url, within);
			// The engine goes on passing its bytes to others, and hls.js may detach the buffer that it is given.
			return part && this.#asByHttp(part.data.slice(0));
		};
		const spare_ms = (this.buffered_s() - SHARED_PART_MARGIN_S) * 1000;
		const patience_ms = Math.min(SHARED_PART_MAX_MS, Math.max(SHARED_PART_MIN_MS, spare_ms));
		return hedged(signal, patience_ms, shared, (within) => this.fetchBytes(url, within));
	}

	/**
	 * Segment `index` of a recording, bytes `range` of `url`: from peers while the buffer allows to wait for them, else from the
	 * origin, and then others can have it from here.
	 */
	async loadSegment(rendition: string, index: number, url: string, range: { start: number; end: number }, signal: AbortSignal): Promise<Fetched> {
		const { peers } = this;
		this.rendition = rendition;
		const origin = async (within: AbortSignal): Promise<Fetched> => {
			const end = peers?.fetching(rendition, index);
			try {
				const answer = await this.fetchBytes(url, within, range);
				end?.(answer.data);
				return answer;
			} catch (error) {
				end?.(null);
				throw error;
			}
		};
		if (!peers?.active) return origin(signal);
		const spare_ms = (this.buffered_s() - SHARED_SEGMENT_MARGIN_S) * 1000;
		const shared = async (within: AbortSignal): Promise<Fetched | null> => {
			const segment = await peers.segment(rendition, index, Math.max(0, spare_ms), within);
			if (!segment || segment.data.byteLength !== range.end - range.start) return null;
			if (segment.http_bytes > 0) this.throughput.add(segment.http_bytes, segment.http_ms);
			return this.#asByHttp(segment.data);
		};
		return hedged(signal, Math.max(SHARED_SEGMENT_MIN_MS, spare_ms), shared, origin);
	}

	/** A part that was pushed looks infinitely fast: give it the time that the link to the origin would have taken. */
	#asByHttp(data: ArrayBuffer): Fetched {
		const end_ms = performance.now();
		const bps = this.throughput.bps ?? this.known_throughput_bps ?? START_THROUGHPUT_BPS;
		const start_ms = end_ms - (data.byteLength * 8_000) / bps;
		return { data, start_ms, first_ms: start_ms, end_ms };
	}

	/** Whether the link carries `bps` beside what comes from peers; of the newest whole segment, which nobody waits for. */
	async probe(bps: number): Promise<boolean> {
		const url = this.playlist?.segment_url;
		if (!url) return false;
		const limit = new AbortController();
		const timer = setTimeout(() => limit.abort(), PROBE_LIMIT_MS);
		try {
			const end = Math.ceil((bps * PROBE_S) / 8);
			const { data, first_ms, end_ms } = await this.fetchBytes(url, limit.signal, { start: 0, end }, 'no-store');
			return (end_ms - first_ms) * bps <= data.byteLength * 8_000;
		} catch {
			return false;
		} finally {
			clearTimeout(timer);
		}
	}

	#tellPeers(answer: FetchedText): void {
		if (!answer.text.includes('#EXT-X-TARGETDURATION')) return;
		this.peers?.handleOriginPlaylist(renditionOf(answer.url), answer.url, answer.text);
	}

	/** Settings of a request. The token goes to the playlist's own server alone. */
	async #request(url: string, signal: AbortSignal, headers: Record<string, string> = {}): Promise<RequestInit> {
		const own = this.token !== null && new URL(url).origin === new URL(this.master_url).origin;
		const token = own && this.token ? await this.token() : null;
		if (token) headers.Authorization = `Bearer ${token}`;
		return { signal, headers, priority: 'high' } as RequestInit;
	}

	async fetchText(url: string, signal: AbortSignal, cache: RequestCache = 'no-store'): Promise<FetchedText> {
		const start_ms = performance.now();
		const init = { ...(await this.#request(url, signal)), cache };
		const sent_ms = Date.now();
		const response = await fetch(url, init);
		const first_ms = performance.now();
		const received_ms = Date.now();
		if (!response.ok) throw new HttpError(response.status, url);
		const text = await response.text();
		const date = response.headers.get('date');
		if (date) this.clock.add(sent_ms, received_ms, Date.parse(date));
		const age = Number(response.headers.get('age') ?? NaN);
		this.http_bytes += text.length;
		return {
			text,
			url: response.url || url,
			age_s: Number.isFinite(age) ? age : null,
			start_ms,
			first_ms,
			end_ms: performance.now()
		};
	}

	async fetchBytes(url: string, signal: AbortSignal, range?: { start: number; end: number }, cache: RequestCache = 'default'): Promise<Fetched> {
		const start_ms = performance.now();
		const init = await this.#request(url, signal, range ? { Range: `bytes=${range.start}-${range.end - 1}` } : {});
		const response = await fetch(url, { ...init, cache });
		const first_ms = performance.now();
		if (!response.ok) throw new HttpError(response.status, url);
		const data = await response.arrayBuffer();
		const end_ms = performance.now();
		this.http_bytes += data.byteLength;
		this.throughput.add(data.byteLength, end_ms - first_ms);
		return { data, start_ms, first_ms, end_ms };
	}
}

function samePath(a: string, b: string): boolean {
	return a.split(/[?#]/, 1)[0] === b.split(/[?#]/, 1)[0];
}
