/**
 * Which rendition to play while in a swarm. What peers push is here before hls.js asks for it, so that its measurements of
 * throughput say nothing; what shows that a link does not carry a rendition is that its parts are late. Pure: times come
 * in as arguments.
 *
 * A step down follows parts that are late again and again. Nothing that comes in a swarm shows that the link would carry
 * more: slices come as fast as others can send them. So before a step up, half a second of the better rendition's
 * rate is fetched over HTTP beside the stream. Each failure makes the next attempt wait twice as long.
 */

/**
 * A part that is here so shortly before its picture is late: the swarm's scheduler turns to HTTP in time to have everything
 * 0.3 s ahead. Where HTTP helps out and is in time, the link is not what is slow.
 */
const LATE_S = 0.3;
/** So many of the newest parts are looked at... */
const PARTS = 10;
/** ...and so many late ones are too many: a keyframe that is late holds up a few behind it. */
const MAX_LATE = 5;
/** Playback that ran dry may have other reasons; with late parts around it there is no doubt. */
const STALL_MS = 2_000;
/** After joining and after each step: the beginning says nothing. */
const SETTLE_MS = 4_000;
/** No late part for this long, before more is tried. */
const CALM_MS = 20_000;
/** A rendition is to take no more than this part of the link: what hls.js asks for before a step up. */
const LINK_SHARE = 0.7;
/** After a failure no step up for this long, doubled each time... */
const RETRY_FIRST_MS = 30_000;
/** ...up to this. */
const RETRY_MAX_MS = 480_000;
/** A step up that held for this long went well: failures before it are forgotten. */
const GOOD_MS = 60_000;
/**
 * Between the swarms of two renditions parts come over HTTP: what was decided holds for this long without a swarm, and at least
 * until a step up is allowed again, as hls.js would make it at once.
 */
const HOLD_MS = 20_000;

/** What is known when it is to be decided. */
export interface Facts {
	/** parts come through the swarm */
	active: boolean;
	/** nothing stands against sharing: a swarm that is not active may be so again soon */
	wanted: boolean;
	/** the viewer leaves the choice to the player */
	automatic: boolean;
	/** what is being loaded, as an index into `bitrates_bps`; -1: nothing yet */
	level: number;
	/** the best that suits the size of the picture */
	cap: number;
	/** of the renditions, the worst first */
	bitrates_bps: readonly number[];
}

export interface Decision {
	/** what to load; null: what hls.js chooses by its measurements */
	level: number | null;
	/** find out whether this rate comes over HTTP, and tell by `handleProbe` */
	probe_bps: number | null;
}

export class RenditionControl {
	/** what it decided; null: the choice is hls.js' */
	#level: number | null = null;
	/** in force since */
	#since_ms = 0;
	#active_ms = -Infinity;
	/** whether they were late, oldest first */
	#parts: boolean[] = [];
	#late_ms = -Infinity;
	#stalled_ms = -Infinity;
	/** no step up before */
	#up_at_ms = -Infinity;
	#retry_ms = RETRY_FIRST_MS;
	/** the last step went up, a moment ago */
	#risen = false;
	/** the rate that is being probed */
	#asked_bps: number | null = null;
	/** the rate that a probe has just shown */
	#proven_bps = 0;

	/** A part is here, `ahead_s` before all that was buffered before it is played. */
	handlePart(now_ms: number, ahead_s: number): void {
		if (this.#level === null || now_ms - this.#since_ms < SETTLE_MS) return;
		const late = ahead_s < LATE_S;
		if (late) this.#late_ms = now_ms;
		this.#parts.push(late);
		if (this.#parts.length > PARTS) this.#parts.shift();
	}

	/** Playback ran dry although the stream went on. */
	handleStall(now_ms: number): void {
		this.#stalled_ms = this.#late_ms = now_ms;
	}

	/** Whether what `Decision.probe_bps` asked for came. */
	handleProbe(now_ms: number, carried: boolean): void {
		if (carried) this.#proven_bps = this.#asked_bps ?? 0;
		else this.#putOff(now_ms);
		this.#asked_bps = null;
	}

	/** Called ten times a second. */
	decide(now_ms: number, facts: Facts): Decision {
		const { active, wanted, automatic, level, cap, bitrates_bps } = facts;
		const proven_bps = this.#proven_bps;
		this.#proven_bps = 0;
		if (active) this.#active_ms = now_ms;
		const between = this.#level !== null && wanted && now_ms < Math.max(this.#active_ms + HOLD_MS, this.#up_at_ms);
		if (!automatic || level < 0 || bitrates_bps.length < 2 || !(active || between)) {
			this.#level = null;
			return { level: null, probe_bps: null };
		}
		// Taken over from hls.js, also where it has left a rendition that cannot be loaded.
		if (this.#level !== level) this.#enter(now_ms, level, false);
		if (this.#risen && now_ms - this.#since_ms >= GOOD_MS) {
			this.#risen = false;
			this.#retry_ms = RETRY_FIRST_MS;
		}
		if (level > cap) {
			this.#enter(now_ms, cap, false);
		} else if (level > 0 && this.#isLate(now_ms)) {
			this.#putOff(now_ms);
			this.#enter(now_ms, level - 1, false);
		} else if (active && level < cap) {
			return { level, probe_bps: null, ...this.#rise(now_ms, level, (bitrates_bps[level + 1] ?? Infinity) / LINK_SHARE, proven_bps) };
		}
		return { level: this.#level, probe_bps: null };
	}

	#isLate(now_ms: number): boolean {
		const late = this.#parts.filter((part) => part).length;
		return late >= MAX_LATE || (late > 0 && now_ms - this.#stalled_ms < STALL_MS);
	}

	/** One step up, if it is time and the rate is proven; else perhaps the wish to have it proven. */
	#rise(now_ms: number, level: number, needed_bps: number, proven_bps: number): Partial<Decision> {
		const calm_ms = now_ms - Math.max(this.#since_ms, this.#late_ms);
		if (calm_ms < CALM_MS || now_ms < this.#up_at_ms || this.#asked_bps !== null) return {};
		if (proven_bps >= needed_bps) {
			this.#enter(now_ms, level + 1, true);
			return { level: level + 1 };
		}
		this.#asked_bps = needed_bps;
		return { probe_bps: needed_bps };
	}

	#enter(now_ms: number, level: number, risen: boolean): void {
		this.#level = level;
		this.#since_ms = now_ms;
		this.#risen = risen;
		this.#parts = [];
	}

	#putOff(now_ms: number): void {
		this.#up_at_ms = now_ms + this.#retry_ms;
		this.#retry_ms = Math.min(RETRY_MAX_MS, 2 * this.#retry_ms);
	}
}
