/**
 * Eligibility over lists that a test changes by hand, on virtual time, to show orders of events that no real store can be
 * made to produce at will. What real stores promise about lists and changes is shown by the contract.
 */
import { virtualTime } from '../../../protocol/testing/virtual-time.ts';
import { KeyHash } from '../../lib/hash.ts';
import type { QualificationChange, QualificationStore } from '../../store/store.ts';
import { Eligibility, type EligibilityOptions } from '../eligibility.ts';

const SEED = { high: 1, low: 2 };

export function eligibilityBench(options: Partial<EligibilityOptions> = {}) {
  const time = virtualTime();
  const lists = new Map<string, Set<string>>();
  const log: QualificationChange[] = [];
  const warnings: string[] = [];
  const state = {
    isFailing: false,
    /** The log's first entries that are gone. */
    forgotten: 0,
    /** What `list` waits for after it has read. */
    held: null as Promise<void> | null,
    pages: 0,
    /** Changes in one answer. */
    page: 3,
  };

  function reach(): void {
    if (state.isFailing) throw new Error('down');
  }

  function change(kind: QualificationChange['kind'], eventKey: string, userIds: readonly string[]): number {
    const list = lists.get(eventKey) ?? new Set();
    lists.set(eventKey, list);
    const changed = userIds.filter((userId) => list.has(userId) === (kind === 'removed'));
    for (const userId of changed) kind === 'added' ? list.add(userId) : list.delete(userId);
    if (changed.length > 0) log.push({ number: log.length + 1, kind, eventKey, userIds: changed });
    return changed.length;
  }

  const store: QualificationStore = {
    async add(eventKey, userIds) {
      reach();
      const added = change('added', eventKey, userIds);
      return { added, existing: userIds.length - added };
    },
    async remove(eventKey, userIds) {
      reach();
      const removed = change('removed', eventKey, userIds);
      return { removed, absent: userIds.length - removed };
    },
    async has(pairs) {
      reach();
      return pairs.map(({ eventKey, userId }) => lists.get(eventKey)?.has(userId) ?? false);
    },
    async list(eventKey, { limit, after = '' }) {
      reach();
      state.pages++;
      const page = [...(lists.get(eventKey) ?? [])].filter((userId) => userId > after).sort();
      await state.held;
      return page.slice(0, limit);
    },
    async changes(mark) {
      reach();
      if (mark === null) return { changes: [], mark: log.length, isLast: true };
      if (mark < state.forgotten) return null;
      const changes = log.slice(mark, mark + state.page);
      return { changes, mark: mark + changes.length, isLast: mark + changes.length === log.length };
    },
  };

  const eligibility = new Eligibility({
    ...{ store, runtime: time, seed: SEED, nodes: 'several', bytesMax: 64 * 1_024 * 1_024 },
    log: { debug() {}, info() {}, warn: (...line: unknown[]) => void warnings.push(String(line[1])), error() {} },
    ...options,
  });

  /** Asks once, which begins to read the list, and lets that happen. */
  async function loaded(eventKey = 'vip'): Promise<void> {
    eligibility.isQualified(eventKey, 'nobody');
    await time.settle();
  }

  /** As the journal asks. */
  function hasBytes(eventKey: string, userId: string): boolean | undefined {
    const bytes = Buffer.from(`[${userId}]`, 'latin1');
    const hash = new KeyHash(SEED);
    hash.ofText(userId);
    const { high, low } = hash;
    return eligibility.has(eventKey, {
      bytes,
      start: 1,
      end: bytes.length - 1,
      high,
      low,
      monotonicMs: time.monotonicMs(),
    });
  }

  return { hasBytes, time, store, log, lists, state, warnings, eligibility, change, loaded };
}
