import { Api, ApiError, type Tokens, type User } from '@shoal/api-client';

interface Stored {
	access_token: string;
	refresh_token: string;
	/** ms since the Unix epoch */
	expires_at: number;
}

const STORAGE = 'shoal.session';
/** There while the user's setting is not to share: a player starts before the server could be asked. */
const KEEPS_TO_ITSELF = 'shoal.session.p2p-off';
/** Renew this long before the end, so that no request is sent with a token that dies on the way. */
const RENEW_BEFORE_MS = 60_000;

function load(): Stored | null {
	try {
		const stored = JSON.parse(localStorage.getItem(STORAGE) ?? 'null') as Stored | null;
		return stored && typeof stored.access_token === 'string' && typeof stored.refresh_token === 'string' ? stored : null;
	} catch {
		return null;
	}
}

/** Who is logged in on this browser. Tabs share it through `localStorage`. */
class Session {
	#stored = $state.raw<Stored | null>(typeof localStorage === 'undefined' ? null : load());
	#renewal: Promise<string | null> | null = null;
	user = $state.raw<User | null>(null);

	/** The API as this user. */
	readonly api = new Api({
		token: () => this.token(),
		unauthorized: (token) => (token === this.#stored?.access_token ? this.#renew() : Promise.resolve(this.#stored?.access_token ?? null))
	});

	constructor() {
		if (typeof window === 'undefined') return;
		window.addEventListener('storage', (event) => {
			if (event.key !== STORAGE && event.key !== null) return;
			this.#stored = load();
			if (!this.#stored) this.user = null;
		});
	}

	get loggedIn(): boolean {
		return this.#stored !== null;
	}

	/** What the user wishes where nothing was chosen on this browser. False: not to share; null: as the instance says. */
	get shares(): false | null {
		return this.loggedIn && localStorage.getItem(KEEPS_TO_ITSELF) !== null ? false : null;
	}

	/** An access token that is good for a while, or null. */
	async token(): Promise<string | null> {
		if (!this.#stored) return null;
		if (Date.now() < this.#stored.expires_at - RENEW_BEFORE_MS) return this.#stored.access_token;
		return this.#renew();
	}

	async login(username: string, password: string): Promise<void> {
		this.#keep(await this.api.login(username, password));
		this.user = null;
		await this.me();
	}

	async logout(): Promise<void> {
		const told = this.#stored ? this.api.logout().catch(() => undefined) : Promise.resolve();
		await told;
		this.#forget();
	}

	/** The logged-in user, asked once. */
	async me(): Promise<User | null> {
		if (!this.#stored) return null;
		if ((await this.token()) === null && this.#stored) throw new ApiError(0, null, 'The session cannot be renewed now.');
		try {
			if (!this.user) {
				this.user = await this.api.me();
				if (this.user.p2pEnabled === false) localStorage.setItem(KEEPS_TO_ITSELF, '');
				else localStorage.removeItem(KEEPS_TO_ITSELF);
			}
			return this.user;
		} catch (error) {
			if (error instanceof ApiError && error.status === 401) {
				this.#forget();
				return null;
			}
			throw error;
		}
	}

	/** One renewal at a time in all tabs: a refresh token works once. */
	#renew(): Promise<string | null> {
		this.#renewal ??= this.#locked(async () => {
			const before = this.#stored;
			const elsewhere = load();
			if (elsewhere && elsewhere.access_token !== before?.access_token) {
				this.#stored = elsewhere;
				return elsewhere.access_token;
			}
			if (!before) return null;
			try {
				const tokens = await this.api.refresh(before.refresh_token);
				this.#keep(tokens);
				return tokens.access_token;
			} catch (error) {
				// Refused for good: log out. A server that is away keeps the session.
				if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) this.#forget();
				return null;
			}
		}).finally(() => (this.#renewal = null));
		return this.#renewal;
	}

	#locked<T>(run: () => Promise<T>): Promise<T> {
		// Absent on pages of plain http from another machine.
		return navigator.locks ? (navigator.locks.request(STORAGE, run) as Promise<T>) : run();
	}

	#keep(tokens: Tokens): void {
		this.#stored = {
			access_token: tokens.access_token,
			refresh_token: tokens.refresh_token,
			expires_at: Date.now() + tokens.expires_in * 1000
		};
		localStorage.setItem(STORAGE, JSON.stringify(this.#stored));
	}

	#forget(): void {
		this.#stored = null;
		this.user = null;
		localStorage.removeItem(STORAGE);
		localStorage.removeItem(KEEPS_TO_ITSELF);
	}
}

export const session = new Session();
