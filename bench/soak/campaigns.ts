/** Every campaign by the name it is called by. */
import type { Campaign } from './campaign.ts';
import { archive } from './campaigns/archive.ts';
import { conflict } from './campaigns/conflict.ts';
import { disk } from './campaigns/disk.ts';
import { freeze } from './campaigns/freeze.ts';
import { hostile } from './campaigns/hostile.ts';
import { kill } from './campaigns/kill.ts';
import { lock } from './campaigns/lock.ts';
import { logins } from './campaigns/logins.ts';
import { logout } from './campaigns/logout.ts';
import { lostReply } from './campaigns/lost-reply.ts';
import { mode } from './campaigns/mode.ts';
import { owner } from './campaigns/owner.ts';
import { primary } from './campaigns/primary.ts';
import { race2 } from './campaigns/race.ts';
import { stores } from './campaigns/stores.ts';

export const CAMPAIGNS: Readonly<Record<string, Campaign>> = {
  kill,
  primary,
  freeze,
  hostile,
  lock,
  lostreply: lostReply,
  race2,
  logins,
  logout,
  mode,
  owner,
  disk,
  conflict,
  archive,
  stores,
};
