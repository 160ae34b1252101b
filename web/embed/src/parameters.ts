/** What the embedding page asks for in the address: PeerTube's parameter names. */

export interface Parameters {
	autoplay: boolean;
	muted: boolean | undefined;
	loop: boolean;
	controls: boolean;
	/** show the title over the picture */
	title: boolean;
	/** lead from the title to the video's own page */
	link: boolean;
	start_s: number;
	/** false: never share with other viewers; otherwise as instance and viewer say */
	p2p: boolean | undefined;
}

function flag(query: URLSearchParams, key: string): boolean | undefined {
	const value = query.get(key);
	if (value === null) return undefined;
	return value !== '0' && value !== 'false';
}

/** Seconds of `90`, `90s`, `1m30s`, `1h2m3s` or `1:30`; 0 for anything else. */
export function parseTime(text: string | null): number {
	if (!text) return 0;
	if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
	if (/^\d+(:\d{1,2}){1,2}$/.test(text)) {
		return text.split(':').reduce((sum, field) => sum * 60 + Number(field), 0);
	}
	const fields = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text);
	if (!fields) return 0;
	return Number(fields[1] ?? 0) * 3600 + Number(fields[2] ?? 0) * 60 + Number(fields[3] ?? 0);
}

export function parseParameters(query: URLSearchParams): Parameters {
	return {
		autoplay: flag(query, 'autoplay') ?? false,
		muted: flag(query, 'muted'),
		loop: flag(query, 'loop') ?? false,
		controls: (flag(query, 'controls') ?? true) && (flag(query, 'controlBar') ?? true),
		title: flag(query, 'title') ?? true,
		link: flag(query, 'peertubeLink') ?? true,
		start_s: parseTime(query.get('start')),
		p2p: flag(query, 'p2p')
	};
}
