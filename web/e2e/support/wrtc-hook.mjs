// Gives WebTorrent's packages the WebRTC that is installed here instead of the one that they would compile.
import { register } from 'node:module';

const wrtc = new URL('../../node_modules/@roamhq/wrtc/lib/index.js', import.meta.url).href;
const source = `import wrtc from ${JSON.stringify(wrtc)};
export const { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate, RTCDataChannel } = wrtc;
export default wrtc;`;
const hooks = `export const resolve = (specifier, context, next) =>
	specifier.startsWith('webrtc-polyfill') ? { url: 'shoal:wrtc', shortCircuit: true } : next(specifier, context);
export const load = (url, context, next) =>
	url === 'shoal:wrtc' ? { format: 'module', source: ${JSON.stringify(source)}, shortCircuit: true } : next(url, context);`;
register('data:text/javascript,' + encodeURIComponent(hooks));
