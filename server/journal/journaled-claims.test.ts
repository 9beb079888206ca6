import { assert, suite } from '../../protocol/testing/kit.ts';
import {
  type ClaimDraft,
  type ClaimRecord,
  type ClaimStore,
  type InsertOutcome,
  StoreUnavailable,
} from '../store/store.ts';
import { journaledClaims } from './journaled-claims.ts';

const test = suite('journaled claims');

function claimOf(eventKey: string, userId: string, requestId: string): ClaimRecord {
  return {
    ...{ claimKey: `${eventKey}/-/${userId}`, eventKey, period: '-', userId, requestId, attempt: 'a.b.1' },
    ...{ grantedAt: 1, configVersion: 1, rewards: [], slot: null },
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
  };
}

/** A store that takes everything, over a journal in which one user has one claim. */
function claimsOver(journaled: ClaimRecord) {
  const inserts: ClaimDraft[][] = [];
  const insert = async (drafts: readonly ClaimDraft[]): Promise<InsertOutcome[]> => {
    inserts.push([...drafts]);
    return drafts.map((draft) => ({ kind: 'inserted', claim: { ...draft, slot: null } }));
  };
  const remembered: string[] = [];
  const claims = journaledClaims({ insertMax: 10, insert, insertStock: insert } as unknown as ClaimStore, {
    ofKey: () => null,
    ofUser(userId) {
      if (userId !== journaled.userId) return null;
      return userId === 'lost'
        ? Promise.reject(new StoreUnavailable('it did not become durable'))
        : Promise.resolve([journaled]);
    },
    hasAny: () => false,
    highestSlot: () => 0,
    remember: ({ requestId }) => remembered.push(requestId),
  });
  return { claims, inserts, remembered };
}

test('a request id that only the journal has is taken for direct claims, and the others of its insert go on', async () => {
  const journaled = claimOf('busy', 'u', 'r');
  const { claims, inserts, remembered } = claimsOver(journaled);
  const drafts = [claimOf('quiet', 'v', 'r'), claimOf('quiet', 'u', 'r'), claimOf('quiet', 'u', 's')];
  const mayWrite = () => true;
  for (const outcomes of [await claims.insert(drafts, mayWrite), await claims.insertStock(drafts, 5, mayWrite)]) {
    assert.equal(
      outcomes.map(({ kind }) => kind),
      ['inserted', 'requestTaken', 'inserted'],
    );
    assert.equal(outcomes[1], { kind: 'requestTaken', claim: journaled });
  }
  assert.equal(
    inserts.map((insert) => insert.map(({ userId, requestId }) => userId + requestId)),
    [
      ['vr', 'us'],
      ['vr', 'us'],
    ],
  );
  assert.equal(remembered, ['r', 's', 'r', 's']);
});

test('what the journal has and cannot tell stops the claims of its user, and no others', async () => {
  const { claims, inserts } = claimsOver({ ...claimOf('busy', 'u', 'r'), userId: 'lost' });
  const drafts = [claimOf('quiet', 'lost', 's'), claimOf('quiet', 'v', 's')];
  assert.equal(
    (await claims.insert(drafts)).map(({ kind }) => kind),
    ['unavailable', 'inserted'],
  );
  assert.equal(
    inserts.map((insert) => insert.map(({ userId }) => userId)),
    [['v']],
  );
});

test('an insert of which nothing is left asks the store nothing', async () => {
  const { claims, inserts } = claimsOver(claimOf('busy', 'u', 'r'));
  const [outcome] = await claims.insert([claimOf('quiet', 'u', 'r')], () => true);
  assert.is(outcome?.kind, 'requestTaken');
  assert.equal(inserts, []);
});
