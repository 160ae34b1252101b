import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
// @ts-expect-error -- a plain script
import { generate } from '../generate.mjs';

test('the types are those of openapi.json (otherwise: npm run generate)', async () => {
	expect(readFileSync(new URL('../src/schema.ts', import.meta.url), 'utf8')).toBe(await generate());
});

test('every request of the client is in openapi.json', () => {
	const document = JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8')) as { paths: Record<string, object> };
	const source = readFileSync(new URL('../src/index.ts', import.meta.url), 'utf8');
	const requests = [...source.matchAll(/'(GET|POST|PUT|DELETE)', [`'](\/api\/[^`']*)[`']/g)].map(([, method, path]) => {
		const plain = (path ?? '').replace(/\$\{search\(\w+\)\}/, '').replace(/\$\{segment\(id\)\}/, '{id}');
		return `${method?.toLowerCase()} ${plain}`;
	});
	expect(requests.length).toBeGreaterThan(12);
	const known = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
	expect(requests.filter((request) => !known.includes(request))).toEqual([]);
});
