/** The peer-to-peer engine: viewers carry the stream for each other (docs/swarm-protocol.md). */
export {};
