/** The segments of a recording, as its media playlist lists them. No I/O. */

import type { Span } from './core';

/** Three days in segments of four seconds. */
const MAX_SEGMENTS = 65_536;

export interface TimelineSegment extends Span {
	url: string;
	/** first byte in `url` */
	offset: number;
}

export class Timeline {
	private constructor(
		/** media sequence number of the first */
		readonly first: number,
		readonly segments: readonly TimelineSegment[]
	) {}

	/** Reads a media playlist from `url`; null unless it is the whole one of a recording. */
	static parse(text: string, url: string): Timeline | null {
		if (!/^#EXT-X-ENDLIST/m.test(text)) return null;
		const segments: TimelineSegment[] = [];
		let first = 0;
		let start_ms = 0;
		let duration_ms = 0;
		let range: { size: number; offset: number | null } | null = null;
		let before: { uri: string; end: number } | null = null;
		for (const line of text.split(/\r?\n/)) {
			if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) first = Number(line.slice(22));
			else if (line.startsWith('#EXTINF:')) duration_ms = 1000 * parseFloat(line.slice(8));
			else if (line.startsWith('#EXT-X-BYTERANGE:')) {
				const found = /^(\d+)(?:@(\d+))?/.exec(line.slice(17));
				if (!found) return null;
				range = { size: Number(found[1]), offset: found[2] === undefined ? null : Number(found[2]) };
			} else if (line !== '' && !line.startsWith('#')) {
				if (segments.length >= MAX_SEGMENTS || !(duration_ms >= 0)) return null;
				// Section 4.4.4.2: without an offset the range follows the one before.
				const offset: number = range?.offset ?? (range && before?.uri === line ? before.end : 0);
				before = { uri: line, end: offset + (range?.size ?? 0) };
				let absolute;
				try {
					absolute = new URL(line, url).href;
				} catch {
					return null;
				}
				segments.push({ start_ms: Math.round(start_ms), duration_ms: Math.round(duration_ms), size: range?.size ?? null, offset, url: absolute });
				start_ms += duration_ms;
				duration_ms = 0;
				range = null;
			}
		}
		return Number.isInteger(first) && first >= 0 && segments.length > 0 ? new Timeline(first, segments) : null;
	}

	/** One after the last. */
	get end(): number {
		return this.first + this.segments.length;
	}

	at(index: number): TimelineSegment | null {
		return this.segments[index - this.first] ?? null;
	}

	/** The segment that is played at `time_ms`; the first or last one beyond the ends. */
	indexAt(time_ms: number): number {
		let low = 0;
		let high = this.segments.length - 1;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if ((this.segments[middle]?.start_ms ?? 0) <= time_ms) low = middle;
			else high = middle - 1;
		}
		return this.first + low;
	}

	/** Bytes per millisecond on average; 0 when sizes are not known. */
	get rate(): number {
		let bytes = 0;
		let duration_ms = 0;
		for (const segment of this.segments) {
			bytes += segment.size ?? 0;
			duration_ms += segment.duration_ms;
		}
		return duration_ms > 0 ? bytes / duration_ms : 0;
	}
}
