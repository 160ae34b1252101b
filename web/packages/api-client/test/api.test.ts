import { expect, test } from 'vitest';
import { Api, ApiError } from '../src/index.js';

interface Sent {
	url: string;
	init: RequestInit;
}

function server(...answers: (Response | Error)[]) {
	const sent: Sent[] = [];
	const fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
		sent.push({ url: String(input), init: init ?? {} });
		const answer = answers.shift();
		if (!answer) throw new Error('one request too many');
		if (answer instanceof Error) throw answer;
		return answer;
	};
	return { sent, fetch: fetch as typeof globalThis.fetch };
}

const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });
const bearer = (sent: Sent | undefined) => new Headers(sent?.init.headers).get('authorization');

test('a refused token is renewed once and the request sent again', async () => {
	const { sent, fetch } = server(json(401, { code: 'invalid_token' }), json(200, { username: 'root' }));
	const api = new Api({ fetch, token: async () => 'old', unauthorized: async (token) => (token === 'old' ? 'new' : null) });
	expect((await api.me()).username).toBe('root');
	expect(sent.map(bearer)).toEqual(['Bearer old', 'Bearer new']);
});

test('a second refusal is told, not retried for ever', async () => {
	const { fetch } = server(json(401, {}), json(401, { code: 'unauthorized_request', detail: 'Token is invalid' }));
	const api = new Api({ fetch, token: async () => 'old', unauthorized: async () => 'new' });
	await expect(api.me()).rejects.toMatchObject({ status: 401, code: 'unauthorized_request', message: 'Token is invalid' });
});

test('login asks for the client first and sends a form', async () => {
	const { sent, fetch } = server(json(200, { client_id: 'i', client_secret: 's' }), json(400, { code: 'invalid_grant' }));
	const failure = await new Api({ fetch }).login('root', 'a&b').catch((error: unknown) => error);
	expect(failure).toBeInstanceOf(ApiError);
	expect(sent.map((one) => one.url)).toEqual(['/api/v1/oauth-clients/local', '/api/v1/users/token']);
	const fields = sent[1]?.init.body as URLSearchParams;
	expect(fields.get('password')).toBe('a&b');
	expect(fields.get('grant_type')).toBe('password');
});

test('a server that is away and a proxy that speaks HTML are errors that can be shown', async () => {
	const { fetch } = server(new TypeError('refused'), new Response('<html>', { status: 502 }));
	const api = new Api({ fetch });
	await expect(api.videos()).rejects.toMatchObject({ status: 0, unreachable: true });
	await expect(api.videos({ count: 3 })).rejects.toMatchObject({ status: 502, message: 'HTTP 502' });
});

test('identifiers cannot leave their place in the path', async () => {
	const { sent, fetch } = server(json(200, {}));
	await new Api({ fetch }).video('../users/me?x=1');
	expect(sent[0]?.url).toBe('/api/v1/videos/..%2Fusers%2Fme%3Fx%3D1');
});
