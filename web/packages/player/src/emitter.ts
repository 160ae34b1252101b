/** Typed events without a DOM. */

type Listeners<Events> = { [K in keyof Events]?: Set<(value: Events[K]) => void> };

/** Something that tells `Events`: names with what each one carries. */
export class Emitter<Events> {
	#listeners: Listeners<Events> = {};

	/** Calls `listener` on each event until the returned function is called. */
	on<K extends keyof Events>(type: K, listener: (value: Events[K]) => void): () => void {
		const set = (this.#listeners[type] ??= new Set());
		set.add(listener);
		return () => set.delete(listener);
	}

	protected emit<K extends keyof Events>(type: K, value: Events[K]): void {
		for (const listener of [...(this.#listeners[type] ?? [])]) listener(value);
	}

	protected forgetListeners(): void {
		this.#listeners = {};
	}
}
