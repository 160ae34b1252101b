/**
 * Playback of Shoal's lives and recordings: hls.js with loaders and latency control of our own. Headless; the custom
 * element with controls is in `@shoal/player/element`.
 */

export { createPlayer, Player } from './player';
export type { Details, PlayerEvents, PlayerOptions, Stats } from './types';
export type { Quality } from './engine';
export { loadHls } from './engine';
export type { Token } from './source';
export type { Obstacle, SharingOptions, SharingState, SwarmStats } from './sharing';
export type { LatencyMode, Range } from './latency';
export type { Phase, PlayerState } from './state';
