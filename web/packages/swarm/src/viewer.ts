/** A viewer without a picture: loads playlists and parts as a player does, and has a playhead that consumes them. */

import type { SwarmOptions, SwarmStats } from './driver';
import { partUri, type Reload } from './playlist';
import { sleep, within } from './sleep';
import { Swarm } from './swarm';

export interface ViewerOptions extends Omit<SwarmOptions, 'delay_ms'> {
	/** how far behind the live edge to play */
	target_ms: number;
	/** hexadecimal SHA-256, to compare with what the origin has */
	hash(data: ArrayBuffer): string;
}

/** What one part was like when it was consumed. */
export interface PartRecord {
	msn: number;
	part: number;
	sha256: string;
}

export interface ViewerReport {
	peer: string;
	joined: boolean;
	/** useful media bytes; `http_bytes`: of the engine, and of what the viewer fetched itself */
	http_bytes: number;
	p2p_bytes: number;
	upload_bytes: number;
	duplicate_bytes: number;
	/** bytes of `http_bytes` that the viewer fetched without the engine */
	own_http_bytes: number;
	stalls: number;
	stall_ms: number;
	/** wall clock less programme time: right where the server's clock is this one, and the encoder keeps up */
	latency_p50_ms: number;
	latency_p95_ms: number;
	/** behind the live edge */
	distance_p50_ms: number;
	distance_p95_ms: number;
	/** at the origin */
	playlist_requests: number;
	part_requests: number;
	parts: number;
	bad_parts: number;
	/** of the time since it joined */
	active_share: number;
	peers: number;
	parents: number;
	children: number;
	depth: number;
	rescued: number;
	failovers: number;
	banned: number;
}

interface ListedPart {
	msn: number;
	part: number;
	url: string;
	time_ms: number;
	duration_ms: number;
	independent: boolean;
	gap: boolean;
}

const TICK_MS = 50;
/** The engine is told of the playhead, and asked for its numbers, at every fifth tick. */
const TELL_TICKS = 5;
/** Playback begins, and goes on after a stall, with this much ahead. */
const RESUME_MS = 400;
/** The engine may take as long for a part as there is buffered but for this. */
const MARGIN_MS = 300;
const MAX_PATIENCE_MS = 2_000;
const PLAYLIST_PATIENCE_MS = 600;
const RETRY_MS = 300;
const CATCH_UP = 1.1;
/** The live edge is where the fastest playlist of the last ten seconds said. */
const EDGE_MS = 10_000;

function number(text: string | undefined): number {
	return Number(text ?? 0) || 0;
}

interface Listing {
	parts: ListedPart[];
	/** of the first segment and part that are not listed */
	next: { msn: number; part: number };
	ended: boolean;
	segments: Map<number, string>;
}

function readPlaylist(text: string, url: string): Listing {
	const parts: ListedPart[] = [];
	const segments = new Map<number, string>();
	let [msn, part, time_ms, begin_ms, segment_ms] = [0, 0, 0, 0, 0];
	for (const line of text.split('\n')) {
		const sequence = /^#EXT-X-(?:MEDIA-SEQUENCE:|SKIP:SKIPPED-SEGMENTS=)(\d+)/.exec(line);
		const uri = partUri(line);
		if (sequence) msn += Number(sequence[1]);
		else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) begin_ms = time_ms = Date.parse(line.slice(25));
		else if (line.startsWith('#EXTINF:')) segment_ms = 1000 * number(line.slice(8).split(',')[0]);
		else if (uri !== null) {
			const duration_ms = 1000 * number(/DURATION=([\d.]+)/.exec(line)?.[1]);
			parts.push({ msn, part: part++, url: new URL(uri, url).href, time_ms, duration_ms, independent: line.includes('INDEPENDENT=YES'), gap: line.includes('GAP=YES') });
			time_ms += duration_ms;
		} else if (line !== '' && !line.startsWith('#')) {
			segments.set(msn++, new URL(line, url).href);
			begin_ms = time_ms = begin_ms + segment_ms;
			part = 0;
		}
	}
	return { parts, next: { msn, part }, ended: text.includes('#EXT-X-ENDLIST'), segments };
}

export class Viewer {
	readonly swarm: Swarm;
	/** every part that was consumed */
	readonly records: PartRecord[] = [];
	/** segments that were consumed from their first part on: address and the sizes of their parts */
	readonly segments = new Map<number, { url: string; sizes: number[] }>();
	#queue: ListedPart[] = [];
	#next: { msn: number; part: number } | null = null;
	#playhead_ms: number | null = null;
	/** program time of the first part that was loaded */
	#first_ms: number | null = null;
	#playing = false;
	#buffered_ms = 0;
	/** program time at the live edge less the clock */
	#edges: { at_ms: number; offset_ms: number }[] = [];
	#ended = false;
	#ticks = 0;
	#stopped_ms = 0;
	#told_ms = 0;
	#last: SwarmStats;
	#wake: () => void = () => undefined;
	#joined_ms: number | null = null;
	#active_ms = 0;
	#latencies: number[] = [];
	#distances: number[] = [];
	#own_http_bytes = 0;
	#stalls = 0;
	#stall_ms = 0;
	#playlist_requests = 0;
	#part_requests = 0;

	constructor(private readonly options: ViewerOptions) {
		this.swarm = new Swarm({ ...options, delay_ms: 0 });
		this.#last = this.swarm.stats();
	}

	/** Watches until `end_ms` of the monotonic clock. */
	async run(end_ms: number): Promise<void> {
		const controller = new AbortController();
		const timer = setTimeout(() => controller.abort(), Math.max(0, end_ms - performance.now()));
		const { signal } = controller;
		const ticking = setInterval(() => this.#tick(), TICK_MS);
		try {
			const base = await this.#join(signal);
			if (base !== null) await Promise.all([this.#reload(base, signal), this.#load(signal)]);
		} finally {
			clearTimeout(timer);
			clearInterval(ticking);
			this.swarm.stop();
		}
	}

	/** What is loaded beyond the playhead, in ms; null before there is one. */
	get ahead_ms(): number | null {
		return this.#playhead_ms === null ? null : this.#buffered_ms - this.#playhead_ms;
	}

	report(): ViewerReport {
		const { http_bytes, p2p_bytes, upload_bytes, duplicate_bytes, peers, parents, children, depth, rescued, failovers, banned } = this.#last;
		const at = (values: number[], share: number): number => {
			const sorted = values.slice().sort((a, b) => a - b);
			return Math.round(sorted[Math.floor(sorted.length * share)] ?? NaN);
		};
		return {
			peer: this.swarm.peer,
			joined: this.#joined_ms !== null,
			http_bytes: http_bytes + this.#own_http_bytes,
			p2p_bytes,
			upload_bytes,
			duplicate_bytes,
			own_http_bytes: this.#own_http_bytes,
			stalls: this.#stalls,
			stall_ms: Math.round(this.#stall_ms),
			latency_p50_ms: at(this.#latencies, 0.5),
			latency_p95_ms: at(this.#latencies, 0.95),
			distance_p50_ms: at(this.#distances, 0.5),
			distance_p95_ms: at(this.#distances, 0.95),
			playlist_requests: this.#playlist_requests,
			part_requests: this.#part_requests,
			parts: this.records.length,
			bad_parts: 0,
			active_share: this.#joined_ms === null ? 0 : Math.min(1, this.#active_ms / Math.max(1, this.#stopped_ms - this.#joined_ms)),
			peers,
			parents,
			children,
			depth,
			rescued,
			failovers,
			banned
		};
	}


	/** Token, playlists, the first part; then the swarm. Null when time is up before that. */
	async #join(signal: AbortSignal): Promise<string | null> {
		while (!signal.aborted) {
			try {
				const { base, renditions } = await (await this.#fetch(this.options.tokenUrl, signal)).json();
				const rendition: string = renditions[0] ?? 'source';
				const url = new URL(`${rendition}.m3u8`, new URL(base.replace(/\/?$/, '/'), this.options.tokenUrl)).href;
				const text = await this.#playlist(url, signal);
				this.swarm.setRendition(rendition);
				void this.swarm.start().then((joined) => {
					if (joined) this.#joined_ms = performance.now();
				});
				this.swarm.handleOriginPlaylist(rendition, url, text);
				this.#take(readPlaylist(text, url));
				return url;
			} catch (error) {
				this.options.log?.(String(error));
				await sleep(RETRY_MS, signal);
			}
		}
		return null;
	}

	async #fetch(url: string, signal: AbortSignal): Promise<Response> {
		const response = await (this.options.fetch ?? fetch)(url, { signal });
		if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
		return response;
	}

	async #playlist(url: string, signal: AbortSignal): Promise<string> {
		this.#playlist_requests++;
		return (await this.#fetch(url, signal)).text();
	}

	#take({ parts, next, ended, segments }: Listing): void {
		for (const [msn, url] of segments) {
			const segment = this.segments.get(msn);
			if (segment) segment.url = url;
		}
		const now = performance.now();
		const last = parts.at(-1);
		if (last) this.#edges.push({ at_ms: now, offset_ms: last.time_ms + last.duration_ms - now });
		while (this.#edges[0] && this.#edges[0].at_ms < now - EDGE_MS) this.#edges.shift();
		const known = this.#next;
		let fresh = parts;
		if (known) fresh = parts.filter(({ msn, part }) => msn > known.msn || (msn === known.msn && part >= known.part));
		else fresh = parts.slice(Math.max(0, parts.findLastIndex(({ independent, time_ms }) => independent && time_ms <= this.#edge_ms - this.options.target_ms)));
		this.#queue.push(...fresh);
		this.#next = next;
		this.#ended ||= ended;
		this.#wake();
	}

	get #edge_ms(): number {
		return performance.now() + Math.max(...this.#edges.map(({ offset_ms }) => offset_ms));
	}

	/** Reloads the playlist again and again: from the engine if it has it in time, else from the origin. */
	async #reload(url: string, signal: AbortSignal): Promise<void> {
		const rendition = url.slice(url.lastIndexOf('/') + 1).replace(/\.m3u8$/, '');
		while (!signal.aborted && !this.#ended && this.#next) {
			const reload: Reload = { ...this.#next, skip: true };
			try {
				let text = this.swarm.active ? await this.swarm.playlist(rendition, reload, within(signal, PLAYLIST_PATIENCE_MS)) : null;
				if (text === null) {
					text = await this.#playlist(`${url}?_HLS_msn=${reload.msn}&_HLS_part=${reload.part}&_HLS_skip=YES`, signal);
					this.swarm.handleOriginPlaylist(rendition, url, text);
				}
				this.#take(readPlaylist(text, url));
			} catch (error) {
				if (signal.aborted) return;
				this.options.log?.(String(error));
				await sleep(RETRY_MS, signal);
			}
		}
	}

	/** Loads part after part. */
	async #load(signal: AbortSignal): Promise<void> {
		while (!signal.aborted) {
			const next = this.#queue.shift();
			if (!next) {
				if (this.#ended) return;
				await new Promise<void>((resolve) => {
					this.#wake = resolve;
					signal.addEventListener('abort', () => resolve(), { once: true });
				});
				continue;
			}
			if (!next.gap) {
				const data = await this.#part(next, signal);
				if (!data) return;
				this.#record(next, data);
			}
			this.#buffered_ms = next.time_ms + next.duration_ms;
			this.#first_ms ??= next.time_ms;
		}
	}

	async #part({ url }: ListedPart, signal: AbortSignal): Promise<ArrayBuffer | null> {
		while (!signal.aborted) {
			try {
				const spare_ms = this.#playhead_ms === null ? 0 : this.#buffered_ms - this.#playhead_ms - MARGIN_MS;
				const shared = this.swarm.active ? await this.swarm.part(url, within(signal, Math.min(MAX_PATIENCE_MS, Math.max(50, spare_ms)))) : null;
				if (shared) return shared.data;
				this.#part_requests++;
				const data = await (await this.#fetch(url, signal)).arrayBuffer();
				this.#own_http_bytes += data.byteLength;
				return data;
			} catch (error) {
				if (signal.aborted) return null;
				this.options.log?.(String(error));
				await sleep(RETRY_MS, signal);
			}
		}
		return null;
	}

	#record({ msn, part }: ListedPart, data: ArrayBuffer): void {
		this.records.push({ msn, part, sha256: this.options.hash(data) });
		if (part === 0) this.segments.set(msn, { url: '', sizes: [] });
		const segment = this.segments.get(msn);
		if (segment?.sizes.length === part) segment.sizes.push(data.byteLength);
	}

	/** Moves the playhead, and takes down what happened. */
	#tick(): void {
		const passed_ms = this.#ticks === 0 ? 0 : performance.now() - this.#stopped_ms;
		this.#stopped_ms = performance.now();
		const tells = this.#ticks++ % TELL_TICKS === 0;
		if (tells) {
			this.#last = this.swarm.stats();
			if (this.#last.active) this.#active_ms += this.#stopped_ms - this.#told_ms;
			this.#told_ms = this.#stopped_ms;
		}
		if (this.#playhead_ms === null) {
			// The keyframe may lie farther back: what comes before the playhead is only decoded.
			const start_ms = Math.max(this.#first_ms ?? Infinity, this.#edge_ms - this.options.target_ms);
			if (this.#buffered_ms - start_ms >= RESUME_MS) this.#playhead_ms = start_ms;
			return;
		}
		const behind_ms = this.#edge_ms - this.#playhead_ms;
		const ahead_ms = this.#buffered_ms - this.#playhead_ms;
		if (this.#playing) {
			const rate = behind_ms > this.options.target_ms + TICK_MS ? CATCH_UP : 1;
			this.#playhead_ms = Math.min(this.#buffered_ms, this.#playhead_ms + passed_ms * rate);
			if (this.#playhead_ms >= this.#buffered_ms && !this.#ended) {
				this.#playing = false;
				this.#stalls++;
			}
			if (tells) {
				this.#latencies.push(Date.now() - this.#playhead_ms);
				this.#distances.push(behind_ms);
			}
		} else if (ahead_ms >= RESUME_MS) {
			this.#playing = true;
		} else if (this.#latencies.length > 0) {
			this.#stall_ms += passed_ms;
		}
		if (tells) this.swarm.handlePlayhead(this.#playhead_ms);
	}
}
