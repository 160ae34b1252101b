/** The "stats for nerds". */

import type { Player } from '../player';
import type { Details } from '../types';
import { text } from './dom';
import { COLOURS } from './graph';

/** Who is in the swarm with this player, or why it is in none. */
function swarm({ sharing, swarm }: Details): string {
	if (!sharing?.active || !swarm) return sharing?.obstacle ?? (sharing ? 'joining' : 'none');
	const { peers, parents, children, depth } = swarm;
	return `${peers} peers, ${parents} parents, ${children} child stripes, depth ${depth}${sharing.upload ? '' : ', no upload'}`;
}

/** Says in `legend` what the graph's colours are. */
export function renderLegend(legend: HTMLElement): void {
	const entries = { http: 'from server', p2p: 'from peers', upload: 'to peers' };
	legend.replaceChildren(
		...Object.entries(entries).map(([key, label]) => {
			const entry = document.createElement('span');
			const mark = document.createElement('i');
			mark.style.background = COLOURS[key as keyof typeof COLOURS];
			entry.append(mark, label);
			return entry;
		})
	);
}

/** Fills the table's body `rows_of`; not translated, as it is what people copy into reports. */
export function renderNerds(rows_of: HTMLElement, player: Player): void {
	const it = player.details();
	const seconds = (value: number | null): string => (value === null ? '-' : `${value.toFixed(2)} s`);
	const mbit = (value: number | null): string => (value === null ? '-' : `${(value / 1e6).toFixed(2)} Mbit/s`);
	const mb = (value: number): string => `${(value / 1e6).toFixed(2)} MB`;
	const rows: [string, string][] = [
		['State', `${it.state}, ${it.engine}`],
		['Latency', `${seconds(it.latency_ms === null ? null : it.latency_ms / 1000)} (edge ${seconds(it.distance_s)}, target ${seconds(it.target_s)})`],
		['Buffer', `${seconds(it.buffer_ms / 1000)} in ${it.buffered.length} range(s), rate ${it.playback_rate.toFixed(2)}`],
		['Stalls', String(it.stalls)],
		['Picture', `${it.width}x${it.height} (${it.rendition ?? '-'}), ${it.dropped_frames} of ${it.frames} frames dropped`],
		['Bitrate', `${mbit(it.bitrate_bps)}, link ${mbit(it.throughput_bps)}`],
		['Parts', `target ${seconds(it.part_target_s)}, hold back ${seconds(it.part_hold_back_s)}`],
		['HTTP / P2P', `${mb(it.http_bytes)} / ${mb(it.p2p_bytes)} down, ${mb(it.p2p_upload_bytes)} up`],
		['Swarm', swarm(it)],
		['Start', it.first_picture_ms === null ? '-' : `${Math.round(it.first_picture_ms)} ms`],
		['Clock', `${Math.round(it.clock_difference_ms)} ms`]
	];
	while (rows_of.childElementCount < rows.length) {
		const row = document.createElement('tr');
		row.append(document.createElement('th'), document.createElement('td'));
		rows_of.append(row);
	}
	rows.forEach(([label, value], index) => {
		const row = rows_of.children[index];
		if (!row?.firstElementChild || !row.lastElementChild) return;
		text(row.firstElementChild as HTMLElement, label);
		text(row.lastElementChild as HTMLElement, value);
	});
}
