// Two of bittorrent-tracker's clients: node --import ./wrtc-hook.mjs torrent-peers.mjs TRACKER_URL INFO_HASH
// Prints one JSON object for all that they saw once they have greeted each other.
import { randomBytes } from 'node:crypto';
import Client from '../../interop/node_modules/bittorrent-tracker/client.js';

const [tracker, infoHash] = process.argv.slice(2);
const seen = { updates: [], scrape: null, greetings: [], warnings: [], after: null };
const clients = [];

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(what, condition) {
	for (let tries = 0; !condition(); tries++) {
		if (tries > 300) throw new Error(`${what}: ${JSON.stringify(seen)}`);
		await later(50);
	}
}

async function join(name) {
	const client = new Client({ infoHash, peerId: Buffer.concat([Buffer.from('-WW0000-'), randomBytes(12)]), announce: [tracker], port: 6881 });
	clients.push(client);
	client.on('warning', (error) => seen.warnings.push(String(error.message ?? error)));
	client.on('error', (error) => seen.warnings.push(String(error.message ?? error)));
	client.on('update', ({ complete, incomplete }) => seen.updates.push({ name, complete, incomplete }));
	client.on('peer', (peer) => {
		peer.on('connect', () => peer.send(`hello from ${name}`));
		peer.on('data', (data) => seen.greetings.push(`${name} heard ${new TextDecoder().decode(data)}`));
		peer.on('error', () => {});
	});
	const before = seen.updates.length;
	client.start({ left: name === 'seeder' ? 0 : 100 });
	await until(`${name} joins`, () => seen.updates.length > before);
	return client;
}

await join('seeder');
const leecher = await join('leecher');
await until('they meet', () => seen.greetings.length >= 2);
leecher.once('scrape', (scrape) => (seen.scrape = scrape));
leecher.scrape();
await until('the scrape', () => seen.scrape !== null);
leecher.once('update', ({ complete, incomplete }) => (seen.after = { complete, incomplete }));
leecher.stop();
await until('the goodbye', () => seen.after !== null);
console.log(JSON.stringify(seen));
process.exit(0);
