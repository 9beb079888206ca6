/** The spec as data, so that tests tie its tables to the code's. */
import { readFileSync } from 'node:fs';

export const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The cells of the first table after a heading, without its head; backticks are taken off. */
export function tableAfter(heading: string): string[][] {
  const start = README.indexOf(`\n## ${heading}\n`);
  if (start < 0) throw new Error(`the README has no heading ${heading}`);
  const lines = README.slice(start).split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const rows = lines.slice(first);
  const table = rows.slice(
    2,
    rows.findIndex((line) => !line.startsWith('|')),
  );
  return table.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

/** What stands in the fence after `<!-- pinned: name -->`. */
export function pinnedBlock(name: string): string {
  const found = new RegExp(`<!-- pinned: ${name} -->\n\`\`\`text\n([^]*?)\n\`\`\`\n`).exec(README);
  if (found === null) throw new Error(`the README has no block ${name}`);
  return found[1] as string;
}
