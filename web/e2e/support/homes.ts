import { execFileSync } from 'node:child_process';

/** One household: a host behind a router that translates addresses. */
export interface Home {
	/** what to put before a command that is to run on the host */
	prefix: string[];
	/** bytes that left the router for the internet */
	sent(): number;
	/** cuts the host's cable: nothing gets through, no connection is told */
	silence(silent: boolean): void;
}

export interface HomeOptions {
	/** the uplink, shaped by a token bucket */
	uplink_kbps?: number;
}

const INTERNET = 'shoal-inet';
const SERVER = 'shoal-origin';
const OBSERVER = 'shoal-watch';

/**
 * A small internet of network namespaces: a server with a public address, and homes behind NAT. Kernel bridges, veth
 * pairs and nftables; needs root, and touches nothing outside its own namespaces.
 */
export class Internet {
	readonly server = { address: '203.0.113.10', prefix: ['ip', 'netns', 'exec', SERVER] };
	#homes = 0;
	#names: string[] = [];

	static open(): Internet {
		const internet = new Internet();
		internet.#add(INTERNET);
		run('ip', '-n', INTERNET, 'link', 'add', 'switch', 'type', 'bridge');
		run('ip', '-n', INTERNET, 'link', 'set', 'switch', 'up');
		// The test itself looks on from outside.
		run('ip', 'link', 'add', OBSERVER, 'type', 'veth', 'peer', 'name', OBSERVER, 'netns', INTERNET);
		run('ip', '-n', INTERNET, 'link', 'set', OBSERVER, 'master', 'switch', 'up');
		run('ip', 'address', 'add', '203.0.113.1/24', 'dev', OBSERVER);
		run('ip', 'link', 'set', OBSERVER, 'up');
		internet.#add(SERVER);
		internet.#plug(SERVER, 'wan', `${internet.server.address}/24`);
		return internet;
	}

	/** Adds a household. */
	home({ uplink_kbps }: HomeOptions = {}): Home {
		const number = ++this.#homes;
		const router = `shoal-router-${number}`;
		const host = `shoal-home-${number}`;
		this.#add(router);
		this.#plug(router, 'wan', `203.0.113.${100 + number}/24`);
		this.#add(host);
		run('ip', '-n', router, 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'lan', 'netns', host);
		address(router, 'lan', '192.168.1.1/24');
		address(host, 'lan', '192.168.1.2/24');
		run('ip', '-n', host, 'route', 'add', 'default', 'via', '192.168.1.1');
		run('ip', 'netns', 'exec', router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
		// Masquerading, and a firewall as routers have it: in comes only what belongs to something that went out.
		const rules = `table ip home {
	chain out { type nat hook postrouting priority 100
		oifname "wan" masquerade
	}
	chain to_router { type filter hook input priority 0
		iifname "wan" ct state new drop
	}
	chain through { type filter hook forward priority 0
		iifname "wan" ct state new drop
	}
}
`;
		execFileSync('ip', ['netns', 'exec', router, 'nft', '-f', '-'], { input: rules, stdio: ['pipe', 'ignore', 'pipe'] });
		if (uplink_kbps) run('tc', '-n', router, 'qdisc', 'add', 'dev', 'wan', 'root', 'tbf', 'rate', `${uplink_kbps}kbit`, 'burst', '16kb', 'latency', '300ms');
		return {
			prefix: ['ip', 'netns', 'exec', host],
			sent: () => Number(execFileSync('ip', ['netns', 'exec', router, 'cat', '/sys/class/net/wan/statistics/tx_bytes'])),
			silence: (silent) => run('ip', '-n', router, 'link', 'set', 'lan', silent ? 'down' : 'up')
		};
	}

	close(): void {
		for (const name of this.#names.reverse()) remove(name);
		this.#names = [];
	}

	#add(name: string): void {
		remove(name);
		run('ip', 'netns', 'add', name);
		run('ip', '-n', name, 'link', 'set', 'lo', 'up');
		this.#names.push(name);
	}

	/** A cable to the switch. */
	#plug(name: string, device: string, own: string): void {
		const port = name.replace('shoal-', '');
		run('ip', '-n', INTERNET, 'link', 'add', port, 'type', 'veth', 'peer', 'name', device, 'netns', name);
		run('ip', '-n', INTERNET, 'link', 'set', port, 'master', 'switch');
		run('ip', '-n', INTERNET, 'link', 'set', port, 'up');
		address(name, device, own);
	}
}

function address(name: string, device: string, own: string): void {
	run('ip', '-n', name, 'address', 'add', own, 'dev', device);
	run('ip', '-n', name, 'link', 'set', device, 'up');
}

function remove(name: string): void {
	try {
		execFileSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
	} catch {
		// There was none.
	}
}

function run(program: string, ...words: string[]): void {
	execFileSync(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
}
