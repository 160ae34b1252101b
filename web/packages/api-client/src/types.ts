/** What the REST API answers, by names that pages use; all but a few come from `openapi.json`. */

import type { components } from './schema.js';

type Schemas = components['schemas'];

/** `state.id` of a video. */
export const VideoState = { published: 1, waitingForLive: 4, liveEnded: 5 } as const;

/** `privacy.id` of a video. */
export const Privacy = { public: 1, unlisted: 2, private: 3, internal: 4 } as const;

/** `latencyMode` of a live. */
export const LatencyMode = { default: 1, high: 2, small: 3 } as const;

export type Video = Schemas['VideoSummary'];
export type VideoDetails = Schemas['VideoDetails'];
export type Live = Schemas['LiveView'];
export type LiveSession = Schemas['SessionView'];
export type Created = Schemas['Created'];
export type OAuthClient = Schemas['OAuthClient'];
export type Tokens = Schemas['Tokens'];
export type Channel = Schemas['ChannelView'];
export type Account = Schemas['AccountView'];

export interface List<T> {
	total: number;
	data: T[];
}

/** `GET /users/me`: PeerTube's answer has many settings, of which pages use these. */
export interface User {
	id: number;
	username: string;
	role: Schemas['Labelled_i64'];
	/** shares with other viewers, unless something else is chosen on a page */
	p2pEnabled: boolean;
	account: Account;
	videoChannels: Channel[];
}
