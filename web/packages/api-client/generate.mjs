/** Writes `src/schema.ts` from `openapi.json`, which is `shoal openapi`'s output. */
import { readFileSync, writeFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';

const HEADER = '// Generated from openapi.json by `npm run generate`. Do not edit.\n\n';

export async function generate() {
	const document = JSON.parse(readFileSync(new URL('openapi.json', import.meta.url), 'utf8'));
	return HEADER + astToString(await openapiTS(document));
}

if (process.argv[1] && import.meta.url === new URL(`file://${process.argv[1]}`).href) {
	writeFileSync(new URL('src/schema.ts', import.meta.url), await generate());
}
