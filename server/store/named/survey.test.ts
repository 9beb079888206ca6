/** Which page comes after which, whatever the stores are. */
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import type { Survey, SurveyedClaim } from '../survey.ts';
import { namedSurvey } from './survey.ts';

const test = suite('survey of several stores');

/** Pages of one claim each, with places that hold colons. */
function surveyOf(keys: readonly string[]): Survey {
  return {
    async claims({ after }) {
      const place = after === null ? 0 : Number(after.slice('at:'.length));
      const claims = keys
        .slice(place, place + 1)
        .map((claimKey): SurveyedClaim => ({ claimKey, eventKey: 'e', period: '-', grantedAt: 1, attempt: 'n.b.1' }));
      return { claims, faults: [], next: place + 1 < keys.length ? `at:${place + 1}` : null };
    },
    slots: async () => ({ slots: [], next: null }),
    conflicts: async () => ({ conflicts: [], next: null }),
  };
}

test('one store after the other, empty ones as well; one that is away ends it', async () => {
  const stores = [['a', 'b'], [], ['c']].map(surveyOf);
  let away: number | null = null;
  const [main, second, third] = stores.map((survey, i) => ({
    name: `s${i}`,
    survey: () => (away === i ? null : survey),
  }));
  if (main === undefined || second === undefined || third === undefined) throw new Error('three stores');
  const survey = namedSurvey([main, second, third]);
  const found: string[] = [];
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<Survey['claims']>> = await survey.claims({ limit: 1, after });
    found.push(...page.claims.map(({ claimKey }) => claimKey));
    after = page.next;
  } while (after !== null);
  assert.equal(found, ['a', 'b', 'c']);
  away = 1;
  assert.is((await survey.claims({ limit: 1, after: null })).next, 's0:at:1');
  assert.is((await rejection(survey.claims({ limit: 1, after: 's1:' }))).name, 'StoreUnavailable');
});
