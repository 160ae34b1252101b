/**
 * @roamhq/wrtc for the engine in Node. It lacks `bufferedamountlow`, and tells of what waits only after the call that
 * sent it: both are made up for here.
 */

/// <reference types="node" />

import type { DataChannel } from './channel';
import type { PeerConnectionConstructor } from './transport';

/** How soon it is noticed that all has left. Nothing throttles timers in Node. */
const POLL_MS = 10;

interface NodeConnection {
	createDataChannel(label: string, options?: object): DataChannel;
	dispatchEvent(event: { type: string; channel?: DataChannel }): void;
}

function mend(channel: DataChannel): DataChannel {
	const native = Object.getOwnPropertyDescriptor(channel, 'bufferedAmount') ?? prototypeProperty(channel, 'bufferedAmount');
	const send = channel.send.bind(channel);
	let fresh_bytes = 0;
	let polling = false;
	// The native property asks another thread.
	const waiting = (): number => fresh_bytes || Number(native?.get?.call(channel) ?? native?.value ?? 0);
	const poll = (): void => {
		if (waiting() > 0 && channel.readyState === 'open') return void setTimeout(poll, POLL_MS);
		polling = false;
		channel.onbufferedamountlow?.({} as never);
	};
	Object.defineProperty(channel, 'bufferedAmount', { get: waiting });
	const sendAndWatch = (data: Uint8Array<ArrayBuffer>): void => {
		send(data);
		fresh_bytes += data.length;
		setImmediate(() => (fresh_bytes = 0));
		if (polling) return;
		polling = true;
		setTimeout(poll, POLL_MS);
	};
	Object.defineProperty(channel, 'send', { value: sendAndWatch });
	return channel;
}

function prototypeProperty(object: object, name: string): PropertyDescriptor | undefined {
	for (let proto: unknown = Object.getPrototypeOf(object); proto; proto = Object.getPrototypeOf(proto)) {
		const descriptor = Object.getOwnPropertyDescriptor(proto, name);
		if (descriptor) return descriptor;
	}
	return undefined;
}

/** `constructor`: `RTCPeerConnection` of @roamhq/wrtc. */
export function nodeRtc(constructor: unknown): PeerConnectionConstructor {
	const Base = constructor as new (config: object) => NodeConnection;
	return class extends Base {
		override createDataChannel(label: string, options?: object): DataChannel {
			return mend(super.createDataChannel(label, options));
		}

		override dispatchEvent(event: { type: string; channel?: DataChannel }): void {
			if (event.type === 'datachannel' && event.channel) mend(event.channel);
			super.dispatchEvent(event);
		}
	};
}
