// hls.js ships one set of types for its full and its light build.
declare module 'hls.js/light' {
	export { default } from 'hls.js';
	export * from 'hls.js';
}
