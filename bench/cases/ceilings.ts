/**
 * What the load process can ask at most: the same job against a bare echo that answers as much, once for each shape of
 * load, the first time it is measured. A figure near its ceiling is the generator's, not the server's.
 */
import { encodeBatch } from '../../protocol/batch-pack.ts';
import { type Claim, encodeClaim } from '../../protocol/claim.ts';
import { encodeBody } from '../../protocol/codec.ts';
import { ERRORS } from '../../protocol/errors.ts';
import { claimKeyOf } from '../../protocol/key.ts';
import { requestIdOf, userIdOf } from '../load/ids.ts';
import type { Claims, Job } from '../load/job.ts';
import { spokenFor } from '../load/speak.ts';
import { type Processes, script } from '../processes/child.ts';
import { targetOf } from '../processes/claimd.ts';
import type { Cores } from '../processes/cores.ts';
import type { Generator } from '../processes/generator.ts';
import { Figures, UNOBSERVED } from '../report/figures.ts';

const WARM_UP_MS = 300;
const MEASURE_MS_MAX = 3_000;
const READY = /echo ready tcp=(?<tcp>\S+)\n/;

export class Ceilings {
  readonly figures = new Figures('ceilings');
  readonly #parts: { processes: Processes; cores: Cores };
  readonly #perS = new Map<string, number>();

  constructor(parts: { processes: Processes; cores: Cores }) {
    this.#parts = parts;
  }

  /** Claims per second; null for a load that is no closed loop, or of a protocol that has no echo. */
  async of(generator: Generator, job: Job): Promise<number | null> {
    const mode = { claimd: 'framed', framed: 'framed', resp: 'lines', iproto: null, http: null }[job.dialect.kind];
    if (mode === null || job.pace.kind === 'open') return null;
    const label = labelOf(job, mode);
    const known = this.#perS.get(label);
    if (known !== undefined) return known;
    const perS = await this.#measure(generator, job, { mode, label });
    this.#perS.set(label, perS);
    return perS;
  }

  async #measure(generator: Generator, job: Job, { mode, label }: { mode: string; label: string }): Promise<number> {
    const { processes, cores } = this.#parts;
    const program = script('bench/peers/echo.ts', mode, ...answerTo(job, mode));
    const echo = await processes.start({ name: 'echo', ...program, ready: READY, cores: cores.system });
    const measureMs = Math.min(job.measureMs, MEASURE_MS_MAX);
    const dialect = mode === 'framed' ? ({ kind: 'framed' } as const) : job.dialect;
    const target = targetOf(echo.ready.tcp ?? '');
    const result = await generator.run({ ...job, dialect, target, claimsMax: null, warmUpMs: WARM_UP_MS, measureMs });
    await echo.stop();
    const { generatorCpu, sent, outcomes } = result;
    const voidReason = outcomes.GRANTED === sent ? null : `${sent} sent, ${JSON.stringify(outcomes)}`;
    this.figures.add(label, { ...result, ...UNOBSERVED, generatorCpu, voidReason });
    return result.perS;
  }
}

function labelOf({ connections, depth, batchClaims }: Job, mode: string): string {
  const batches = batchClaims === 1 ? '' : ` × ${batchClaims.toLocaleString('en-US')}`;
  return `${mode === 'lines' ? 'SET commands' : 'claims'}, ${connections} × ${depth}${batches}`;
}

/** Further arguments of the echo: what it answers, and how long each command is. */
function answerTo(job: Job, mode: string): string[] {
  if (mode === 'framed') return [Buffer.from(grantOf(job)).toString('base64')];
  const { bytesMax } = spokenFor(job).requests;
  return [Buffer.from('+OK\r\n').toString('base64'), `${bytesMax}`];
}

function grantOf({ claims, batchClaims }: Job): Uint8Array {
  const claim = claimOf(claims);
  if (batchClaims === 1) return encodeBody([ERRORS.GRANTED.code, encodeClaim(claim, null), null]);
  const outcomes = Array.from({ length: batchClaims }, () => ({ code: 'GRANTED', claim, nextClaimAt: null }) as const);
  return encodeBody([ERRORS.OK.code, encodeBatch(outcomes), null]);
}

function claimOf({ eventKeys: [eventKey = ''], userTag, requestTag }: Claims): Claim {
  const userId = userIdOf(0, userTag);
  return {
    claimKey: claimKeyOf(eventKey, '-', userId),
    eventKey,
    period: '-',
    userId,
    requestId: requestIdOf(0, requestTag),
    grantedAt: Date.now(),
    configVersion: 1,
    slot: null,
    rewards: [{ kind: 'currency', id: 'gold', amount: 100 }],
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
  };
}
