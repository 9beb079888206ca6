/**
 * Claims over HTTP through edge and server in processes of their own, beside a bare fastify route that checks the same
 * tokens. Twice: each token seen for the first time, as on the first claim of a session; and tokens seen before, of which
 * the edge remembers that they are good while the route, as such routes do, checks each anew.
 */
import { newTag } from '../load/ids.ts';
import type { Claims } from '../load/job.ts';
import { script } from '../processes/child.ts';
import { type Claimd, createEvents, targetOf } from '../processes/claimd.ts';
import { type Bench, type Case, claimdFor, inTurn, jobOf, measure, Skipped, startGenerator } from './case.ts';

const GOAL = 0.7;
/** More than either side can answer: a run that has used up its tokens or events ends early. A check costs 0.1 ms. */
const NEW_TOKENS_PER_S = 8_000;
const KNOWN_CLAIMS_PER_S = 20_000;
const KNOWN_USERS = 1_000;

export const http: Case = async (bench, figures) => {
  const generator = await startGenerator(bench);
  for (let round = 0; round < bench.options.rounds; round++) {
    const claimd = await claimdFor(bench, { parts: 'apart' });
    if (claimd.http === null) throw new Skipped('the running claimd needs --http');
    const route = await startRoute(bench, claimd);
    const sides = [{ name: 'claimd', target: claimd.http, pids: claimd.pids }, route];
    const dialect = { kind: 'http', signer: claimd.credentials.signer } as const;
    for (const [kind, claims] of Object.entries({
      'new tokens': newTokens(bench),
      'known tokens': knownTokens(bench),
    })) {
      await createEvents(claimd, claims.eventKeys);
      for (const { name, target, pids } of inTurn(round, sides)) {
        const job = jobOf(bench, { dialect, target, claims, depth: 1 });
        await measure(bench, figures, `${name}, ${kind}`, { generator, job, pids, expected: 'GRANTED' });
      }
      figures.compare(`claimd, ${kind}`, `bare route, ${kind}`, GOAL);
    }
    await route.stop();
    await claimd.stop();
  }
  await generator.stop();
};

/** One claim for each token. */
function newTokens(bench: Bench): Claims {
  return { ...claimsOf(1), userCount: countOf(bench, NEW_TOKENS_PER_S) };
}

/** Few users who claim many events, one after the other. */
export function knownTokens(bench: Bench): Claims {
  return { ...claimsOf(Math.ceil(countOf(bench, KNOWN_CLAIMS_PER_S) / KNOWN_USERS)), userCount: KNOWN_USERS };
}

function claimsOf(events: number): Omit<Claims, 'userCount'> {
  const eventKeys = Array.from({ length: events }, () => `bench-${newTag()}`);
  return { eventKeys, userTag: newTag(), requestTag: newTag() };
}

function countOf({ options: { warmUpMs, measureMs } }: Bench, perS: number): number {
  return Math.ceil(((warmUpMs + measureMs) / 1_000) * perS);
}

async function startRoute({ processes, cores }: Bench, { data }: Claimd) {
  const ready = /route ready http=(?<http>\S+)\n/;
  const program = script('bench/peers/bare-route.ts', data);
  const child = await processes.start({ name: 'bare route', ...program, ready, cores: cores.system });
  return {
    name: 'bare route',
    target: targetOf(child.ready.http ?? ''),
    pids: [child.pid],
    stop: () => child.stop(),
  };
}
