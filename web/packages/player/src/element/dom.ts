/** Changes to the DOM, made only where something changed: the element draws itself four times a second on every watching device. */

const drawn = new WeakMap<HTMLElement, string>();

export function set(element: HTMLElement, icon: string): void {
	if (drawn.get(element) === icon) return;
	drawn.set(element, icon);
	element.innerHTML = icon;
}

export function text(element: HTMLElement, value: string): void {
	if (element.textContent !== value) element.textContent = value;
}

export function show(element: HTMLElement, visible: boolean): void {
	if (element.hidden === visible) element.hidden = !visible;
}

export function name(element: HTMLElement, label: string): void {
	if (element.getAttribute('aria-label') === label) return;
	element.setAttribute('aria-label', label);
	element.title = label;
}
