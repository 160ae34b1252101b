import { language } from './messages';

/** `75` -> `1:15`, `3675` -> `1:01:15`. */
export function clock(duration_s: number): string {
	const whole = Math.max(0, Math.round(duration_s));
	const seconds = String(whole % 60).padStart(2, '0');
	const minutes = Math.floor(whole / 60) % 60;
	const hours = Math.floor(whole / 3600);
	return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
	['year', 31_557_600],
	['month', 2_629_800],
	['week', 604_800],
	['day', 86_400],
	['hour', 3_600],
	['minute', 60]
];

/** `3 hours ago`; `now` for less than a minute. */
export function ago(moment: string | number | Date, now: number = Date.now()): string {
	const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
	const elapsed_s = (now - new Date(moment).getTime()) / 1000;
	for (const [unit, seconds] of STEPS) {
		if (Math.abs(elapsed_s) >= seconds) return relative.format(-Math.trunc(elapsed_s / seconds), unit);
	}
	return relative.format(0, 'second');
}

/** `12.3 MB`, as data plans count. */
export function megabytes(bytes: number): string {
	return `${new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(bytes / 1e6)} MB`;
}

/** In the unit in which encoders are set up: `2,480 kbit/s`. */
export function bitrate(kbps: number): string {
	return `${new Intl.NumberFormat(language, { maximumFractionDigits: 0 }).format(kbps)} kbit/s`;
}
