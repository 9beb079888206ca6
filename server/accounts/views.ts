/** Records of people as callers see them. Pure; no hash of anything leaves here. */
import type { AuditView, SessionView, UserView } from '../../protocol/accounts.ts';
import type { AuditEntry, SessionRecord, UserRecord } from '../store/accounts.ts';
import { endOf } from './session-life.ts';

export function userViewOf({ userId, username, roles, createdAt }: UserRecord): UserView {
  return { id: userId, username, roles, createdAt: iso(createdAt) };
}

export function sessionViewOf(session: SessionRecord): SessionView {
  const { sessionId, deviceId, createdAt, lastUsedAt, userAgent } = session;
  return {
    id: sessionId,
    deviceId,
    createdAt: iso(createdAt),
    lastUsedAt: iso(lastUsedAt),
    expiresAt: iso(endOf(session)),
    userAgent,
  };
}

export function auditViewOf({ at, actor, from, action, subject, before, after }: AuditEntry): AuditView {
  return { at: iso(at), actor, from, action, subject, before, after };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
