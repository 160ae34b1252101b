import { pageEvents } from '@shoal/api-client/events';
import type { SharingOptions, SharingState } from '@shoal/player';
import { session } from './session.svelte';

/** What the page tells of sharing: the state, and bytes of this visit from and to other viewers. */
export interface Shared extends SharingState {
	peers: number;
	received_bytes: number;
	sent_bytes: number;
}

/** `p2p=0` in the address, as embeds have it: no sharing until somebody switches it on. */
const keepsToItself = (): boolean => new URLSearchParams(location.search).get('p2p') === '0';

/** How the player shares this server's live `uuid`: with this page's own socket for the tracker. */
export function sharingOf(uuid: string): SharingOptions {
	return {
		uuid,
		tokenUrl: new URL(`/api/shoal/v1/swarms/${uuid}/token`, location.origin).href,
		signalling: () => pageEvents().tracker(),
		choice: keepsToItself() ? false : session.shares
	};
}
