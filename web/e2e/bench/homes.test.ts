/** Viewers behind the NAT of their homes find each other with nothing but this server's STUN. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { headless } from '../support/headless';
import { Internet, type Home } from '../support/homes';
import { Publisher } from '../support/publisher';
import { Shoal } from '../support/shoal';
import { pause, until } from '../support/until';

let internet: Internet;
let homes: Home[];
let shoal: Shoal;

beforeAll(async () => {
	internet = Internet.open();
	homes = [internet.home(), internet.home(), internet.home({ uplink_kbps: 4000 })];
	const { server } = internet;
	shoal = await Shoal.start({ SHOAL_STUN_LISTEN: `${server.address}:3478`, SHOAL_SWARM_DELAY_S: '2' }, server);
});

afterAll(async () => {
	await shoal?.stop();
	internet?.close();
});

test('three homes share one live', async () => {
	const live = await shoal.createLive({ name: 'At home' });
	const publisher = new Publisher(live.publishUrl, { prefix: internet.server.prefix, noisy: true });
	try {
		await until('the live is published', 15_000, async () => (await shoal.api.video(live.uuid)).state?.id === 1);
		const runs = homes.map((home) => headless(shoal.url, live, { seconds: 40, prefix: home.prefix }));
		await pause(30_000);
		const uploaded = homes.map((home) => home.sent());
		const peers = (await Promise.all(runs.map((run) => run.peers))).flat();
		console.info(JSON.stringify({ peers, uploaded }));
		const http = peers.reduce((sum, peer) => sum + peer.http_bytes, 0);
		const p2p = peers.reduce((sum, peer) => sum + peer.p2p_bytes, 0);
		expect(p2p).toBeGreaterThan(http * 0.5);
		expect(peers.every((peer) => peer.p2p_bytes > 0 && peer.bad_parts === 0)).toBe(true);
		// The routers saw it leave.
		expect(uploaded.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(500_000);
	} finally {
		await publisher.kill();
	}
});
