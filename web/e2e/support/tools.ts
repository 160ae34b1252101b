import { execFile, type ExecFileOptions } from 'node:child_process';
import { join, resolve } from 'node:path';
import { outlive } from './outlive';

/** What a program that ended had to say. */
export interface Said {
	/** exit status; null when it was killed */
	status: number | null;
	out: string;
	err: string;
}

/** Most output of one program: a JSON document of some formats, or a report of failures. */
const MAX_OUTPUT = 16 << 20;

/** Runs a program to its end, however that is; kills it after `timeout_ms`. */
export function run(program: string, words: string[], timeout_ms: number, options: ExecFileOptions = {}): Promise<Said> {
	return new Promise((done, failed) => {
		const child = execFile(
			program,
			words,
			{ ...options, encoding: 'utf8', maxBuffer: MAX_OUTPUT, timeout: timeout_ms, killSignal: 'SIGKILL' },
			(error, out, err) => {
				if (error && child.pid === undefined) failed(error);
				else done({ status: child.exitCode, out: String(out), err: String(err) });
			}
		);
		outlive(child);
	});
}

/** A Python tool of web/interop/requirements.txt, where `make deps-test` installed it. */
export function pythonTool(name: string): string {
	const folder = process.env.SHOAL_TOOLS;
	if (!folder) throw new Error('SHOAL_TOOLS must name the folder of the Python tools (make test-tools sets it)');
	return join(resolve(folder), name);
}

/** An npm tool of web/interop. */
export function npmTool(path: string): string {
	return resolve('../interop/node_modules', path);
}

/** Fails with everything that was said unless the program ended well. */
export function expectWell(said: Said, what: string): void {
	if (said.status !== 0) throw new Error(`${what} ended with ${said.status}:\n${said.out}\n${said.err}`);
}
