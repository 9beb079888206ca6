/** The route table as an OpenAPI 3.1 document. Everything in it comes from the table, the schemas and the error table. */
import { ERRORS, type ErrorName } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { PARAMS, type ParamName, QUERY } from '../query.ts';
import type { Answer, HeaderName, Route } from '../route.ts';
import { type BodyName, SCHEMAS, type Schema } from './schemas.ts';

/** What every route may answer beside its own codes. */
const ANYWHERE: readonly ErrorName[] = ['BAD_REQUEST', 'INTERNAL'];
const FOR_STRANGERS: readonly ErrorName[] = [
  'BUSY',
  'DRAINING',
  'STORE_UNAVAILABLE',
  'OUTCOME_UNKNOWN',
  'SERVER_UNAVAILABLE',
];
const BY_ACCESS: Record<Route['access'], readonly ErrorName[]> = {
  open: [],
  stranger: FOR_STRANGERS,
  user: [...FOR_STRANGERS, 'UNAUTHENTICATED', 'SESSION_ENDED', 'FORBIDDEN'],
};
const WITH_BODY: readonly ErrorName[] = ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

const HEADERS: Record<HeaderName, string> = {
  ETag: 'The version of the event, in quotes.',
  Location: 'Where the new event is.',
  'Idempotency-Key': 'The request id of the claim, the caller’s or a new one.',
  'Idempotent-Replayed': 'true',
  'Claims-As-Of': 'Of CSV, asOf of its first page; not there while it is not known.',
};
const REQUEST_HEADERS: Record<'Idempotency-Key' | 'If-Match', { description: string; schema: Schema }> = {
  'Idempotency-Key': {
    description: 'Request id of the claim; the edge makes one when it is left out.',
    schema: { type: 'string', minLength: 1, maxLength: LIMITS.requestIdLengthMax, pattern: '^[\\x21-\\x7e]+$' },
  },
  'If-Match': { description: 'The version to change, in quotes.', schema: { type: 'string' } },
};

const ROWS = 'A line for each user: {"userId":"…"}, or as CSV the user id alone, under the header userId. UTF-8.';

export function openapiOf(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = openapiPath(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'claimd',
      version: '1',
      description: 'Event rewards that every player gets exactly once.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}

/** `/v1/events/:eventKey` as `/v1/events/{eventKey}`. */
export function openapiPath(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

function operationOf(route: Route): object {
  return {
    operationId: route.name,
    summary: route.summary,
    security: route.access === 'user' ? [{ bearer: [] }] : [],
    parameters: parametersOf(route),
    ...(route.body === undefined ? {} : { requestBody: bodyOf(route.body) }),
    ...(route.streams === undefined ? {} : { requestBody: streamOf(route.streams) }),
    responses: {
      ...problemsOf(route),
      ...Object.fromEntries(route.answers.map((answer) => [answer.status, answerOf(answer, route)])),
    },
  };
}

function parametersOf(route: Route): object[] {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name as ParamName);
  return [
    ...inPath.map((name) => parameter(name, 'path', PARAMS[name])),
    ...(route.query ?? []).map((name) => parameter(name, 'query', QUERY[name])),
    ...(route.requestHeaders ?? []).map((name) => ({ name, in: 'header', ...REQUEST_HEADERS[name] })),
  ];
}

function parameter(
  name: string,
  place: 'path' | 'query',
  { shape, description }: { shape: { rule: string }; description: string },
) {
  const schema = { type: 'string', description: shape.rule };
  return { name, in: place, description, schema, ...(place === 'path' ? { required: true } : {}) };
}

function bodyOf(name: BodyName): object {
  return { required: name !== 'Nothing', content: contentOf(['application/json'], name) };
}

function streamOf(types: readonly string[]): object {
  const content = Object.fromEntries(types.map((type) => [type, { schema: { type: 'string' } }]));
  return { required: true, description: ROWS, content };
}

function answerOf({ sentence, schema, headers = [] }: Answer, { produces = ['application/json'] }: Route): object {
  const described = headers.map((name) => [name, { description: HEADERS[name], schema: { type: 'string' } }]);
  const content = schema === null ? {} : { content: contentOf(produces, schema) };
  return { description: sentence, headers: Object.fromEntries(described), ...content };
}

function contentOf(types: readonly string[], schema: keyof typeof SCHEMAS): object {
  const schemaOf = (type: string) =>
    type.startsWith('text/') ? { type: 'string' } : { $ref: `#/components/schemas/${schema}` };
  return Object.fromEntries(types.map((type) => [type, { schema: schemaOf(type) }]));
}

/** Every code that the route may answer with, by status. */
function problemsOf(route: Route): Record<number, object> {
  const codes = [
    ...route.problems,
    ...ANYWHERE,
    ...BY_ACCESS[route.access],
    ...(route.body === undefined && route.streams === undefined ? [] : WITH_BODY),
  ];
  const responses: Record<number, object> = {};
  for (const status of new Set(codes.map((code) => ERRORS[code].http))) {
    const names = codes.filter((code) => ERRORS[code].http === status);
    const description = names.map((name) => `${name}: ${ERRORS[name].sentence}`).join('\n');
    responses[status] = { description, content: contentOf(['application/problem+json'], 'Problem') };
  }
  return responses;
}
