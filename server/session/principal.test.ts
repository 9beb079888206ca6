import { assert, suite } from '../../protocol/testing/kit.ts';
import { nameOf, principalOf, type Service, type ServiceRole } from './principal.ts';

const test = suite('principal');
const serviceOf = (...roles: ServiceRole[]): Service => ({ serviceId: 's1', roles: new Set(roles) });
const actor = { userId: 'u1', sessionId: 'd1', roles: ['OPERATOR'], issuedAt: null, from: null };

test('without an actor the service asks for itself', () => {
  const service = serviceOf('game');
  assert.equal(principalOf(service, null), { kind: 'service', service });
});

test('an edge speaks for the user it names', () => {
  const via = serviceOf('edge', 'game');
  assert.equal(principalOf(via, actor), { kind: 'user', ...actor, via });
});

test('a service without the edge role speaks for nobody', () => {
  for (const service of [serviceOf('game'), serviceOf('admin'), serviceOf('game', 'admin'), serviceOf()]) {
    assert.is(principalOf(service, actor), 'FORBIDDEN');
  }
});

test('a service id cannot be mistaken for a user id', () => {
  assert.is(nameOf({ kind: 'service', service: serviceOf('game') }), 'service:s1');
  assert.is(nameOf({ kind: 'user', ...actor, via: serviceOf('edge') }), 'u1');
});
