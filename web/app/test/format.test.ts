import { expect, test } from 'vitest';
import { ago, bitrate, clock } from '../src/lib/format';
import { shorten } from '../src/lib/short-uuid';
import { t } from '../src/lib/messages';

test('durations read like a clock', () => {
	expect([0, 9.6, 75, 3599.4, 3675, 36_000].map(clock)).toEqual(['0:00', '0:10', '1:15', '59:59', '1:01:15', '10:00:00']);
	expect(clock(-3)).toBe('0:00');
});

test('moments are told by distance', () => {
	const now = Date.parse('2026-01-10T12:00:00Z');
	expect(ago('2026-01-10T11:59:30Z', now)).toBe('now');
	expect(ago('2026-01-10T11:57:01Z', now)).toBe('2 minutes ago');
	expect(ago('2026-01-09T11:00:00Z', now)).toBe('yesterday');
	expect(ago('2024-01-10T12:00:00Z', now)).toBe('2 years ago');
});

test('bitrates are in the unit of encoder settings', () => {
	expect(bitrate(2480.4)).toBe('2,480 kbit/s');
});

test('short UUIDs are those of PeerTube', () => {
	// Captured from PeerTube 6.3.
	expect(shorten('e11134c3-2217-4ab4-a8c0-1c7d52638005')).toBe('tMXacc4pBWgeMH2Gp2Yq9D');
	expect(shorten('cd7a3e6e-2baf-4526-8699-aee2ee7927ac')).toBe('rnDzw2FR5u51a1UvourLYC');
	expect(shorten('00000000-0000-0000-0000-000000000001')).toBe('1'.repeat(21) + '2');
	expect(shorten('tMXacc4pBWgeMH2Gp2Yq9D')).toBe('tMXacc4pBWgeMH2Gp2Yq9D');
});

test('texts take values and plural forms', () => {
	expect(t('card.viewers', { count: 1 })).toBe('1 viewer');
	expect(t('card.viewers', { count: 1234 })).toBe('1,234 viewers');
	expect(t('new.again.action', { name: '{x} $& <b>' })).toBe('Open “{x} $& <b>”');
	expect(t('new.again.action')).toBe('Open “{name}”');
});
