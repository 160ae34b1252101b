import { pageEvents } from '@shoal/api-client/events';
import type { SharingOptions, SharingState } from '@shoal/player';
import { session } from './session.svelte';

/** What the page tells of sharing: the state, and bytes of this visit from and to other viewers. */
export interface Shared extends SharingState {
	peers: number;
	received_bytes: number;
	sent_bytes: number;
}

/** How the player shares this server's live `uuid`: with this page's own socket for the tracker. */
export function sharingOf(uuid: string): SharingOptions {
	return {
		uuid,
		tokenUrl: new URL(`/api/shoal/v1/swarms/${uuid}/token`, location.origin).href,
		signalling: () => pageEvents().tracker(),
		// The address may forbid sharing, as an embed's may.
		allowed: new URLSearchParams(location.search).get('p2p') !== '0',
		choice: session.shares
	};
}
