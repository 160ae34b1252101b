/** The embed page: the player over the whole frame, and the page's events. */

import './embed.css';
import { pageEvents } from '@shoal/api-client/events';
import '@shoal/player/element';
import { parseParameters } from './parameters';
import { parseVideo } from './video';

const script = document.getElementById('shoal-embed');
const video = parseVideo(script?.textContent ?? '', location.href);
if (video) {
	const events = pageEvents();
	const wanted = parseParameters(new URLSearchParams(location.search));
	const player = document.querySelector('shoal-player') ?? document.body.appendChild(document.createElement('shoal-player'));
	player.options = {
		playlistUrl: video.playlistUrl,
		phase: video.phase,
		latencyMode: video.latencyMode,
		autoplay: wanted.autoplay,
		...(wanted.muted === undefined ? {} : { muted: wanted.muted }),
		loop: wanted.loop,
		controls: wanted.controls,
		startSeconds: wanted.start_s,
		heading: wanted.title ? video.title : null,
		headingUrl: wanted.link ? video.url : null,
		// The embedding page may forbid sharing; to consent to it is the viewer's affair.
		sharing: {
			uuid: video.uuid,
			tokenUrl: new URL(`/api/shoal/v1/swarms/${video.uuid}/token`, location.origin).href,
			signalling: () => events.tracker(),
			allowed: wanted.p2p !== false
		},
		sharingNotice: true
	};
	events.subscribe(video.uuid, (event) => {
		if (event.type === 'viewers') player.viewers = event.viewers;
		if (event.type === 'state' && video.phase !== 'vod') player.phase = event.phase;
	});
	// Who plays counts as a viewer.
	let leave: (() => void) | null = null;
	player.addEventListener('statechange', () => {
		const attending = ['playing', 'loading', 'interrupted'].includes(player.player?.state ?? '');
		if (attending) leave ??= events.watch(video.uuid);
		else if (leave) {
			leave();
			leave = null;
		}
	});
}
