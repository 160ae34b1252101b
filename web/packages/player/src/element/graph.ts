/** What came and went in the last minute, as a picture. */

/** One bar a second. */
const SAMPLE_MS = 1_000;
const SAMPLES = 60;

/** The colours of the legend, too. */
export const COLOURS = { http: '#ff9f43', p2p: '#2ed3b7', upload: '#8c9eff' };

/** Bytes since the beginning. */
export interface Traffic {
	http_bytes: number;
	p2p_bytes: number;
	p2p_upload_bytes: number;
}

interface Sample {
	http: number;
	p2p: number;
	upload: number;
}

/** The traffic of each of the last seconds. */
export class TrafficHistory {
	#samples: Sample[] = [];
	#last: Traffic | null = null;
	#at_ms = 0;

	/** Oldest first; bytes per second. */
	get samples(): readonly Readonly<Sample>[] {
		return this.#samples;
	}

	/** Notes the state of the counters; called more often than once a second. */
	add(now_ms: number, traffic: Traffic): void {
		if (this.#last === null) {
			this.#last = traffic;
			this.#at_ms = now_ms;
			return;
		}
		const elapsed_ms = now_ms - this.#at_ms;
		if (elapsed_ms < SAMPLE_MS) return;
		const rate = (now: number, before: number): number => (Math.max(0, now - before) * 1000) / elapsed_ms;
		this.#samples.push({
			http: rate(traffic.http_bytes, this.#last.http_bytes),
			p2p: rate(traffic.p2p_bytes, this.#last.p2p_bytes),
			upload: rate(traffic.p2p_upload_bytes, this.#last.p2p_upload_bytes)
		});
		if (this.#samples.length > SAMPLES) this.#samples.shift();
		this.#last = traffic;
		this.#at_ms = now_ms;
	}
}

/** Draws received bytes upwards (from the server below those from peers) and sent ones downwards. */
export function drawTraffic(canvas: HTMLCanvasElement, { samples }: TrafficHistory): void {
	const context = canvas.getContext('2d');
	if (!context) return;
	const { width, height } = canvas;
	const top = Math.max(1, ...samples.map((sample) => sample.http + sample.p2p));
	const bottom = Math.max(1, ...samples.map((sample) => sample.upload));
	// One scale for both halves, so that they can be compared.
	const scale = (height - 2) / (top + bottom);
	const zero = 1 + top * scale;
	const step = width / SAMPLES;
	context.clearRect(0, 0, width, height);
	samples.forEach((sample, index) => {
		const x = width - (samples.length - index) * step;
		const bar = (colour: string, y: number, length: number): void => {
			context.fillStyle = colour;
			context.fillRect(x, y, step - 1, length);
		};
		const http = sample.http * scale;
		const p2p = sample.p2p * scale;
		bar(COLOURS.http, zero - http, http);
		bar(COLOURS.p2p, zero - http - p2p, p2p);
		bar(COLOURS.upload, zero, sample.upload * scale);
	});
	context.fillStyle = 'rgba(255, 255, 255, 0.5)';
	context.fillRect(0, Math.round(zero), width, 1);
}
