import type { ChildProcess } from 'node:child_process';

const children = new Set<ChildProcess>();

process.on('exit', () => {
	for (const child of children) child.kill('SIGKILL');
});

/** Takes `child` along when the tests end before they could stop it. */
export function outlive(child: ChildProcess): void {
	children.add(child);
	child.once('exit', () => children.delete(child));
}
