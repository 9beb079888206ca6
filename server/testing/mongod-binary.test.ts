/** What the finder says when what it is told to use is not there. */
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { findMongod } from './mongod-binary.ts';

const test = suite('finding mongod');

/** The finder reads the environment when it is called. */
async function withEnvironment(values: Record<string, string>, use: () => Promise<void>): Promise<void> {
  const before = { ...process.env };
  Object.assign(process.env, { CLAIMD_TEST_REQUIRE_MONGOD: '0' }, values);
  try {
    await use();
  } finally {
    process.env = before;
  }
}

test('a named mongod that is not there is a reason to skip, and no other is taken instead', () =>
  withEnvironment({ CLAIMD_TEST_MONGOD: '/nowhere/mongod' }, async () => {
    assert.equal(await findMongod(), { reason: 'CLAIMD_TEST_MONGOD is not an executable file: /nowhere/mongod' });
  }));

test('where one is required its absence is an error', () =>
  withEnvironment({ CLAIMD_TEST_MONGOD: '/nowhere/mongod', CLAIMD_TEST_REQUIRE_MONGOD: '1' }, async () => {
    assert.match((await rejection(findMongod())).message, /not an executable file/);
  }));
