/**
 * The promises of `journal.ts` as tests that each home of a journal runs against itself. No test sleeps, and none knows
 * which home it talks to. What only one of them can do wrong (disks, fences, lost replies) is tested beside that one.
 */
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { placeAfter, SEGMENT_BYTES, SEGMENT_HEAD_BYTES } from './block/layout.ts';
import { readBlock } from './block/reader.ts';
import type { Journal, JournalHome } from './journal.ts';
import { blocksFrom, JournalWriter, offsetIn } from './testing/journal-writer.ts';

export type OpenedHome = {
  home: JournalHome;
  /** The same journal as another process sees it. */
  rival(): JournalHome | Promise<JournalHome>;
  /** Closes what is left and removes the data. */
  close(): Promise<void>;
};

/**
 * What becomes of a second opener while the first lives: it takes over and fences the first, it is told where the writer
 * is, or it is refused.
 */
export type SecondOpener = 'takesOver' | 'elsewhere' | 'refused';

export type JournalContractOptions = {
  secondOpener: SecondOpener;
  /** The reason why the home cannot be had here. */
  skip?: string | null;
};

/** Registers the contract under `name`. `create` makes a journal that nobody has opened yet. */
export function journalContract(
  name: string,
  create: () => Promise<OpenedHome>,
  { secondOpener, skip = null }: JournalContractOptions,
): void {
  const register = suite(`journal contract: ${name}`);
  const test = (title: string, body: (opened: OpenedHome) => Promise<void>) =>
    register(
      `${name}: ${title}`,
      async () => {
        const opened = await create();
        try {
          await body(opened);
        } finally {
          await opened.close();
        }
      },
      { skip },
    );

  test('a new journal is empty and well', async ({ home }) => {
    const journal = await opened(home, 'b1');
    assert.ok(/^.+\.b1$/.test(journal.origin), journal.origin);
    assert.ok(journal.inFlightMax >= 1);
    assert.is(journal.startsAt % SEGMENT_BYTES, SEGMENT_HEAD_BYTES);
    assert.ok(journal.oldest <= journal.startsAt);
    assert.equal(await blocksFrom(journal, journal.oldest), []);
    const { isFull, isWell, detail } = journal.state();
    assert.equal({ isFull, isWell, detail }, { isFull: false, isWell: true, detail: null });
    await journal.close();
  });

  test('what is appended is durable in order and is given back as it was', async ({ home }) => {
    const journal = await opened(home, 'b1');
    const writer = new JournalWriter(journal);
    for (const claims of [1, 50, 0, 700]) assert.is(await writer.append(claims), 'DURABLE');
    assert.equal(await blocksFrom(journal, journal.startsAt), writer.appended);
    const third = writer.appended[2] as Buffer;
    assert.equal(await blocksFrom(journal, offsetIn(third)), writer.appended.slice(2));
    assert.equal(await blocksFrom(journal, writer.head), []);
    assert.ok(journal.state().bytes >= writer.appended.reduce((sum, { length }) => sum + length, 0));
    await journal.close();
  });

  test('more blocks than may be on their way wait and are answered in order', async ({ home }) => {
    const journal = await opened(home, 'b1');
    const writer = new JournalWriter(journal);
    const sizes = [1, 900, 1, 1, 300, 0, 800, 2, 800, 1, 1];
    assert.equal(await Promise.all(sizes.map((claims) => writer.append(claims))), Array(sizes.length).fill('DURABLE'));
    assert.equal(await blocksFrom(journal, journal.startsAt), writer.appended);
    await journal.close();
  });

  test('closing waits for what is on its way', async ({ home }) => {
    const journal = await opened(home, 'b1');
    const writer = new JournalWriter(journal);
    void writer.append(800);
    void writer.append(1);
    await journal.close();
    assert.is(writer.durable, 2);
    const next = await opened(home, 'b2');
    assert.equal(await blocksFrom(next, next.oldest), writer.appended);
    await next.close();
  });

  test('each boot starts a segment and finds what the boots before have left', async ({ home }) => {
    const kept: Buffer[] = [];
    let behind = 0;
    for (const boot of ['b1', 'b2', 'b3', 'b4']) {
      const journal = await opened(home, boot);
      assert.is(journal.startsAt % SEGMENT_BYTES, SEGMENT_HEAD_BYTES);
      assert.ok(journal.startsAt >= placeAfter(behind), 'behind everything that was written');
      assert.equal(await blocksFrom(journal, journal.oldest), kept);
      assert.equal(await blocksFrom(journal, journal.startsAt), []);
      const writer = new JournalWriter(journal);
      // One boot that decides nothing lies between two that do.
      if (boot !== 'b2') await Promise.all([writer.append(3), writer.append(200), writer.append(0)]);
      kept.push(...writer.appended);
      behind = writer.head;
      assert.equal(await blocksFrom(journal, journal.oldest), kept);
      await journal.close();
    }
    const first = readBlock(kept[3] as Buffer, 0);
    assert.equal(typeof first === 'string' ? first : [first.sequence, first.previous], [1, 0]);
  });

  test('blocks are given from the end of one boot into the next', async ({ home }) => {
    const first = await opened(home, 'b1');
    const before = new JournalWriter(first);
    await before.append(5);
    await first.close();
    const second = await opened(home, 'b2');
    const writer = new JournalWriter(second);
    await writer.append(6);
    assert.equal(await blocksFrom(second, before.head), writer.appended);
    await second.close();
  });

  test('bytes are read from where they lie', async ({ home }) => {
    const journal = await opened(home, 'b1');
    const writer = new JournalWriter(journal);
    await Promise.all([writer.append(2), writer.append(900), writer.append(1)]);
    for (const block of writer.appended) {
      const at = offsetIn(block);
      assert.equal(await journal.read(at, block.length), block);
      assert.equal(await journal.read(at + 56, 40), block.subarray(56, 96));
    }
    await journal.close();
    const next = await opened(home, 'b2');
    const [block] = writer.appended as [Buffer];
    assert.equal(await next.read(offsetIn(block), 64), block.subarray(0, 64));
    await next.close();
  });

  test('what is released is forgotten, and nothing else', async ({ home }) => {
    const first = await opened(home, 'b1');
    const before = new JournalWriter(first);
    await Promise.all([before.append(5), before.append(400)]);
    const second = before.appended[1] as Buffer;
    first.release(offsetIn(second));
    assert.equal(await blocksFrom(first, offsetIn(second)), [second]);
    await first.close();

    const journal = await opened(home, 'b2');
    assert.ok(journal.oldest <= offsetIn(second));
    assert.equal(await blocksFrom(journal, offsetIn(second)), [second]);
    const writer = new JournalWriter(journal);
    await writer.append(7);
    journal.release(journal.startsAt);
    // Releasing less than before takes nothing back.
    journal.release(0);
    await journal.close();

    const last = await opened(home, 'b3');
    assert.equal(await blocksFrom(last, last.oldest), writer.appended);
    assert.is(await last.read(offsetIn(second), 64), null);
    assert.ok(last.startsAt > writer.head);
    await last.close();
  });

  test(`a second opener: ${secondOpener}`, async ({ home, rival }) => {
    const journal = await opened(home, 'b1');
    const writer = new JournalWriter(journal);
    await writer.append(3);
    const other = await rival();
    if (secondOpener === 'refused') assert.is((await rejection(other.open('b2'))).name, 'StoreRefused');
    else {
      const second = await other.open('b2');
      if ('elsewhere' in second) assert.is(secondOpener, 'elsewhere');
      else {
        assert.is(secondOpener, 'takesOver');
        assert.is(await writer.append(1), 'FENCED');
        assert.equal(await blocksFrom(second, second.oldest), writer.appended.slice(0, 1));
        await second.close();
      }
    }
    if (secondOpener !== 'takesOver') assert.is(await writer.append(1), 'DURABLE');
    await journal.close();
  });
}

async function opened(home: JournalHome, boot: string): Promise<Journal> {
  const journal = await home.open(boot);
  if ('elsewhere' in journal) throw new Error(`the writer is ${journal.elsewhere}`);
  return journal;
}
