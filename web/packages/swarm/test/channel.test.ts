import { expect, test } from 'vitest';
import { Channel, WORDS, type DataChannel } from '../src/channel';
import { encode, encodeSlice } from '../src/wire';

/** A channel whose other side is this test. */
function open(): { say: (bytes: Uint8Array) => void; broken: string[]; messages: number; pass: (ms: number) => void } {
	let now_ms = 0;
	const fake: DataChannel = {
		label: 'shoal',
		readyState: 'open',
		bufferedAmount: 0,
		bufferedAmountLowThreshold: 0,
		binaryType: '',
		onopen: null,
		onclose: null,
		onerror: null,
		onmessage: null,
		onbufferedamountlow: null,
		send: () => undefined,
		close: () => undefined
	};
	const state = {
		broken: [] as string[],
		messages: 0,
		pass: (ms: number) => void (now_ms += ms),
		say: (bytes: Uint8Array) => fake.onmessage?.({ data: bytes.slice().buffer })
	};
	new Channel(
		fake,
		WORDS.live,
		{
			message: () => state.messages++,
			manifest: () => undefined,
			slice: () => state.messages++,
			buffered: () => undefined,
			broken: (why) => state.broken.push(why)
		},
		() => now_ms
	);
	return state;
}

test.each([300, 2_000])('whoever floods is found out within a second (%d messages a second)', (per_s) => {
	const channel = open();
	const ping = encode({ type: 'ping', nonce: 1 });
	let passed_ms = 0;
	for (; channel.broken.length === 0 && passed_ms < 10_000; passed_ms += 10) {
		for (let i = 0; i < per_s / 100; i++) channel.say(ping);
		channel.pass(10);
	}
	expect(channel.broken).toEqual(['too many messages']);
	expect(passed_ms).toBeLessThan(1000);
	const { messages } = channel;
	channel.say(ping);
	expect(channel.messages).toBe(messages);
});

test('words at a tenth of a second and a fast stream are no flood', () => {
	const channel = open();
	const ping = encode({ type: 'ping', nonce: 1 });
	const slice = [...encodeSlice(0, 1024, 0, new Uint8Array(20_000))];
	expect(slice.length).toBe(2);
	// Some 70 Mbit/s.
	for (let i = 0; i < 6000; i++) {
		if (i % 60 === 0) channel.say(ping);
		for (const bytes of slice) channel.say(bytes);
		channel.pass(1.7);
		if (i % 2 === 0) channel.pass(1);
	}
	expect(channel.broken).toEqual([]);
	expect(channel.messages).toBe(6100);
});

test('a slice that does not end breaks the pair with the next message', () => {
	const channel = open();
	const [first, second] = [...encodeSlice(0, 1024, 0, new Uint8Array(20_000))];
	channel.say(first!);
	channel.say(second!.slice(0, -1));
	expect(channel.broken).toEqual([]);
	channel.say(encode({ type: 'ping', nonce: 1 }));
	expect(channel.broken).toEqual(['a slice that does not end']);
	expect(channel.messages).toBe(0);
});
