/** The settings menu: qualities, sharing, the stats. */

import type { Player } from '../player';
import type { Strings } from './strings';

function item(role: string, text: string, checked: boolean, value: string): HTMLElement {
	const button = document.createElement('button');
	button.type = 'button';
	button.setAttribute('role', role);
	button.setAttribute('aria-checked', String(checked));
	button.dataset.value = value;
	button.textContent = text;
	button.tabIndex = -1;
	return button;
}

/** Fills `menu` with what can be chosen now; `nerds`: whether the stats are shown. */
export function fillMenu(menu: HTMLElement, player: Player, words: Strings, nerds: boolean): void {
	const heading = document.createElement('h3');
	heading.textContent = words.quality;
	const qualities = player.qualities().sort((a, b) => b.bitrate_bps - a.bitrate_bps);
	const playing = player.stats().rendition;
	const { sharing } = player;
	menu.replaceChildren(
		heading,
		item('menuitemradio', `${words.automatic}${player.quality < 0 && playing ? ` (${playing})` : ''}`, player.quality < 0, '-1'),
		...qualities.map((quality) => item('menuitemradio', quality.label, player.quality === quality.id, String(quality.id))),
		...(sharing?.available ? [item('menuitemcheckbox', words.sharing, sharing.on, 'sharing')] : []),
		item('menuitemcheckbox', words.nerds, nerds, 'nerds')
	);
}

/** Arrow keys, Home and End; `focused` has the focus now. */
export function moveInMenu(menu: HTMLElement, event: KeyboardEvent, focused: Element | null): void {
	const items = [...menu.querySelectorAll<HTMLElement>('[role^="menuitem"]')];
	const at = items.indexOf(focused as HTMLElement);
	const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
	if (to === undefined) return;
	items[(to + items.length) % items.length]?.focus();
	event.preventDefault();
}
