import { assert, suite } from '../../protocol/testing/kit.ts';
import { createPasswordHasher } from './password-hasher.ts';

const test = suite('password hasher');

async function withHasher(
  options: Parameters<typeof createPasswordHasher>[0],
  use: (hasher: ReturnType<typeof createPasswordHasher>) => Promise<void>,
): Promise<void> {
  const hasher = createPasswordHasher(options);
  try {
    await use(hasher);
  } finally {
    await hasher.close();
  }
}

test('argon2id with the parameters that were asked for, salted, and right or wrong', () =>
  withHasher({ threads: 1 }, async (hasher) => {
    const hash = await hasher.hash('correct horse');
    assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    assert.is.not(await hasher.hash('correct horse'), hash);
    assert.is(await hasher.verify('correct horse', hash), true);
    assert.is(await hasher.verify('correct hors', hash), false);
    assert.is(await hasher.verify('correct horse', null), false);
  }));

test('somebody whom nobody knows takes as long as a wrong password', () =>
  withHasher({ threads: 1 }, async (hasher) => {
    const hash = await hasher.hash('correct horse');
    const timeOf = async (known: string | null) => {
      const times: number[] = [];
      for (let i = 0; i < 9; i++) {
        const startedAt = performance.now();
        await hasher.verify('wrong', known);
        times.push(performance.now() - startedAt);
      }
      return times.sort((a, b) => a - b)[4] as number;
    };
    await timeOf(hash);
    const [wrong, unknown] = [await timeOf(hash), await timeOf(null)];
    assert.ok(unknown > wrong / 3 && unknown < wrong * 3, `${wrong} ms against ${unknown} ms`);
  }));

test('more than may wait are told so at once, and the others are served in turn', () =>
  withHasher({ threads: 1, queueMax: 3 }, async (hasher) => {
    const asked = Array.from({ length: 10 }, () => hasher.verify('x', null));
    assert.is(hasher.waitingCount, 3);
    const answers = await Promise.all(asked);
    assert.equal(
      answers.map((answer) => (answer === 'BUSY' ? 'BUSY' : 'served')),
      [...Array(4).fill('served'), ...Array(6).fill('BUSY')],
    );
    assert.is(await hasher.verify('x', null), false, 'afterwards there is room again');
  }));

test('a hash that is none costs its caller and nobody else', () =>
  withHasher({ threads: 1 }, async (hasher) => {
    const [bad, good] = await Promise.all([hasher.verify('x', 'no hash'), hasher.verify('x', null)]);
    assert.equal([bad, good], ['BUSY', false]);
  }));

test('closing answers whoever waits', async () => {
  const hasher = createPasswordHasher({ threads: 1 });
  const asked = [hasher.hash('a'), hasher.hash('b'), hasher.hash('c')];
  await hasher.close();
  for (const answer of await Promise.all(asked)) assert.ok(answer === 'BUSY' || answer.startsWith('$argon2id$'));
  assert.is(await hasher.hash('d'), 'BUSY');
});
