import type { Strings as PlayerStrings } from '@shoal/player/element';
import { en, type Catalogue, type Key } from './en';

export type { Key };

/** Languages in order of preference if the reader's is none of them. */
const catalogues: Record<string, Catalogue> = { en };

export const language = pick(typeof navigator === 'undefined' ? [] : navigator.languages);
/** The player's words; English is its own. */
const players: Record<string, Partial<PlayerStrings>> = { en: {} };

const catalogue: Catalogue = catalogues[language] ?? en;
export const player: Partial<PlayerStrings> = players[language] ?? {};
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);

function pick(wanted: readonly string[]): string {
	for (const tag of wanted) {
		const primary = tag.split('-')[0] ?? '';
		if (primary in catalogues) return primary;
	}
	return 'en';
}

/** The text for `key`, with `{name}` replaced from `values`; a `count` chooses the plural form. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
	const entry = catalogue[key];
	let text: string;
	if (typeof entry === 'string') text = entry;
	else {
		const category = plurals.select(Number(values.count ?? 0));
		text = (category in entry ? entry[category as keyof typeof entry] : undefined) ?? entry.other;
	}
	return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
		const value = values[name];
		if (value === undefined) return whole;
		return typeof value === 'number' ? numbers.format(value) : value;
	});
}
