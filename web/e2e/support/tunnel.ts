import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/**
 * An HTTP proxy that brings every CONNECT to one address: programs that know only `https://name/` reach a test's server,
 * which has a port of its own and no name.
 */
export class Tunnel {
	private constructor(
		private readonly server: Server,
		private readonly sockets: Set<Socket>,
		readonly url: string
	) {}

	/** `target`: host and port. */
	static async to(target: string): Promise<Tunnel> {
		const { hostname, port } = new URL(`tcp://${target}`);
		const sockets = new Set<Socket>();
		const keep = (socket: Socket): void => {
			sockets.add(socket);
			socket.once('close', () => sockets.delete(socket));
			// Whoever goes takes the other side along.
			socket.on('error', () => socket.destroy());
		};
		const server = createServer((_, response) => response.writeHead(405).end());
		server.on('connect', (_, client: Socket, head: Buffer) => {
			const upstream = connect(Number(port), hostname, () => {
				client.write('HTTP/1.1 200 Connection established\r\n\r\n');
				upstream.write(head);
				upstream.pipe(client);
				client.pipe(upstream);
			});
			keep(client);
			keep(upstream);
			upstream.once('close', () => client.destroy());
			client.once('close', () => upstream.destroy());
		});
		await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
		return new Tunnel(server, sockets, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
	}

	async stop(): Promise<void> {
		for (const socket of this.sockets) socket.destroy();
		this.server.closeAllConnections();
		await new Promise((done) => this.server.close(done));
	}
}
