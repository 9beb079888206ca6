/** Every case by the name that the command line takes, in the order of the page. */
import { backlogEmbedded, backlogOne, backlogThree } from './cases/backlog.ts';
import { batch } from './cases/batch.ts';
import type { Case } from './cases/case.ts';
import { duplicates } from './cases/duplicates.ts';
import { growthStored } from './cases/growth-stored.ts';
import { growthWidth } from './cases/growth-width.ts';
import { http } from './cases/http.ts';
import { mongoOne, mongoThree } from './cases/mongo.ts';
import { openLoop, openLoopOne, openLoopThree } from './cases/open-loop.ts';
import { single } from './cases/single.ts';
import { splits } from './cases/splits.ts';
import type { CaseNames } from './options.ts';

type Row = { run: Case; title: string; often: 'daily' | 'suite' };

export const CASES: Readonly<Record<string, Row>> = {
  single: { run: single, title: 'Single claims, embedded store', often: 'daily' },
  batch: { run: batch, title: 'Batch frames, embedded store', often: 'daily' },
  duplicates: { run: duplicates, title: 'Duplicates', often: 'daily' },
  'mongo-one': { run: mongoOne, title: 'MongoDB, one member', often: 'daily' },
  'mongo-three': { run: mongoThree, title: 'MongoDB, three members', often: 'suite' },
  splits: { run: splits, title: 'MongoDB, collections and stores of their own', often: 'suite' },
  backlog: { run: backlogEmbedded, title: 'Backlog of projection, embedded store', often: 'suite' },
  'backlog-one': { run: backlogOne, title: 'Backlog of projection, one member', often: 'suite' },
  'backlog-three': { run: backlogThree, title: 'Backlog of projection, three members', often: 'suite' },
  'open-loop': { run: openLoop, title: 'Open loop, embedded store', often: 'daily' },
  'open-loop-one': { run: openLoopOne, title: 'Open loop, MongoDB, one member', often: 'suite' },
  'open-loop-three': { run: openLoopThree, title: 'Open loop, MongoDB, three members', often: 'suite' },
  'growth-stored': { run: growthStored, title: 'Growth: claims stored', often: 'suite' },
  'growth-width': { run: growthWidth, title: 'Growth: connections, events, shards', often: 'suite' },
  http: { run: http, title: 'HTTP through the edge', often: 'daily' },
};

export const CASE_NAMES: CaseNames = {
  all: Object.keys(CASES),
  daily: Object.keys(CASES).filter((name) => CASES[name]?.often === 'daily'),
};

/** Headings of the page; the load process's own ceilings come last. */
export const TITLES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(CASES).map(([name, { title }]) => [name, title])),
  ceilings: 'The load process itself, against a bare echo',
};
