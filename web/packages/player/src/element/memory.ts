/** What a visit leaves for the next one. */

const STORAGE_KEY = 'shoal.player';

export interface Remembered {
	volume?: number;
	muted?: boolean;
	throughput_bps?: number;
	/** the viewer's switch for sharing with others */
	p2p?: boolean;
	/** was told that sharing shows the address */
	p2p_told?: boolean;
}

export function remembered(): Remembered {
	try {
		const value: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}');
		return typeof value === 'object' && value !== null ? (value as Remembered) : {};
	} catch {
		return {};
	}
}

export function remember(change: Remembered): void {
	try {
		localStorage.setItem(STORAGE_KEY, JSON.stringify({ ...remembered(), ...change }));
	} catch {
		// No storage (private mode, an embed without third-party storage): the next visit starts afresh.
	}
}
