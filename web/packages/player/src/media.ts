/** Facts of a media element. */

import type { Range } from './latency';

/** The buffered ranges, ascending. */
export function bufferedRanges(video: HTMLVideoElement): Range[] {
	const { buffered } = video;
	const ranges: Range[] = [];
	for (let i = 0; i < buffered.length; i++) ranges.push({ start: buffered.start(i), end: buffered.end(i) });
	return ranges;
}

/** How much is buffered from the playhead on without a hole. */
export function aheadSeconds(video: HTMLVideoElement): number {
	const position_s = video.currentTime;
	for (const range of bufferedRanges(video)) {
		if (range.start <= position_s + 0.05 && position_s < range.end) return range.end - position_s;
	}
	return 0;
}

/** The wall-clock time of position 0 (Safari's own player knows it from the programme date-time); NaN elsewhere. */
export function startDate(video: HTMLVideoElement): number {
	const { getStartDate } = video as HTMLVideoElement & { getStartDate?: () => Date };
	return getStartDate ? getStartDate.call(video).getTime() : NaN;
}
