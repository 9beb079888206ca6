import { assert, suite } from '../../protocol/testing/kit.ts';
import { KeyHash } from '../lib/hash.ts';
import { Ask } from './ask.ts';
import { RequestFilter } from './request-filter.ts';
import { Requests } from './requests.ts';

const test = suite('requests');

function memory() {
  const hash = new KeyHash({ high: 1, low: 2 });
  const requests = new Requests(hash, new RequestFilter());
  requests.isComplete = true;
  const ask = new Ask();
  function userHash(userId: string): [number, number] {
    hash.ofText(userId);
    return [hash.high, hash.low];
  }
  return {
    requests,
    mayBeUsed: (userId: string, requestId: string) => {
      ask.write(userId, requestId);
      requests.hash(ask, ...userHash(userId));
      return requests.mayBeUsed(ask);
    },
    use(userId: string, requestId: string) {
      ask.write(userId, requestId);
      requests.hash(ask, ...userHash(userId));
      requests.add(ask);
    },
    /** The first and third claim of a batch for one user. */
    batch(userId: string, batchId: string) {
      const batch = new Ask();
      const bytes = Buffer.concat([Buffer.of(0xa0 | userId.length), Buffer.from(userId, 'latin1')]);
      batch.beginBatch(bytes, batchId);
      requests.beginBatch(batch, batchId);
      return [0, 2].map((number) => {
        batch.nextOfBatch(0, bytes.length, number);
        requests.hash(batch, ...userHash(userId));
        const isMaybe = requests.mayBeUsed(batch);
        requests.add(batch);
        return isMaybe;
      });
    },
  };
}

test('an id belongs to its user', () => {
  const { use, mayBeUsed } = memory();
  use('ann', 'r1');
  assert.equal([mayBeUsed('ann', 'r1'), mayBeUsed('ann', 'r2'), mayBeUsed('bob', 'r1')], [true, false, false]);
  assert.equal([mayBeUsed('an', 'nr1'), mayBeUsed('annr', '1')], [false, false]);
});

test('the ids of a batch are known by the id of the batch, for whoever may have been in it', () => {
  const { batch, mayBeUsed } = memory();
  assert.equal(batch('ann', 'b'), [false, false]);
  assert.equal(batch('ann', 'b'), [true, true], 'the same batch again');
  assert.equal(batch('ann', 'c'), [false, false]);
  for (const requestId of ['b.0', 'b.2', 'b.9999']) assert.ok(mayBeUsed('bob', requestId), requestId);
  for (const requestId of ['b', 'b.', 'b.x', 'b.12345', 'd.0', '.0', 'b0']) assert.not(mayBeUsed('bob', requestId));
});

test('a batch whose ids somebody has chosen by hand is asked about', () => {
  const { use, batch, requests } = memory();
  use('ann', 'b.2');
  requests.remember('bob', 'c.0');
  assert.equal([...batch('ann', 'b'), ...batch('bob', 'c')], [true, true, true, true]);
  assert.equal(batch('cid', 'd'), [false, false]);
});

test('before everything is known nothing is certain, but what the server makes itself', () => {
  const { requests, mayBeUsed, batch } = memory();
  requests.isComplete = false;
  assert.ok(mayBeUsed('ann', 'r1'));
  assert.equal(batch('ann', 'b'), [true, true]);
  const ask = new Ask().write('ann', 'r1');
  ask.isRequestIdFresh = true;
  requests.hash(ask, 1, 2);
  assert.not(requests.mayBeUsed(ask));
});
