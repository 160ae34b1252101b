/** The element's shadow tree: markup once, then typed handles to its parts. */

const path = (d: string): string => `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${d}"/></svg>`;

export const icons = {
	play: path('M7 4.5v15l13-7.5z'),
	pause: path('M6 4.5h4.2v15H6zM13.8 4.5H18v15h-4.2z'),
	replay: path('M12 5V1.5L6.5 7 12 12.5V8a5.5 5.5 0 1 1-5.5 5.5h-3A8.5 8.5 0 1 0 12 5z'),
	sound: path('M3 9v6h4l5.5 5V4L7 9zm12.5-1.2v8.4a4.8 4.8 0 0 0 0-8.4zm0-4.3v2.2a6.7 6.7 0 0 1 0 12.6v2.2a8.8 8.8 0 0 0 0-17z'),
	silent: path('M3 9v6h4l5.5 5V4L7 9zm18.9.5-1.4-1.4-2.3 2.3-2.3-2.3-1.4 1.4 2.3 2.3-2.3 2.3 1.4 1.4 2.3-2.3 2.3 2.3 1.4-1.4-2.3-2.3z'),
	settings: path('M19.4 13c0-.3.1-.6.1-1s0-.7-.1-1l2.1-1.6-2-3.5-2.5 1a7.4 7.4 0 0 0-1.7-1L15 3.200h-4l-.4 2.700c-.6.3-1.200.6-1.700 1l-2.500-1-2 3.500L6.600 11c0 .3-.1.600-.1 1s0 .700.100 1l-2.200 1.600 2 3.500 2.500-1c.500.400 1.100.700 1.700 1l.400 2.700h4l.400-2.700c.600-.300 1.200-.600 1.700-1l2.500 1 2-3.500zM13 15.500a3.500 3.500 0 1 1 0-7 3.500 3.500 0 0 1 0 7z'),
	fullscreen: path('M4 9V4h5v2H6v3zm11-5h5v5h-2V6h-3zM4 15h2v3h3v2H4zm14 0h2v5h-5v-2h3z'),
	shrink: path('M9 4v5H4V7h3V4zm6 0h2v3h3v2h-5zM4 15h5v5H7v-3H4zm11 0h5v2h-3v3h-2z'),
	close: path('m6.400 5 5.600 5.600L17.600 5 19 6.400 13.400 12l5.600 5.600-1.400 1.400-5.600-5.600L6.400 19 5 17.600l5.600-5.600L5 6.400z'),
	clock: path('M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 18a8 8 0 1 1 0-16 8 8 0 0 1 0 16zm1-13h-2v6l5 3 1-1.700-4-2.300z'),
	broken: path('M4.300 3 3 4.300l6 6A6 6 0 0 0 6 12a8 8 0 0 1 4.400-.2l1.800 1.800A6 6 0 0 0 8 15l4 5 2-2.500 5.700 5.700 1.300-1.300zM12 5a15 15 0 0 0-3 .3l2.200 2.200A12.500 12.500 0 0 1 20 10.500l2-2.400A16 16 0 0 0 12 5zm6.500 7.400-5-5z'),
	done: path('M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1.500 14.500-4.500-4.500L7.400 10.600l3.100 3.100 6.100-6.100L18 9z'),
	warning: path('M12 2.500 1 21.500h22zm1 15h-2v-2h2zm0-4h-2v-4h2z')
};

const markup = `
<div class="stage" part="stage"><video part="video" playsinline></video></div>
<div class="centre" part="message" hidden>
	<div class="spinner" hidden></div><div class="mark" hidden></div>
	<button class="big" type="button" hidden></button>
	<h2 hidden></h2><p hidden></p>
	<button class="primary" type="button" hidden></button>
</div>
<button class="unmute" part="unmute" type="button" hidden></button>
<div class="notice" role="alert" hidden><span></span><button type="button"></button></div>
<div class="title" part="title" hidden></div>
<div class="bar" part="controls" hidden>
	<div class="timeline" hidden>
		<div class="track"><i class="loaded"></i><i class="played"></i></div>
		<input type="range" min="0" max="1000" step="1" value="0"><output hidden></output>
	</div>
	<div class="row">
		<button class="toggle" type="button"></button>
		<div class="volume"><button class="mute" type="button"></button><input type="range" min="0" max="100" step="1"></div>
		<button class="live" type="button" hidden></button>
		<span class="latency" hidden></span><span class="time" hidden></span>
		<span class="grow"></span>
		<slot name="controls"></slot>
		<button class="settings" type="button" aria-haspopup="menu" aria-expanded="false"></button>
		<button class="fullscreen" type="button"></button>
	</div>
</div>
<div class="menu" role="menu" hidden></div>
<div class="nerds" hidden><button type="button"></button><table><tbody></tbody></table><canvas width="360" height="72" aria-hidden="true"></canvas><p class="legend"></p></div>
<div class="sr" role="status" aria-live="polite"></div>
`;

export interface View {
	video: HTMLVideoElement;
	stage: HTMLElement;
	centre: HTMLElement;
	spinner: HTMLElement;
	mark: HTMLElement;
	big: HTMLButtonElement;
	heading: HTMLElement;
	hint: HTMLElement;
	primary: HTMLButtonElement;
	unmute: HTMLButtonElement;
	notice: HTMLElement;
	notice_text: HTMLElement;
	notice_close: HTMLButtonElement;
	title: HTMLElement;
	bar: HTMLElement;
	timeline: HTMLElement;
	loaded: HTMLElement;
	played: HTMLElement;
	seek: HTMLInputElement;
	tip: HTMLOutputElement;
	toggle: HTMLButtonElement;
	mute: HTMLButtonElement;
	volume: HTMLInputElement;
	live: HTMLButtonElement;
	latency: HTMLElement;
	time: HTMLElement;
	settings: HTMLButtonElement;
	fullscreen: HTMLButtonElement;
	menu: HTMLElement;
	nerds: HTMLElement;
	nerds_close: HTMLButtonElement;
	nerds_rows: HTMLElement;
	graph: HTMLCanvasElement;
	legend: HTMLElement;
	status: HTMLElement;
}

/** Fills `root` and finds everything in it. */
export function build(root: ShadowRoot): View {
	const template = document.createElement('template');
	template.innerHTML = markup;
	root.append(template.content);
	const find = <T extends Element>(selector: string): T => {
		const found = root.querySelector<T>(selector);
		if (!found) throw new Error(`the player's markup lacks ${selector}`);
		return found;
	};
	return {
		video: find('video'),
		stage: find('.stage'),
		centre: find('.centre'),
		spinner: find('.spinner'),
		mark: find('.mark'),
		big: find('.big'),
		heading: find('h2'),
		hint: find('.centre p'),
		primary: find('.primary'),
		unmute: find('.unmute'),
		notice: find('.notice'),
		notice_text: find('.notice span'),
		notice_close: find('.notice button'),
		title: find('.title'),
		bar: find('.bar'),
		timeline: find('.timeline'),
		loaded: find('.loaded'),
		played: find('.played'),
		seek: find('.timeline input'),
		tip: find('.timeline output'),
		toggle: find('.toggle'),
		mute: find('.mute'),
		volume: find('.volume input'),
		live: find('.live'),
		latency: find('.latency'),
		time: find('.time'),
		settings: find('.settings'),
		fullscreen: find('.fullscreen'),
		menu: find('.menu'),
		nerds: find('.nerds'),
		nerds_close: find('.nerds button'),
		nerds_rows: find('.nerds tbody'),
		graph: find('.nerds canvas'),
		legend: find('.legend'),
		status: find('.sr')
	};
}
