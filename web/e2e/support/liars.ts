import { startNative } from './native';
import type { TestLive } from './shoal';

export const WAYS = ['wrong-bytes', 'wrong-length', 'flood', 'lying-have', 'accuse'] as const;
export type Way = (typeof WAYS)[number];

/** What a liar did to another peer, or of whom it told the tracker; peers are 40 hexadecimal digits. */
export interface Lie {
	liar: string;
	to: string;
	at_ms: number;
	evil: Way;
}

export interface LiarRun {
	kill(): void;
}

/** Starts a native peer that harms the swarm of `live` in its way; `lied` hears of it, `prefix`: words before the command. */
export function liar(url: string, live: TestLive, way: Way, { seconds, prefix = [], lied }: { seconds: number; prefix?: string[]; lied: (lie: Lie) => void }): LiarRun {
	return startNative(url, live, { evil: way, seconds }, prefix, (line) => {
		const lie = line as Lie;
		if (lie.liar) lied(lie);
	});
}
