import type { Crowd } from './crowd';
import type { Lie } from './liars';
import { seen } from './probe';

/** A liar is out of the set of whom it lied to by then. */
export const OUT_MS = 2000;
/** Lies further apart than this are told on another occasion. */
const OCCASION_MS = 5000;
/** One side may find a connection open this much before the other. */
const SKEW_MS = 300;
/** Viewers say this often how long they were held up. */
const WAITS_EVERY_MS = 1000;

/** What became of those who lied, and of those who did not. */
export interface Verdict {
	lies: number;
	/** of them what the tracker was told */
	accusations: number;
	/** occasions on which somebody was lied to */
	pairs: number;
	worst_ms: number;
	/** those that took longer than `OUT_MS`; `held_up_ms`: the longest that the program of who was lied to kept anything waiting meanwhile */
	slow: { liar: string; to: string; evil: string; took_ms: number; held_up_ms: number | null }[];
	/** how long it took in the middle, and with nine of ten */
	median_ms: number;
	p90_ms: number;
	banned_honest: number;
	expelled_honest: number;
	/** those who lied to an honest peer, and... */
	liars: Set<string>;
	/** ...those whom somebody banned or put out after they had lied, by their last eight digits */
	banned: Set<string>;
}

/** Compares what liars said of themselves with what was seen of honest peers. */
export async function judge(crowd: Crowd): Promise<Verdict> {
	const liars = new Set(crowd.lies.map(({ liar }) => liar));
	const short = (peer: string): string => peer.slice(-8);
	const short_liars = new Set([...liars].map(short));
	// When each honest peer was connected to whom.
	const contacts = new Map<string, { other: string; at_ms: number; open: boolean }[]>();
	for (const { reports, contacts: told } of crowd.viewers) {
		for (const peer of reports.keys()) contacts.set(peer, []);
		for (const { peer, other, at_ms, what } of told) contacts.get(peer)?.push({ other, at_ms, open: what === 'opened' });
	}
	for (const { self, pairs } of await Promise.all(crowd.pages.map(({ page }) => seen(page)))) {
		if (self === null) continue;
		const moments = pairs.flatMap(({ peer, opened_ms, closed_ms }) => [
			{ other: short(peer ?? ''), at_ms: opened_ms, open: true },
			{ other: short(peer ?? ''), at_ms: closed_ms, open: false }
		]);
		contacts.set(
			self,
			moments.flatMap(({ at_ms, ...rest }) => (at_ms === null ? [] : [{ at_ms, ...rest }])).sort((a, b) => a.at_ms - b.at_ms)
		);
	}
	const told = new Map<string, Lie[]>();
	for (const lie of crowd.lies) {
		if (lie.evil === 'accuse' || !contacts.has(lie.to)) continue;
		const key = `${lie.liar} ${lie.to}`;
		told.set(key, [...(told.get(key) ?? []), lie]);
	}
	const judged_ms = Date.now();
	const waits = crowd.viewers.flatMap((viewers) => viewers.waits);
	const took: Verdict['slow'] = [];
	for (const lies of told.values()) {
		const { liar, to, evil } = lies[0]!;
		const spans = evil === 'lying-have' ? reliances(lies) : connections(contacts.get(to)!.filter(({ other }) => other === short(liar)));
		for (const [begin_ms, end_ms] of spans) {
			const first = lies.find(({ at_ms }) => at_ms >= begin_ms - SKEW_MS && at_ms <= end_ms);
			// The newest are not judged yet.
			if (!first || (end_ms === Infinity && first.at_ms > judged_ms - OUT_MS)) continue;
			const from_ms = Math.max(begin_ms, first.at_ms);
			// What was said within a second after the end began before it.
			const meanwhile = waits.filter(({ peer, at_ms }) => peer === to && at_ms >= from_ms && at_ms <= end_ms + WAITS_EVERY_MS);
			const held_up_ms = meanwhile.length === 0 ? null : Math.max(...meanwhile.map((wait) => wait.held_up_ms));
			took.push({ liar: short(liar), to: short(to), evil, took_ms: end_ms - from_ms, held_up_ms });
		}
	}
	const times = took.map(({ took_ms }) => took_ms).sort((a, b) => a - b);
	const quantile = (part: number): number => times[Math.floor(part * (times.length - 1))] ?? 0;
	const bans = crowd.viewers.flatMap((viewers) => viewers.contacts).filter(({ what }) => what === 'banned');
	return {
		lies: crowd.lies.length,
		accusations: crowd.lies.filter(({ evil }) => evil === 'accuse').length,
		pairs: took.length,
		worst_ms: Math.max(0, ...times),
		median_ms: quantile(0.5),
		p90_ms: quantile(0.9),
		slow: took.filter(({ took_ms }) => took_ms > OUT_MS),
		banned_honest: bans.filter(({ other }) => !short_liars.has(other)).length,
		expelled_honest: crowd.viewers.reduce((sum, { expelled }) => sum + expelled.size, 0),
		liars: new Set(took.map(({ liar }) => liar)),
		banned: new Set(took.filter(({ evil, took_ms }) => evil !== 'lying-have' && took_ms < Infinity).map(({ liar }) => liar))
	};
}

/** From when to when each connection was open. */
function connections(contacts: { at_ms: number; open: boolean }[]): [number, number][] {
	const spans: [number, number][] = [];
	for (const { at_ms, open } of contacts) {
		const last = spans.at(-1);
		if (last) last[1] = Math.min(last[1], at_ms);
		if (open) spans.push([at_ms, Infinity]);
	}
	return spans;
}

/** Who gives nothing has no connection to lose by it: it counts for how long it was relied upon each time. */
function reliances(lies: Lie[]): [number, number][] {
	const spans: [number, number][] = [];
	for (const { at_ms } of lies) {
		const last = spans.at(-1);
		if (last && at_ms - last[1] < OCCASION_MS) last[1] = at_ms;
		else spans.push([at_ms, at_ms]);
	}
	return spans;
}
