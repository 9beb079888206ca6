/** What every running part of the program is handed beside its settings. */
import type { Runtime } from '../../protocol/runtime.ts';
import type { Log } from '../lib/log.ts';

export type Part = { runtime: Runtime; log: Log };
