/** What a campaign has found: counts, figures of each round as rows, and broken promises, of which one is too many. */
import { columnsText } from './columns.ts';

export type Cell = string | number;

export class Findings {
  readonly violations: string[] = [];
  readonly #counts = new Map<string, number>();
  readonly #rows: Readonly<Record<string, Cell>>[] = [];

  add(name: string, count = 1): void {
    this.#counts.set(name, this.count(name) + count);
  }

  count(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  row(cells: Readonly<Record<string, Cell>>): void {
    this.#rows.push(cells);
  }

  get rows(): readonly Readonly<Record<string, Cell>>[] {
    return this.#rows;
  }

  violation(sentence: string): void {
    this.violations.push(sentence);
  }

  /** `sentence` is a violation unless it holds. */
  expect(holds: boolean, sentence: string): void {
    if (!holds) this.violation(sentence);
  }

  text(): string {
    const counts = [...this.#counts].map(([name, count]) => ({ count: name, value: count.toLocaleString('en') }));
    const told = this.violations.map((sentence) => `VIOLATION ${sentence}`);
    return [columnsText(this.#rows), columnsText(counts), ...told].filter((part) => part !== '').join('\n\n');
  }
}
