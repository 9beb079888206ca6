/**
 * The one way to write a test here. It wraps uvu, whose own defaults exit 0 for a suite that never runs, and adds a
 * deadline for each test and skips that say why. A test file calls `suite` once and `test` as often as it likes; the
 * runner (`run.ts`) does the rest.
 */
import { suite as uvuSuite } from 'uvu';

export * as assert from 'uvu/assert';

const DEADLINE_MS = 30_000;

export type Tally = { registered: number; passed: number; failed: number; skipped: string[] };
export const tally: Tally = { registered: 0, passed: 0, failed: 0, skipped: [] };
export const runs: (() => void)[] = [];
let onBegin: (testName: string) => void = () => {};

/** For the runner: is told of each test before it runs. */
export function watch(listener: (testName: string) => void): void {
  onBegin = listener;
}

type Body = () => void | Promise<void>;
/** `skip` is the reason why the test cannot run here, or null when it can. */
type Options = { deadlineMs?: number; skip?: string | null };
type Test = (name: string, body: Body, options?: Options) => void;

export function suite(name: string): Test {
  const inner = uvuSuite(name);
  runs.push(() => inner.run());
  return (testName, body, { deadlineMs = DEADLINE_MS, skip = null } = {}) => {
    tally.registered++;
    if (skip !== null) {
      tally.skipped.push(`${testName}: ${skip}`);
      return;
    }
    inner(testName, async () => {
      onBegin(testName);
      try {
        await withDeadline(body, deadlineMs);
        tally.passed++;
      } catch (error) {
        tally.failed++;
        throw error instanceof Error ? error : new Error(`threw ${String(error)}`);
      }
    });
  };
}

async function withDeadline(body: Body, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not finished after ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    await Promise.race([body(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Awaits a rejection and returns it; uvu's own `throws` does not await. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw new Error(`rejected with ${String(error)}, which is not an Error`);
  }
  throw new Error('expected a rejection');
}
