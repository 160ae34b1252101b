/** All words the player shows; a page replaces them by its own language. `{...}` is filled in. */
export const english = {
	player: 'Video player',
	play: 'Play',
	pause: 'Pause',
	replay: 'Play again',
	mute: 'Mute',
	unmute: 'Unmute',
	unmuteLarge: 'Tap for sound',
	volume: 'Volume',
	seek: 'Seek',
	live: 'Live',
	goLive: 'Go to live',
	atLive: 'Playing live',
	behind: '{seconds} s behind life',
	behindLive: '{time} behind live',
	settings: 'Settings',
	quality: 'Quality',
	automatic: 'Automatic',
	nerds: 'Stats for nerds',
	close: 'Close',
	sharing: 'Share with other viewers',
	sharingNotice: 'You and other viewers pass this stream on to each other, so they can see your IP address. The settings have a switch for it.',
	fullscreen: 'Full screen',
	exitFullscreen: 'Leave full screen',
	loading: 'Loading',
	waiting: 'The live has not started yet',
	waitingHint: 'It begins here by itself, there is no need to reload.',
	interrupted: 'The connection to the streamer was lost',
	interruptedHint: 'Playback goes on as soon as the stream is back.',
	ended: 'The live has ended',
	endedHint: 'Thank you for watching.',
	error: 'This browser cannot play the stream',
	errorHint: 'A current version of Firefox, Chrome, Edge or Safari can.',
	slowLink: 'The stream is too fast for your connection ({need} Mbit/s needed, {have} there).',
	retry: 'Try again'
};

export type Strings = typeof english;

/** Fills `{name}` places. */
export function fill(text: string, values: Record<string, string | number>): string {
	return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** `1:02:03` or `2:03`. */
export function clockTime(seconds: number): string {
	const whole = Math.max(0, Math.floor(seconds));
	const hours = Math.floor(whole / 3600);
	const minutes = Math.floor(whole / 60) % 60;
	const rest = String(whole % 60).padStart(2, '0');
	return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}
