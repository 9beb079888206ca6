/**
 * What production refuses to run with: secrets that are absent, that development made, or that give more than was said.
 * Only settings are looked at here; a token key's file is looked at where it is read.
 */

import { SERVICE_ROLES } from '../session/principal.ts';
import type { ServiceKey } from '../session/service-keys.ts';
import type { CommandName } from './commands.ts';
import { isDemoKey } from './keys.ts';
import type { Settings } from './read-settings.ts';

const NEEDS: Record<CommandName, readonly ('serviceKeys' | 'tokenKey')[]> = {
  start: ['serviceKeys', 'tokenKey'],
  server: ['serviceKeys', 'tokenKey'],
  edge: ['serviceKeys'],
  token: ['tokenKey'],
  'keys rotate': ['tokenKey'],
  'event put': ['serviceKeys'],
  'event list': ['serviceKeys'],
  'event mode': ['serviceKeys'],
  qualify: ['serviceKeys'],
  claim: ['serviceKeys'],
  'journal dump': ['serviceKeys'],
  'store status': ['serviceKeys'],
  reconcile: ['serviceKeys'],
  backup: ['serviceKeys'],
  archive: ['serviceKeys'],
  restore: [],
};

/** The line to stop with, or null. */
export function refusalOf(command: CommandName, { env, serviceKeys, tokenKey }: Settings): string | null {
  if (env !== 'production') return null;
  const needs = NEEDS[command];
  if (needs.includes('serviceKeys') && serviceKeys === null) return 'production needs --service-keys';
  if (needs.includes('tokenKey') && tokenKey === null) return 'production needs --token-key';
  for (const key of serviceKeys ?? []) {
    const fault = serviceKeyFault(key);
    if (fault !== null) return `production refuses --service-keys: ${fault}`;
  }
  return null;
}

function serviceKeyFault({ service: { serviceId }, key, hasImplicitRoles }: ServiceKey): string | null {
  if (isDemoKey(key)) return `${serviceId} has the key of a demo`;
  if (hasImplicitRoles) return `${serviceId} has no roles, as in ${serviceId}:KEY:${SERVICE_ROLES.join('+')}`;
  return null;
}
