import type { Created, Live, LiveSession, List, OAuthClient, Tokens, User, Video, VideoDetails } from './types.js';

export * from './types.js';

/** What went wrong, as `application/problem+json` (RFC 9457) tells it, or as the network does. */
export class ApiError extends Error {
	constructor(
		/** HTTP status; 0 when the server could not be reached */
		readonly status: number,
		/** PeerTube's machine-readable code, e.g. `invalid_grant` */
		readonly code: string | null,
		detail: string,
		options?: ErrorOptions
	) {
		super(detail, options);
		this.name = 'ApiError';
	}

	get unreachable(): boolean {
		return this.status === 0;
	}
}

export interface NewLive {
	channelId: number;
	name: string;
	description?: string;
	privacy: number;
	permanentLive: boolean;
	saveReplay: boolean;
	latencyMode: number;
}

export interface VideoQuery {
	start?: number;
	count?: number;
	sort?: string;
	isLive?: boolean;
}

export interface ApiOptions {
	/** Origin of the server; '' = the page's own. */
	base?: string;
	/** The access token for the next request, or null when nobody is logged in. */
	token?: () => Promise<string | null>;
	/** A request that carried `token` was refused with 401; answers a newer token to try once more with, or null. */
	unauthorized?: (token: string) => Promise<string | null>;
	fetch?: typeof fetch;
}

/** A request that has not been answered after this long never will be: say so instead of waiting. */
const TIMEOUT_MS = 15_000;

export class Api {
	readonly #base: string;
	readonly #token: () => Promise<string | null>;
	readonly #unauthorized: (token: string) => Promise<string | null>;
	readonly #fetch: typeof fetch;

	constructor(options: ApiOptions = {}) {
		this.#base = options.base ?? '';
		this.#token = options.token ?? (async () => null);
		this.#unauthorized = options.unauthorized ?? (async () => null);
		this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
	}

	videos(query: VideoQuery = {}): Promise<List<Video>> {
		return this.#json('GET', `/api/v1/videos${search(query)}`);
	}

	/** `id`: number, UUID or short UUID. */
	video(id: string | number): Promise<VideoDetails> {
		return this.#json('GET', `/api/v1/videos/${segment(id)}`);
	}

	deleteVideo(id: string | number): Promise<void> {
		return this.#json('DELETE', `/api/v1/videos/${segment(id)}`);
	}

	createLive(live: NewLive): Promise<Created> {
		return this.#json('POST', '/api/v1/videos/live', form(live));
	}

	/** Server address and stream key: only for the owner. */
	live(id: string | number): Promise<Live> {
		return this.#json('GET', `/api/v1/videos/live/${segment(id)}`);
	}

	updateLive(id: string | number, change: Partial<Pick<Live, 'saveReplay' | 'permanentLive' | 'latencyMode'>>): Promise<void> {
		return this.#json('PUT', `/api/v1/videos/live/${segment(id)}`, JSON.stringify(change));
	}

	liveSessions(id: string | number): Promise<List<LiveSession>> {
		return this.#json('GET', `/api/v1/videos/live/${segment(id)}/sessions`);
	}

	/** Ends the running broadcast at once. */
	endLive(id: string | number): Promise<void> {
		return this.#json('POST', `/api/shoal/v1/videos/${segment(id)}/end`);
	}

	/** Replaces the stream key; the old one is refused from then on. */
	async rotateStreamKey(id: string | number): Promise<string> {
		const answer = await this.#json<{ streamKey: string }>('POST', `/api/shoal/v1/videos/${segment(id)}/stream-key`);
		return answer.streamKey;
	}

	me(): Promise<User> {
		return this.#json('GET', '/api/v1/users/me');
	}

	myVideos(query: VideoQuery = {}): Promise<List<Video>> {
		return this.#json('GET', `/api/v1/users/me/videos${search(query)}`);
	}

	oauthClient(): Promise<OAuthClient> {
		return this.#json('GET', '/api/v1/oauth-clients/local', undefined, false);
	}

	/** OAuth2 password grant. */
	async login(username: string, password: string): Promise<Tokens> {
		const client = await this.oauthClient();
		const fields = { ...client, grant_type: 'password', response_type: 'code', username, password };
		return this.#json('POST', '/api/v1/users/token', new URLSearchParams(fields), false);
	}

	async refresh(refresh_token: string): Promise<Tokens> {
		const client = await this.oauthClient();
		const fields = { ...client, grant_type: 'refresh_token', response_type: 'code', refresh_token };
		return this.#json('POST', '/api/v1/users/token', new URLSearchParams(fields), false);
	}

	logout(): Promise<void> {
		return this.#json('POST', '/api/v1/users/revoke-token');
	}

	async #json<T>(method: string, path: string, body?: BodyInit, authorised = true): Promise<T> {
		const token = authorised ? await this.#token() : null;
		let response = await this.#send(method, path, body, token);
		if (response.status === 401 && token !== null) {
			const newer = await this.#unauthorized(token);
			if (newer !== null) response = await this.#send(method, path, body, newer);
		}
		if (!response.ok) throw await problem(response);
		const text = await response.text();
		if (text === '') return undefined as T;
		try {
			return JSON.parse(text) as T;
		} catch (cause) {
			throw new ApiError(response.status, null, 'The answer is not JSON.', { cause });
		}
	}

	async #send(method: string, path: string, body: BodyInit | undefined, token: string | null): Promise<Response> {
		const headers = new Headers({ accept: 'application/json' });
		if (token !== null) headers.set('authorization', `Bearer ${token}`);
		if (typeof body === 'string') headers.set('content-type', 'application/json');
		try {
			return await this.#fetch(this.#base + path, { method, headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
		} catch (cause) {
			throw new ApiError(0, null, 'The server cannot be reached.', { cause });
		}
	}
}

async function problem(response: Response): Promise<ApiError> {
	let fields: { code?: unknown; detail?: unknown; error?: unknown; title?: unknown } = {};
	try {
		fields = (await response.json()) as typeof fields;
	} catch {
		// Not JSON (a proxy's page): the status has to say it all.
	}
	const text = [fields.detail, fields.error, fields.title].find((field) => typeof field === 'string');
	return new ApiError(
		response.status,
		typeof fields.code === 'string' ? fields.code : null,
		(text as string | undefined) ?? `HTTP ${response.status}`
	);
}

function segment(id: string | number): string {
	return encodeURIComponent(String(id));
}

function search(query: object): string {
	const params = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) if (value !== undefined) params.set(name, String(value));
	const text = params.toString();
	return text === '' ? '' : `?${text}`;
}

function form(fields: object): FormData {
	const data = new FormData();
	for (const [name, value] of Object.entries(fields)) if (value !== undefined) data.set(name, String(value));
	return data;
}
