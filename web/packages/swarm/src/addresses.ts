/** Which part is behind which URL, as playlists and manifests say. No I/O. */

import type { Manifest } from './manifest';
import { partUri } from './playlist';
import { placeOf, type Place } from './wire';

/** Newest ones kept: more than a playlist lists. */
const MAX_URLS = 512;

export class PartAddresses {
	#places = new Map<string, Place>();
	#urls = new Map<Place, string>();

	place(url: string): Place | null {
		return this.#places.get(url) ?? null;
	}

	url(place: Place): string | null {
		return this.#urls.get(place) ?? null;
	}

	/** From a media playlist of the origin at `url`. */
	learnPlaylist(url: string, text: string): void {
		let msn = 0;
		let part = 0;
		for (const line of text.split(/\r?\n/)) {
			const number = /^#EXT-X-(?:MEDIA-SEQUENCE:|SKIP:.*SKIPPED-SEGMENTS=)(\d+)/.exec(line);
			if (number) msn += Number(number[1]);
			const uri = partUri(line);
			if (uri !== null) {
				this.#learn(uri, url, placeOf(msn, part++));
			} else if (line !== '' && !line.startsWith('#')) {
				msn++;
				part = 0;
			}
		}
	}

	/** `base`: the playlists' folder. */
	learnManifest(manifest: Manifest, base: string): void {
		for (const line of manifest.text.split('\n')) {
			const uri = partUri(line);
			if (uri !== null) this.#learn(uri, base, manifest.place);
		}
	}

	clear(): void {
		this.#places.clear();
		this.#urls.clear();
	}

	#learn(uri: string, base: string, place: Place): void {
		let url;
		try {
			url = new URL(uri, base).href;
		} catch {
			return;
		}
		this.#places.delete(url);
		this.#places.set(url, place);
		this.#urls.set(place, url);
		if (this.#places.size <= MAX_URLS) return;
		for (const [oldest, its_place] of this.#places) {
			this.#places.delete(oldest);
			if (this.#urls.get(its_place) === oldest) this.#urls.delete(its_place);
			break;
		}
	}
}
