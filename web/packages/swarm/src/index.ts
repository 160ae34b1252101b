/** The peer-to-peer engine: viewers carry the stream for each other (docs/swarm-protocol.md). */

export { fetchSwarmToken, freshPeerId, Swarm, type PartData, type SwarmEvents, type SwarmOptions, type SwarmState, type SwarmStats } from './swarm';
export { VodSwarm, type SegmentData } from './vod/swarm';
export { OriginError, type AccessToken, type Fetch, type SwarmToken } from './origin';
export type { Signalling, Socket, OpenSocket } from './signalling';
export type { PeerConnectionConstructor } from './transport';
export type { Reload } from './playlist';
export { type Crypto } from './manifest';
