import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const OUT = resolve(process.env.SHOAL_BENCH_OUT ?? '../../target/bench');

interface Row {
	what: string;
	bound: string;
	measured: string;
	met: boolean;
}

/** What was measured, beside its bounds. */
export class Table {
	readonly #rows: Row[] = [];
	/** for whoever wants to know more */
	readonly details: unknown[] = [];

	constructor(private readonly name: string) {}

	row(what: string, bound: string, measured: string, met: boolean): void {
		this.#rows.push({ what, bound, measured, met });
		console.info(line({ what, bound, measured, met }));
	}

	get missed(): Row[] {
		return this.#rows.filter(({ met }) => !met);
	}

	/** Writes `target/bench/{name}.md` and `.json`. */
	write(): void {
		mkdirSync(OUT, { recursive: true });
		const text = this.#rows.map(line).join('\n');
		writeFileSync(join(OUT, `${this.name}.md`), `## ${this.name}\n\n| what | bound | measured | |\n|---|---|---|---|\n${text}\n`);
		writeFileSync(join(OUT, `${this.name}.json`), JSON.stringify({ rows: this.#rows, details: this.details }, null, '\t'));
	}
}

function line({ what, bound, measured, met }: Row): string {
	return `| ${what} | ${bound} | ${measured} | ${met ? 'met' : '**missed**'} |`;
}
