import { describe, expect, it } from 'vitest';
import { FetchAhead, MAX_HELD, type Fetched } from '../src/ahead';

/** A network under the test's hand: requests are answered when the test says so. */
class Network {
	asked: string[] = [];
	aborted: string[] = [];
	#open = new Map<string, { resolve: (answer: Fetched) => void; reject: (error: Error) => void }>();

	readonly fetch = (url: string, signal: AbortSignal): Promise<Fetched> => {
		this.asked.push(url);
		return new Promise((resolve, reject) => {
			this.#open.set(url, { resolve, reject });
			signal.addEventListener('abort', () => {
				this.aborted.push(url);
				reject(new Error('aborted'));
			});
		});
	};

	async answer(url: string): Promise<void> {
		this.#open.get(url)?.resolve({ data: new TextEncoder().encode(url).buffer as ArrayBuffer, start_ms: 0, first_ms: 1, end_ms: 2 });
		await settle();
	}

	async fail(url: string): Promise<void> {
		this.#open.get(url)?.reject(new Error('404'));
		await settle();
	}
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const text = (answer: Fetched): string => new TextDecoder().decode(answer.data);

describe('fetching ahead', () => {
	it('hands over the hinted part while it still streams in, and only once', async () => {
		const network = new Network();
		const ahead = new FetchAhead(network.fetch);
		ahead.want(['p1']);
		const taken = ahead.take('p1');
		expect(taken).not.toBeNull();
		await network.answer('p1');
		expect(text(await taken!.promise)).toBe('p1');
		expect(ahead.take('p1')).toBeNull();
		expect(network.asked).toEqual(['p1']);
	});

	it('does not fetch again what was taken, although playlists still list it', async () => {
		const network = new Network();
		const ahead = new FetchAhead(network.fetch);
		ahead.want(['p1', 'p2']);
		ahead.take('p1');
		ahead.want(['p1', 'p2']);
		expect(network.asked).toEqual(['p1', 'p2']);
		expect(ahead.wasTaken('p1')).toBe(true);
		await network.answer('p1');
		ahead.clear();
		ahead.want(['p1']);
		expect(network.asked).toEqual(['p1', 'p2', 'p1']);
	});

	it('never has more than its number in flight, those handed over included', async () => {
		const network = new Network();
		const ahead = new FetchAhead(network.fetch);
		ahead.want(['p1', 'p2', 'p3'], 2);
		ahead.take('p1');
		expect(network.asked).toEqual(['p1', 'p2']);
		expect(ahead.in_flight).toBe(2);
		await network.answer('p1');
		expect(network.asked).toEqual(['p1', 'p2', 'p3']);
	});

	it('aborts what is no longer wanted', () => {
		const network = new Network();
		const ahead = new FetchAhead(network.fetch);
		ahead.want(['old', 'kept']);
		ahead.want(['kept', 'new']);
		expect(network.aborted).toEqual(['old']);
		ahead.clear();
		expect(network.aborted).toEqual(['old', 'kept']);
		expect(ahead.size).toBe(0);
	});

	it('leaves a request that was taken alone when the list changes', () => {
		const network = new Network();
		const ahead = new FetchAhead(network.fetch);
		ahead.want(['p1']);
		const taken = ahead.take('p1');
		ahead.want(['p2']);
		expect(network.aborted).toEqual([]);
		taken?.abort();
		expect(network.aborted).toEqual(['p1']);
		taken?.promise.catch(() => undefined);
	});

	it('forgets failures silently: the loader fetches for itself', async () => {
		const network = new Network();
		const ahead = new FetchAhead(network.fetch);
		ahead.want(['gone']);
		await network.fail('gone');
		expect(ahead.take('gone')).toBeNull();
		ahead.want(['gone']);
		await settle();
		expect(network.asked).toEqual(['gone']);
	});

	it('is bounded', () => {
		const network = new Network();
		const ahead = new FetchAhead(network.fetch);
		ahead.want(Array.from({ length: 1000 }, (_, i) => `p${i}`));
		expect(ahead.size).toBe(MAX_HELD);
	});
});
