import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Shoal } from '../support/shoal';
import { pythonTool, run } from '../support/tools';

/** Requests are made up for so long; whatever is on its way then ends soon after. */
const BUDGET_S = 50;
const PATIENCE_MS = (BUDGET_S + 50) * 1000;
/** Most requests that are made up for one operation in a pass; the budget allows several passes. */
const EXAMPLES = 15;
/** As long as the server gives a request of the API, and a bit: whoever never answers fails. */
const ANSWER_S = 35;

/**
 * What is not asked, and why. Everything else in the server's own description is, with an administrator's token and without.
 */
const LEFT_OUT: Record<string, string> = {
	'POST /api/v1/users/revoke-token': 'ends the session that the run is made with',
	'POST /api/v1/users/{id}/token-sessions/{tokenSessionId}/revoke': 'the same, once the numbers are guessed',
	'DELETE /api/v1/users/me': 'the same',
	'DELETE /api/v1/users/{id}': 'the same, of the first user',
	'POST /api/v1/users/{id}/block': 'the same',
	'POST /api/v1/users/{id}/two-factor/request': 'costs a password check of a tenth of a second each, and locks the user out after ten',
	'POST /api/v1/jobs/pause': 'later answers would wait for work that stands still'
};

let shoal: Shoal;
let folder: string;

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'shoal-schemathesis-'));
	// Strangers may register, so that more than a refusal is tried. Nothing is fetched from addresses that were made up.
	shoal = await Shoal.start({
		SHOAL_SIGNUP_ENABLED: 'on',
		SHOAL_VIDEOS_IMPORT_ENABLED: 'off'
	});
	// Row ids 1 exist of most things.
	await shoal.createLive({ name: 'The first live' });
});

afterAll(async () => {
	await shoal?.stop();
	rmSync(folder, { recursive: true, force: true });
});

/** Schemathesis over the server's own OpenAPI document: no answer may be a 5xx. */
async function probeEverything(seed: number, headers: string[]): Promise<void> {
	const report = join(folder, `report-${seed}.json`);
	const config = join(folder, `schemathesis-${seed}.toml`);
	writeFileSync(config, '');
	const said = await run(
		pythonTool('st'),
		[
			['--config-file', config, '--no-color', 'run', `${shoal.url}/api/v1/openapi.json`, '--url', shoal.url],
			['--checks', 'not_a_server_error', '--continue-on-failure', '--no-shrink', '--suppress-health-check', 'all'],
			['--phases', 'examples,coverage,fuzzing', '--max-examples', `${EXAMPLES}`, '--max-time', `${BUDGET_S}`, '--seed', `${seed}`],
			['--request-timeout', `${ANSWER_S}`, '--max-redirects', '0', '--generation-database', 'none', '--warnings', 'off'],
			['--report-json-path', report],
			Object.keys(LEFT_OUT).flatMap((operation) => ['--exclude-name', operation]),
			headers.flatMap((header) => ['--header', header])
		].flat(),
		PATIENCE_MS,
		{ cwd: folder, env: { PATH: process.env.PATH, HOME: folder } }
	);
	console.info(said.out.split('\n').slice(-25).join('\n'));
	if (said.status !== 0) throw new Error(`schemathesis ended with ${said.status}:\n${said.out}\n${said.err}`);
	// Nothing that the log calls the server's own fault, whatever the client was told.
	const faults = shoal.lines().filter((line) => /http\.internal|panicked at/.test(line));
	expect(faults).toEqual([]);
	expect((await fetch(`${shoal.url}/healthz`)).status).toBe(200);
}

test('finds no 5xx as a stranger', { timeout: PATIENCE_MS + 20_000 }, async () => {
	await probeEverything(1, []);
});

test('finds no 5xx as the administrator', { timeout: PATIENCE_MS + 20_000 }, async () => {
	await probeEverything(2, [`Authorization: Bearer ${shoal.token}`]);
	// The run was the administrator's to its end.
	expect((await shoal.api.me()).role.id).toBe(0);
});
