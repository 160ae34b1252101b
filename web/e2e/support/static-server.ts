import { createServer, type Server } from 'node:http';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';

/** Serves a few files and texts on a port of its own: a page that is not one of Shoal's. */
export class StaticServer {
	private constructor(
		private readonly server: Server,
		readonly url: string
	) {}

	/** `files`: path in the URL to a file on disk, or to `{ text }`. */
	static async start(files: Record<string, string | { text: string }>, host = '127.0.0.1'): Promise<StaticServer> {
		const server = createServer((request, response) => {
			const wanted = files[new URL(request.url ?? '/', 'http://x').pathname];
			if (wanted === undefined) {
				response.writeHead(404).end();
				return;
			}
			const script = typeof wanted === 'string';
			response.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html; charset=utf-8' });
			response.end(script ? readFileSync(wanted) : wanted.text);
		});
		await new Promise<void>((done) => server.listen(0, host, done));
		return new StaticServer(server, `http://${host}:${(server.address() as AddressInfo).port}`);
	}

	async stop(): Promise<void> {
		this.server.closeAllConnections();
		await new Promise((done) => this.server.close(done));
	}
}
