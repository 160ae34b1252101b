/** What the REST API answers, in PeerTube's words; see `openapi.json`. Only the fields that pages use. */

export interface Labelled {
	id: number;
	label: string;
}

/** `state.id` of a video. */
export const VideoState = { published: 1, waitingForLive: 4, liveEnded: 5 } as const;

/** `privacy.id` of a video. */
export const Privacy = { public: 1, unlisted: 2, private: 3, internal: 4 } as const;

/** `latencyMode` of a live. */
export const LatencyMode = { default: 1, high: 2, small: 3 } as const;

export interface Actor {
	id: number;
	name: string;
	displayName: string;
	host: string;
	url: string;
}

export interface Video {
	id: number;
	uuid: string;
	shortUUID: string;
	name: string;
	description: string | null;
	truncatedDescription?: string | null;
	privacy: Labelled;
	state?: Labelled;
	isLive: boolean;
	isLocal: boolean;
	/** seconds; 0 for a live */
	duration: number;
	views: number;
	viewers: number;
	thumbnailPath: string | null;
	previewPath: string | null;
	createdAt: string;
	publishedAt: string | null;
	account: Actor;
	channel: Actor;
}

export interface StreamingPlaylist {
	id: number;
	playlistUrl: string;
	segmentsSha256Url?: string | null;
}

export interface VideoDetails extends Video {
	state: Labelled;
	streamingPlaylists: StreamingPlaylist[];
	/** of a live; see `LatencyMode` */
	latencyMode?: number;
}

export interface Live {
	rtmpUrl: string | null;
	rtmpsUrl: string | null;
	streamKey: string | null;
	permanentLive: boolean;
	saveReplay: boolean;
	latencyMode: number;
}

export interface LiveSession {
	id: number;
	startDate: string;
	endDate: string | null;
	endingProcessed: boolean;
	saveReplay: boolean;
	/** PeerTube's `LiveVideoError`, null when it ended as it should */
	error: number | null;
	replayVideo?: { id: number; uuid: string; shortUUID: string } | null;
}

export interface User {
	id: number;
	username: string;
	role: Labelled;
	account: Actor;
	videoChannels: Actor[];
}

export interface List<T> {
	total: number;
	data: T[];
}

export interface OAuthClient {
	client_id: string;
	client_secret: string;
}

export interface Tokens {
	access_token: string;
	refresh_token: string;
	/** seconds */
	expires_in: number;
	refresh_token_expires_in?: number;
}
