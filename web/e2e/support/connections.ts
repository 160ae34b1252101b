import type { Page } from 'playwright-core';

/** Keeps all peer connections that the page will make, from before its own scripts: for the other functions here. */
export async function keepConnections(page: Page): Promise<void> {
	await page.addInitScript(() => {
		const made: RTCPeerConnection[] = [];
		const Original = RTCPeerConnection;
		class Counted extends Original {
			constructor(...settings: ConstructorParameters<typeof Original>) {
				super(...settings);
				made.push(this);
			}
		}
		Object.assign(window, { RTCPeerConnection: Counted, made });
	});
}

/** States of all peer connections that the page ever made. */
export function connections(page: Page): Promise<string[]> {
	return page.evaluate(() => (window as unknown as { made: RTCPeerConnection[] }).made.map((made) => made.connectionState));
}

/** Bytes that the page's data channels received, as WebRTC itself counts them. */
export function received(page: Page): Promise<number> {
	return page.evaluate(async () => {
		let bytes = 0;
		for (const made of (window as unknown as { made: RTCPeerConnection[] }).made) {
			if (made.connectionState === 'closed') continue;
			for (const report of (await made.getStats()).values()) if (report.type === 'data-channel') bytes += report.bytesReceived;
		}
		return bytes;
	});
}
