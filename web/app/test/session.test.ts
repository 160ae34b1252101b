import { beforeEach, expect, test, vi } from 'vitest';

/** A server with one user, whose refresh tokens work once, and the storage of a browser. */
function world(stored: object | null, p2pEnabled = true) {
	const storage = new Map<string, string>(stored ? [['shoal.session', JSON.stringify(stored)]] : []);
	vi.stubGlobal('navigator', {});
	vi.stubGlobal('localStorage', {
		getItem: (key: string) => storage.get(key) ?? null,
		setItem: (key: string, value: string) => void storage.set(key, value),
		removeItem: (key: string) => void storage.delete(key)
	});
	const calls: string[] = [];
	let generation = 1;
	const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });
	vi.stubGlobal('fetch', async (input: string, init: RequestInit) => {
		const bearer = new Headers(init.headers).get('authorization');
		calls.push(`${init.method} ${input}${bearer ? ` ${bearer}` : ''}`);
		if (input === '/api/v1/oauth-clients/local') return answer(200, { client_id: 'c', client_secret: 's' });
		if (input === '/api/v1/users/token') {
			const fields = init.body as URLSearchParams;
			const good = fields.get('grant_type') === 'password' ? fields.get('password') === 'secret' : fields.get('refresh_token') === `r${generation}`;
			if (!good) return answer(400, { code: 'invalid_grant', detail: 'no' });
			generation++;
			return answer(200, { access_token: `a${generation}`, refresh_token: `r${generation}`, expires_in: 3600 });
		}
		if (input === '/api/v1/users/me') return bearer === `Bearer a${generation}` ? answer(200, { username: 'root', p2pEnabled }) : answer(401, {});
		return answer(404, {});
	});
	return { storage, calls, kept: () => JSON.parse(storage.get('shoal.session') ?? 'null') as { access_token: string } | null };
}

async function fresh() {
	vi.resetModules();
	return (await import('../src/lib/session.svelte')).session;
}

beforeEach(() => vi.unstubAllGlobals());

test('a login is kept and used', async () => {
	const { kept } = world(null);
	const session = await fresh();
	expect(session.loggedIn).toBe(false);
	await expect(session.login('root', 'wrong')).rejects.toMatchObject({ code: 'invalid_grant' });
	expect(session.loggedIn).toBe(false);
	await session.login('root', 'secret');
	expect(session.user?.username).toBe('root');
	expect(kept()?.access_token).toBe('a2');
	await session.logout();
	expect([session.loggedIn, session.user, kept()]).toEqual([false, null, null]);
});

test('an old token is renewed once, however many requests wait for it', async () => {
	const { calls } = world({ access_token: 'old', refresh_token: 'r1', expires_at: Date.now() - 1000 });
	const session = await fresh();
	const tokens = await Promise.all([session.token(), session.token(), session.token()]);
	expect(tokens).toEqual(['a2', 'a2', 'a2']);
	expect(calls.filter((call) => call.includes('users/token'))).toHaveLength(1);
});

test('a token that the server does not know any more is renewed on the way', async () => {
	world({ access_token: 'revoked', refresh_token: 'r1', expires_at: Date.now() + 3_600_000 });
	const session = await fresh();
	expect((await session.me())?.username).toBe('root');
});

test('a session that cannot be renewed ends; a server that is away does not end it', async () => {
	const { kept } = world({ access_token: 'old', refresh_token: 'r0', expires_at: 0 });
	let session = await fresh();
	expect(await session.me()).toBeNull();
	expect([session.loggedIn, kept()]).toEqual([false, null]);

	world({ access_token: 'old', refresh_token: 'r1', expires_at: 0 });
	vi.stubGlobal('fetch', async () => {
		throw new TypeError('refused');
	});
	session = await fresh();
	expect(await session.token()).toBeNull();
	await expect(session.me()).rejects.toMatchObject({ unreachable: true });
	expect(session.loggedIn).toBe(true);
});

test('whoever does not want to share is known before the server is asked again', async () => {
	const { storage } = world(null, false);
	let session = await fresh();
	expect(session.shares).toBeNull();
	await session.login('root', 'secret');
	expect(session.shares).toBe(false);
	vi.stubGlobal('fetch', async () => {
		throw new TypeError('refused');
	});
	session = await fresh();
	expect(session.shares).toBe(false);
	await session.logout();
	expect([session.shares, storage.size]).toEqual([null, 0]);

	world(null);
	session = await fresh();
	await session.login('root', 'secret');
	expect(session.shares).toBeNull();
});

test('what is not a session in the storage is no session', async () => {
	world({ access_token: 7 });
	expect((await fresh()).loggedIn).toBe(false);
});
