/** The peer-to-peer engine: viewers carry the stream for each other (docs/swarm-protocol.md). */

export { freshPeerId, type SwarmEvents, type SwarmOptions, type SwarmState, type SwarmStats } from './driver';
export { Swarm, type PartData } from './swarm';
export { VodSwarm, type SegmentData } from './vod/swarm';
export { fetchSwarmToken, OriginError, type AccessToken, type Fetch, type SwarmToken } from './origin';
export type { Signalling, Socket, OpenSocket } from './signalling';
export type { PeerConnectionConstructor } from './transport';
export type { Reload } from './playlist';
export { type Crypto } from './manifest';
