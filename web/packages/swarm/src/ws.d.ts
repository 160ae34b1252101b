declare module 'ws' {
	const WebSocket: new (url: string) => object;
	export default WebSocket;
}
