import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** The tracker by itself (p2p-tracker/examples), built beside the server. */
const tracker = join(dirname(resolve(process.env.SHOAL_BIN ?? 'target/release/shoal')), 'examples', 'tracker');
const infoHash = Buffer.from('torrent swarm 000001').toString('hex');

interface Seen {
	updates: { name: string; complete: number; incomplete: number }[];
	scrape: { complete: number; incomplete: number; downloaded: number };
	greetings: string[];
	warnings: string[];
	after: { complete: number; incomplete: number };
}

test("bittorrent-tracker's client finds peers, scrapes and leaves", { timeout: 60_000 }, async () => {
	const server = spawn(tracker, ['127.0.0.1:0', infoHash], { stdio: ['ignore', 'pipe', 'inherit'] });
	try {
		const [address] = (await once(server.stdout, 'data')) as [Buffer];
		const support = resolve('support');
		const peers = ['--import', `${support}/wrtc-hook.mjs`, `${support}/torrent-peers.mjs`, `ws://${address.toString().trim()}/`, infoHash];
		const { stdout } = await promisify(execFile)(process.execPath, peers, { timeout: 45_000 });
		const seen = JSON.parse(stdout) as Seen;
		expect(seen.warnings).toEqual([]);
		expect(seen.greetings.sort()).toEqual(['leecher heard hello from seeder', 'seeder heard hello from leecher']);
		expect(seen.updates[0]).toEqual({ name: 'seeder', complete: 1, incomplete: 0 });
		expect(seen.scrape).toMatchObject({ complete: 1, incomplete: 1, downloaded: 0 });
		expect(seen.after).toEqual({ complete: 1, incomplete: 0 });
	} finally {
		server.kill();
	}
});
