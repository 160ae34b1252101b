/** The element's whole look. Colours and sizes that a page may set are custom properties (`--shoal-player-...`). */
export const css = `
:host {
	--accent: var(--shoal-player-accent, #ff5a36);
	--ink: #fff;
	--dim: rgba(255, 255, 255, 0.72);
	--glass: rgba(12, 14, 18, 0.78);
	--target: 40px;
	display: block;
	position: relative;
	aspect-ratio: 16 / 9;
	background: #000;
	color: var(--ink);
	font: 14px/1.4 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;
	overflow: hidden;
	user-select: none;
	-webkit-user-select: none;
	-webkit-tap-highlight-color: transparent;
	container-type: inline-size;
}
:host(:fullscreen) { aspect-ratio: auto; width: 100%; height: 100%; }
:host(:focus-visible) { outline: 3px solid var(--accent); outline-offset: -3px; }
:host(:focus:not(:focus-visible)) { outline: none; }
@media (pointer: coarse) { :host { --target: 46px; } }
[hidden] { display: none !important; }
video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; background: #000; }
.hide-cursor, .hide-cursor video { cursor: none; }
button {
	appearance: none; border: 0; background: none; color: inherit; font: inherit; padding: 0; margin: 0; cursor: pointer;
	display: inline-flex; align-items: center; justify-content: center; border-radius: 8px;
}
button:focus-visible, input:focus-visible, [role^='menuitem']:focus-visible { outline: 2px solid #fff; outline-offset: 1px; box-shadow: 0 0 0 4px rgba(0, 0, 0, 0.6); }
svg { width: 24px; height: 24px; fill: currentColor; pointer-events: none; }

.stage { position: absolute; inset: 0; }
.centre {
	position: absolute; inset: 0; display: flex; flex-direction: column; align-items: center; justify-content: center;
	gap: 6px; padding: 16px 24px; text-align: center; pointer-events: none;
}
.centre.solid { background: radial-gradient(circle at 50% 42%, rgba(34, 40, 52, 0.92), rgba(6, 8, 11, 0.96)); }
.centre.veil { background: rgba(0, 0, 0, 0.55); }
.centre > * { pointer-events: auto; }
.centre h2 { margin: 8px 0 0; font-size: clamp(16px, 3.4cqw, 24px); font-weight: 650; letter-spacing: 0.01em; }
.centre p { margin: 0; max-width: 46ch; color: var(--dim); font-size: clamp(13px, 2cqw, 15px); }
.centre .mark { width: 56px; height: 56px; color: var(--dim); }
.centre .mark svg { width: 100%; height: 100%; }
.pulse { animation: pulse 2.2s ease-in-out infinite; }
@keyframes pulse { 50% { opacity: 0.4; } }
.spinner { width: 54px; height: 54px; border-radius: 50%; border: 4px solid rgba(255, 255, 255, 0.22); border-top-color: #fff; animation: turn 0.9s linear infinite; }
@keyframes turn { to { transform: rotate(1turn); } }
.big {
	width: 84px; height: 84px; border-radius: 50%; background: var(--glass); backdrop-filter: blur(6px);
	transition: transform 0.12s, background 0.12s;
}
.big:hover { transform: scale(1.06); background: var(--accent); }
.big svg { width: 42px; height: 42px; }
.primary { background: #fff; color: #111; font-weight: 600; padding: 10px 20px; min-height: var(--target); border-radius: 999px; margin-top: 10px; }
.unmute {
	position: absolute; z-index: 2; top: 50%; left: 50%; transform: translate(-50%, -50%);
	gap: 12px; padding: 0 26px 0 20px; min-height: 64px; border-radius: 999px; background: rgba(255, 255, 255, 0.96); color: #111;
	font-size: 17px; font-weight: 650; box-shadow: 0 6px 30px rgba(0, 0, 0, 0.45); white-space: nowrap;
}
.unmute svg { width: 30px; height: 30px; }
.unmute:hover { background: #fff; }

.notice {
	position: absolute; z-index: 3; top: 12px; left: 50%; transform: translateX(-50%); max-width: calc(100% - 24px); box-sizing: border-box;
	display: flex; align-items: center; gap: 8px; background: var(--glass); border-radius: 10px; padding: 8px 8px 8px 14px; font-size: 13px;
}
.notice button { width: 32px; height: 32px; flex: none; }

.title {
	position: absolute; inset: 0 0 auto 0; padding: 14px 16px 40px; font-size: 16px; font-weight: 600;
	background: linear-gradient(rgba(0, 0, 0, 0.7), transparent); white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
	transition: opacity 0.2s;
}
.title a { color: inherit; text-decoration: none; }
.title a:hover, .title a:focus-visible { text-decoration: underline; }

.bar {
	position: absolute; inset: auto 0 0 0; padding: 46px 10px max(6px, env(safe-area-inset-bottom)); z-index: 1;
	background: linear-gradient(transparent, rgba(0, 0, 0, 0.82)); transition: opacity 0.2s; pointer-events: none;
}
.bar > * { pointer-events: auto; }
.quiet .bar:not(:focus-within), .quiet .title:not(:focus-within) { opacity: 0; }
.row { display: flex; align-items: center; gap: 2px; }
.row button { min-width: var(--target); height: var(--target); flex: none; }
.row button:hover { background: rgba(255, 255, 255, 0.14); }
.grow { flex: 1; min-width: 4px; }

.timeline { position: relative; height: 22px; margin: 0 6px 2px; display: flex; align-items: center; }
.timeline .track { position: absolute; left: 0; right: 0; height: 4px; border-radius: 2px; background: rgba(255, 255, 255, 0.28); overflow: hidden; transition: height 0.12s; }
.timeline:hover .track, .timeline:focus-within .track { height: 7px; }
.timeline .track i { position: absolute; inset: 0 auto 0 0; width: 0; }
.timeline .loaded { background: rgba(255, 255, 255, 0.34); }
.timeline .played { background: var(--accent); }
.timeline output {
	position: absolute; bottom: 22px; transform: translateX(-50%); background: var(--glass); padding: 2px 8px; border-radius: 6px;
	font-variant-numeric: tabular-nums; font-size: 12px; pointer-events: none; white-space: nowrap;
}
input[type='range'] { appearance: none; -webkit-appearance: none; margin: 0; background: none; cursor: pointer; height: 22px; }
.timeline input { position: absolute; inset: 0; width: 100%; }
input[type='range']::-webkit-slider-runnable-track { height: 4px; background: transparent; border-radius: 2px; }
input[type='range']::-moz-range-track { height: 4px; background: transparent; border-radius: 2px; }
input[type='range']::-webkit-slider-thumb { appearance: none; -webkit-appearance: none; width: 14px; height: 14px; border-radius: 50%; background: #fff; margin-top: -5px; box-shadow: 0 0 4px rgba(0, 0, 0, 0.6); }
input[type='range']::-moz-range-thumb { width: 14px; height: 14px; border: 0; border-radius: 50%; background: #fff; box-shadow: 0 0 4px rgba(0, 0, 0, 0.6); }
.volume { display: flex; align-items: center; }
.volume input { width: 0; opacity: 0; transition: width 0.15s, opacity 0.15s; }
.volume input::-webkit-slider-runnable-track { background: rgba(255, 255, 255, 0.5); }
.volume input::-moz-range-track { background: rgba(255, 255, 255, 0.5); }
.volume:hover input, .volume:focus-within input { width: 76px; opacity: 1; margin: 0 8px 0 4px; }
@media (pointer: coarse) { .volume input { display: none; } }

.live { padding: 0 10px; gap: 7px; font-weight: 650; font-size: 13px; letter-spacing: 0.04em; text-transform: uppercase; }
.live::before { content: ''; width: 9px; height: 9px; border-radius: 50%; background: #9aa0a8; flex: none; }
.live[aria-pressed='true']::before { background: var(--accent); box-shadow: 0 0 8px var(--accent); }
.latency, .time { color: var(--dim); font-size: 13px; font-variant-numeric: tabular-nums; white-space: nowrap; padding: 0 4px; }

.menu {
	position: absolute; z-index: 4; right: 10px; bottom: calc(var(--target) + 40px); min-width: 190px; max-height: 60%; overflow: auto;
	background: rgba(18, 21, 27, 0.96); border-radius: 12px; padding: 6px; box-shadow: 0 8px 36px rgba(0, 0, 0, 0.5);
}
.menu h3 { margin: 6px 12px 4px; font-size: 11px; letter-spacing: 0.08em; text-transform: uppercase; color: var(--dim); font-weight: 600; }
.menu [role^='menuitem'] { display: flex; width: 100%; justify-content: flex-start; gap: 10px; min-height: var(--target); padding: 0 14px 0 10px; border-radius: 8px; box-sizing: border-box; }
.menu [role^='menuitem']:hover { background: rgba(255, 255, 255, 0.12); }
.menu [role^='menuitem']::before { content: ''; width: 16px; flex: none; text-align: center; }
.menu [aria-checked='true']::before { content: '\\2713'; }

.nerds {
	position: absolute; z-index: 4; top: 10px; left: 10px; max-width: calc(100% - 20px); max-height: calc(100% - 20px); overflow: auto; box-sizing: border-box;
	background: rgba(8, 10, 13, 0.94); border-radius: 10px; padding: 10px 14px; font: 12px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
	user-select: text; -webkit-user-select: text;
}
.nerds button { position: absolute; top: 4px; right: 4px; width: 28px; height: 28px; }
.nerds table { border-spacing: 0; }
.nerds th { text-align: left; font-weight: 400; color: var(--dim); padding: 0 16px 0 0; vertical-align: top; white-space: nowrap; }
.nerds td { padding: 0 22px 0 0; font-variant-numeric: tabular-nums; }
.nerds canvas { display: block; width: 100%; height: 72px; margin-top: 6px; }
.legend { margin: 4px 0 0; color: var(--dim); display: flex; flex-wrap: wrap; gap: 2px 14px; }
.legend i { display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 5px; }

@container (max-width: 420px) {
	.latency { display: none; }
	.big { width: 68px; height: 68px; }
	.unmute { min-height: 56px; font-size: 15px; }
	/* Words stay clear of the controls, which are shown while nothing plays. */
	.centre.veil { padding-bottom: 78px; gap: 2px; }
	.centre.veil .mark { width: 32px; height: 32px; }
	.centre.veil h2 { margin-top: 2px; }
}
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: reduce) { .spinner { animation-duration: 2.4s; } .pulse { animation: none; } .big, .bar, .title { transition: none; } }
`;
