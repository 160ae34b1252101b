/** Base 58 as PeerTube's short UUIDs have it (Flickr's order: lower case before upper case). */
const ALPHABET = '123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ';
const LENGTH = 22;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The short form of a UUID; anything else comes back as it is. */
export function shorten(uuid: string): string {
	if (!UUID.test(uuid)) return uuid;
	let rest = BigInt(`0x${uuid.replaceAll('-', '')}`);
	let short = '';
	while (rest > 0n) {
		short = ALPHABET.charAt(Number(rest % 58n)) + short;
		rest /= 58n;
	}
	return short.padStart(LENGTH, ALPHABET.charAt(0));
}

/** Where a video is watched. */
export function watchPath(video: { uuid: string; shortUUID?: string }): string {
	return `/w/${video.shortUUID ?? shorten(video.uuid)}`;
}
