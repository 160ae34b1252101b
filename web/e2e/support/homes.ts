import { execFileSync } from 'node:child_process';

/** A machine somewhere on the internet: alone, or behind its household's router, which translates addresses. */
export interface Home {
	/** what to put before a command that is to run on the host */
	prefix: string[];
	/** bytes that left it, or its router, for the internet */
	sent(): number;
	/** drops all its packets from now on, or no more: no connection is told */
	silence(silent: boolean): void;
}

export interface HomeOptions {
	/** the uplink, shaped by a token bucket */
	uplink_kbps?: number;
}

const INTERNET = 'shoal-inet';
const SERVER = 'shoal-origin';
const OBSERVER = 'shoal-watch';
/** All of it is one network, so that nothing has to be routed; to the tracker every /24 of it is another neighbourhood. */
const address_of = (network: number, host: number): string => `198.18.${network}.${host}`;
const PREFIX = 15;

/**
 * A small internet of network namespaces: a server with a public address, and homes behind NAT. Kernel bridges, veth
 * pairs and nftables; needs root, and touches nothing outside its own namespaces.
 */
export class Internet {
	readonly server = { address: address_of(0, 10), prefix: ['ip', 'netns', 'exec', SERVER], sent: () => sent(SERVER) };
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
		run('ip', 'address', 'add', `${address_of(0, 1)}/${PREFIX}`, 'dev', OBSERVER);
		run('ip', 'link', 'set', OBSERVER, 'up');
		internet.#add(SERVER);
		internet.#plug(SERVER, 'wan', `${internet.server.address}/${PREFIX}`);
		return internet;
	}

	/** Adds a household. */
	home({ uplink_kbps }: HomeOptions = {}): Home {
		const number = ++this.#homes;
		const router = `shoal-router-${number}`;
		const host = `shoal-home-${number}`;
		this.#add(router);
		this.#plug(router, 'wan', `${address_of(number, 1)}/${PREFIX}`);
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
			sent: () => sent(router),
			silence: (silent) => this.#silence(router, silent)
		};
	}

	/** Adds a machine with an address of its own. */
	host(): Home {
		const number = ++this.#homes;
		const name = `shoal-host-${number}`;
		this.#add(name);
		this.#plug(name, 'wan', `${address_of(number, 1)}/${PREFIX}`);
		// Browsers offer the address of their way to the internet.
		run('ip', '-n', name, 'route', 'add', 'default', 'dev', 'wan');
		return { prefix: ['ip', 'netns', 'exec', name], sent: () => sent(name), silence: (silent) => this.#silence(name, silent) };
	}

	/** At the switch, so that nobody sees a cable that is out: as by the spanning tree protocol, 0 is disabled and 3 forwards. */
	#silence(name: string, silent: boolean): void {
		run('ip', '-n', INTERNET, 'link', 'set', port_of(name), 'type', 'bridge_slave', 'state', silent ? '0' : '3');
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
		const port = port_of(name);
		run('ip', '-n', INTERNET, 'link', 'add', port, 'type', 'veth', 'peer', 'name', device, 'netns', name);
		run('ip', '-n', INTERNET, 'link', 'set', port, 'master', 'switch');
		run('ip', '-n', INTERNET, 'link', 'set', port, 'up');
		address(name, device, own);
	}
}

function port_of(name: string): string {
	return name.replace('shoal-', '');
}

/** Bytes that left a namespace by its cable, headers of all layers included. */
function sent(name: string): number {
	return Number(execFileSync('ip', ['netns', 'exec', name, 'cat', '/sys/class/net/wan/statistics/tx_bytes']));
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
