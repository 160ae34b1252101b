import type { Api, VideoDetails } from '@shoal/api-client';
import type { Events, Health, VideoEvent } from '@shoal/api-client/events';
import { advance, expectedPlaylist, playlistOf, viewOf, type View } from './phase';

/** A live that the API does not show as started, though the socket said so, is asked for again after this long. */
const ASK_AGAIN_MS = 500;
/** ... and no more often than this: then something else is wrong. */
const ASK_AGAIN_MAX = 20;

export interface WatchingPorts {
	api: Pick<Api, 'video'>;
	events: Pick<Events, 'subscribe'>;
	/** Set by the owner's dashboard: also told about the stream's health. */
	token?: () => Promise<string | null>;
}

/** One video as an open page sees it: follows its life without a reload. */
export class Watching {
	video = $state.raw() as VideoDetails;
	view = $state<View>('waiting');
	viewers = $state(0);
	health = $state.raw<Health | null>(null);
	/** What the player plays. It is given before the live starts, so that the player starts without asking anybody. */
	source = $state.raw<string | null>(null);
	/** UUID of the replay of the broadcast that has just ended, when it is a video of its own (permanent lives). */
	elsewhere = $state<string | null>(null);
	/** The live is over and what it left can be played here. */
	replay = $derived(this.view === 'ended' && !this.video.isLive && playlistOf(this.video) !== null);

	#asking = 0;

	constructor(
		video: VideoDetails,
		private readonly ports: WatchingPorts
	) {
		this.video = video;
		this.view = viewOf(video);
		this.viewers = video.viewers;
		this.source = playlistOf(video) ?? expectedPlaylist(video);
	}

	/** Follows the video until the returned function is called. */
	follow(): () => void {
		let stopped = false;
		const stop = this.ports.events.subscribe(
			this.video.uuid,
			(event) => {
				if (!stopped) this.handle(event);
			},
			this.ports.token ?? null
		);
		return () => {
			stopped = true;
			this.#asking = -1;
			stop();
		};
	}

	handle(event: VideoEvent): void {
		switch (event.type) {
			case 'state': {
				const before = this.view;
				if (event.replay && event.replay !== this.video.uuid) this.elsewhere = event.replay;
				else if (event.phase === 'live') this.elsewhere = null;
				this.view = advance(before, event.phase);
				if (this.view !== 'live') this.health = null;
				const starts = this.view === 'live' && (before === 'waiting' || before === 'ended');
				if (starts || (this.view === 'ended' && before !== 'ended')) void this.#refresh();
				break;
			}
			case 'viewers':
				this.viewers = event.viewers;
				break;
			case 'health':
				this.health = event.health;
				break;
			case 'reconnected':
				void this.#refresh();
				break;
		}
	}

	/** Plays the replay of a live that has ended. */
	playReplay(): void {
		this.source = playlistOf(this.video);
		this.view = 'recorded';
	}

	/** Asks the API for what the socket does not tell (the playlist, the name). */
	async #refresh(): Promise<void> {
		const turn = ++this.#asking;
		for (let attempt = 0; attempt < ASK_AGAIN_MAX && this.#asking === turn; attempt++) {
			try {
				const video = await this.ports.api.video(this.video.uuid);
				if (this.#asking !== turn) return;
				this.video = video;
				this.source ??= playlistOf(video);
				if (this.view !== 'live' || playlistOf(video)) return;
			} catch {
				// The socket's word stands; the next attempt may bring the rest.
			}
			await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
		}
	}
}
