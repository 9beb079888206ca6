/**
 * Claims that were granted before, asked again under new request ids and answered from memory, beside a bare framed echo of
 * the same requests and equally long replies.
 */
import { newTag } from '../load/ids.ts';
import type { Claims, Dialect } from '../load/job.ts';
import { sampleReply } from '../load/sample.ts';
import { script } from '../processes/child.ts';
import { createEvents, targetOf } from '../processes/claimd.ts';
import {
  type Bench,
  type Case,
  claimdFor,
  freshClaims,
  inTurn,
  jobOf,
  measure,
  newEventKey,
  startGenerator,
  voidReasonOf,
} from './case.ts';

/** Well below what claimd remembers by default. */
const USERS = 20_000;
const DEPTH = 16;
const GOAL = 0.8;
const PREPARE_MS_MAX = 60_000;
const CLAIMD = 'claimd, duplicates';
const ECHO = { framed: 'framed echo', msgpack: 'framed echo that decodes and encodes' } as const;

export const duplicates: Case = async (bench, figures) => {
  const generator = await startGenerator(bench);
  for (let round = 0; round < bench.options.rounds; round++) {
    const claimd = await claimdFor(bench, { parts: 'server' });
    const eventKey = newEventKey();
    await createEvents(claimd, [eventKey]);
    const dialect: Dialect = { kind: 'claimd', credential: claimd.credentials.service };
    const claims = { ...freshClaims(eventKey), userCount: USERS };
    const first = { dialect, target: claimd.tcp, claims, depth: DEPTH, batchClaims: 1 };
    const granting = jobOf(bench, { ...first, warmUpMs: 0, measureMs: PREPARE_MS_MAX, claimsMax: USERS });
    const failure = voidReasonOf(await generator.run(granting), 'GRANTED');
    if (failure !== null) throw new Error(`the claims to repeat could not be made: ${failure}`);

    const again: Claims = { ...claims, requestTag: newTag() };
    const reply = Buffer.from(await sampleReply(first, again)).toString('base64');
    const echoes = await Promise.all([startEcho(bench, 'framed', reply), startEcho(bench, 'msgpack', reply)]);
    const sides = [{ label: CLAIMD, dialect, target: claimd.tcp, pids: claimd.pids }, ...echoes];
    for (const { label, dialect, target, pids } of inTurn(round, sides)) {
      const job = jobOf(bench, { dialect, target, claims: { ...again, requestTag: newTag() }, depth: DEPTH });
      await measure(bench, figures, label, { generator, job, pids, expected: 'ALREADY_CLAIMED' });
    }
    for (const echo of echoes) await echo.stop();
    await claimd.stop();
  }
  figures.compare(CLAIMD, ECHO.framed, GOAL);
  figures.compare(CLAIMD, ECHO.msgpack);
  await generator.stop();
};

async function startEcho({ processes, cores }: Bench, mode: keyof typeof ECHO, reply: string) {
  const program = script('bench/peers/echo.ts', mode, reply);
  const ready = /echo ready tcp=(?<tcp>\S+)\n/;
  const child = await processes.start({ name: 'echo', ...program, ready, cores: cores.system });
  return {
    label: ECHO[mode],
    dialect: { kind: 'framed' } as const,
    target: targetOf(child.ready.tcp ?? ''),
    pids: [child.pid],
    stop: () => child.stop(),
  };
}
