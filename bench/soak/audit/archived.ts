/**
 * An archive read back by what its documentation says and nothing else: each manifest against its file, each line against
 * what was granted.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import type { PastDay } from '../players/past-day.ts';

const ENDING = '.manifest.json';
const SENTENCES_MAX = 10;

export type Sealed = { eventKey: string; period: string; file: string; claims: number; sha256: string };

/** The manifests of a folder, which may not be there yet. */
export async function sealedIn(directory: string): Promise<Sealed[]> {
  const names = await readdir(directory).catch(() => []);
  const sealed = names.filter((name) => name.endsWith(ENDING));
  return Promise.all(sealed.map(async (name) => JSON.parse(await readFile(join(directory, name), 'utf8')) as Sealed));
}

/** What is wrong with the archive of a day, as sentences; at most some of them. */
export async function archiveFaults(directory: string, day: PastDay): Promise<string[]> {
  const faults: string[] = [];
  const found = new Uint8Array(day.users);
  for (const sealed of await sealedIn(directory)) {
    const path = join(directory, sealed.file);
    let count = 0;
    for await (const line of createInterface({ input: createReadStream(path).pipe(createGunzip()) })) {
      count++;
      const fault = faultOf(JSON.parse(line), day, found);
      if (fault !== null && faults.length < SENTENCES_MAX) faults.push(fault);
    }
    if (count !== sealed.claims) faults.push(`${sealed.file} has ${count} claims, not ${sealed.claims}`);
    if ((await sumOf(path)) !== sealed.sha256) faults.push(`${sealed.file} has another checksum`);
  }
  const missing = found.reduce((sum, times) => sum + (times === 0 ? 1 : 0), 0);
  return missing === 0 ? faults : [...faults, `${missing} claims are not in the archive`];
}

type Line = { claimKey: string; userId: string; requestId: string; grantedAt: string; period: string };

/** `found` counts how often the claim of a user was met. */
function faultOf(line: Line, day: PastDay, found: Uint8Array): string | null {
  const number = day.numberOf(line.userId);
  if (number === null) return `nobody granted ${line.claimKey}`;
  const times = (found[number] ?? 0) + 1;
  found[number] = times;
  if (times > 1) return `${line.claimKey} is there ${times} times`;
  const isSame =
    line.claimKey === `${day.eventKey}/${day.period}/${line.userId}` &&
    line.requestId === day.requestIdOf(number) &&
    Date.parse(line.grantedAt) === day.grantedAt[number];
  return isSame ? null : `${line.claimKey} is another claim than the one that was granted`;
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
