import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A network namespace for the server, joined to this machine by a veth pair: what the server sends to viewers crosses
 * the pair and is counted there by the kernel, outside of everything that is measured. A publisher inside the
 * namespace is not counted. Needs root.
 */
export class Namespace {
	readonly #name: string;
	readonly #outer: string;
	readonly address: string;

	private constructor(name: string, outer: string, address: string) {
		this.#name = name;
		this.#outer = outer;
		this.address = address;
	}

	/** `number` in 1..250 tells several apart. */
	static open(number: number): Namespace {
		const name = `shoal-e2e-${number}`;
		const outer = `shoal-v${number}`;
		const net = `10.203.${number}`;
		const namespace = new Namespace(name, outer, `${net}.2`);
		namespace.close();
		ip('netns', 'add', name);
		ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', 'origin', 'netns', name);
		ip('address', 'add', `${net}.1/24`, 'dev', outer);
		ip('link', 'set', outer, 'up');
		ip('-n', name, 'address', 'add', `${net}.2/24`, 'dev', 'origin');
		ip('-n', name, 'link', 'set', 'lo', 'up');
		ip('-n', name, 'link', 'set', 'origin', 'up');
		ip('-n', name, 'route', 'add', 'default', 'via', `${net}.1`);
		return namespace;
	}

	/** What to put before a command that is to run inside. */
	get prefix(): string[] {
		return ['ip', 'netns', 'exec', this.#name];
	}

	/** Bytes that left the namespace, headers of all layers included. */
	sent(): number {
		return Number(readFileSync(`/sys/class/net/${this.#outer}/statistics/rx_bytes`, 'utf8'));
	}

	close(): void {
		try {
			ip('netns', 'delete', this.#name);
		} catch {
			// There was none.
		}
		try {
			ip('link', 'delete', this.#outer);
		} catch {
			// Gone with the namespace.
		}
	}
}

function ip(...words: string[]): void {
	execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}
