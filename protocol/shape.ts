/**
 * Allow-list validators: a shape accepts exactly the values it describes and says, per field, which rule a value
 * broke. Wire bodies and HTTP bodies pass through the same shapes.
 */
export type Fault = { field: string; rule: string };

export type Shape<T> = {
  readonly rule: string;
  /** Adds what is wrong to `faults`; adds nothing exactly when `value` is a T. */
  check(value: unknown, field: string, faults: Fault[]): void;
  /** Never set; carries T for `TypeOf`. */
  readonly type?: T;
};
export type TypeOf<S> = S extends Shape<infer T> ? T : never;

function simple<T>(rule: string, accepts: (value: unknown) => boolean): Shape<T> {
  return {
    rule,
    check(value, field, faults) {
      if (!accepts(value)) faults.push({ field, rule });
    },
  };
}

/** Any value at all: somebody else will judge it. */
export const anything: Shape<unknown> = simple('anything', () => true);

/** Nothing but nil. */
export const nothing: Shape<null> = simple('null', (value) => value === null);

export const boolean: Shape<boolean> = simple('true or false', (value) => typeof value === 'boolean');

export function integer({ min, max }: { min: number; max: number }): Shape<number> {
  return simple(
    `integer ${min}…${max}`,
    (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  );
}

/**
 * `lengthMin` and `lengthMax` count UTF-16 units. Half a surrogate pair and a leading byte order mark are refused,
 * because MessagePack cannot carry the one and decoders drop the other.
 */
export function text({ lengthMin = 0, lengthMax }: { lengthMin?: number; lengthMax: number }): Shape<string> {
  return simple(
    `string of ${lengthMin}…${lengthMax} characters`,
    (value) =>
      typeof value === 'string' && value.length >= lengthMin && value.length <= lengthMax && !UNSENDABLE.test(value),
  );
}

const UNSENDABLE = /^\ufeff|\p{Surrogate}/u;

/** `pattern` must be anchored; `lengthMax` is asked before it runs. */
export function pattern(rule: string, lengthMax: number, expression: RegExp): Shape<string> {
  return simple(
    rule,
    (value) => typeof value === 'string' && value.length > 0 && value.length <= lengthMax && expression.test(value),
  );
}

export function choice<const T extends string>(...choices: readonly T[]): Shape<T> {
  return simple(`one of ${choices.join(', ')}`, (value) => choices.includes(value as T));
}

export function bytes({ lengthMin = 0, lengthMax }: { lengthMin?: number; lengthMax: number }): Shape<Uint8Array> {
  return simple(
    `${lengthMin}…${lengthMax} bytes`,
    (value) => value instanceof Uint8Array && value.length >= lengthMin && value.length <= lengthMax,
  );
}

export function refine<T>(shape: Shape<T>, rule: string, holds: (value: T) => boolean): Shape<T> {
  return {
    rule,
    check(value, field, faults) {
      const before = faults.length;
      shape.check(value, field, faults);
      if (faults.length === before && !holds(value as T)) faults.push({ field, rule });
    },
  };
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return {
    rule: `${shape.rule}, or null`,
    check(value, field, faults) {
      if (value !== null) shape.check(value, field, faults);
    },
  };
}

export function list<T>(
  shape: Shape<T>,
  { lengthMin = 0, lengthMax }: { lengthMin?: number; lengthMax: number },
): Shape<T[]> {
  const rule = `list of ${lengthMin}…${lengthMax}`;
  return {
    rule,
    check(value, field, faults) {
      if (!Array.isArray(value) || value.length < lengthMin || value.length > lengthMax) {
        faults.push({ field, rule });
        return;
      }
      for (let i = 0; i < value.length; i++) shape.check(value[i], `${field}[${i}]`, faults);
    },
  };
}

type Fields = Record<string, Shape<unknown>>;
type RecordOf<R extends Fields, O extends Fields> = { [K in keyof R]: TypeOf<R[K]> } & {
  [K in keyof O]?: TypeOf<O[K]>;
};
/**
 * What to do with a field that is not named. A request's is refused: leaving out what was asked could change its
 * meaning. A reply's is ignored: a later server may tell more than this client knows.
 */
type Unnamed = 'refused' | 'ignored';

/** A plain map with exactly these fields; those of `optional` may be absent. */
export function record<R extends Fields, O extends Fields = Record<never, never>>(
  required: R,
  optional: O = {} as O,
): Shape<RecordOf<R, O>> {
  return recordShape(required, optional, 'refused');
}

/** `record` for what a server sends: fields that are not named may be there. */
export function recordAtLeast<R extends Fields, O extends Fields = Record<never, never>>(
  required: R,
  optional: O = {} as O,
): Shape<RecordOf<R, O>> {
  return recordShape(required, optional, 'ignored');
}

function recordShape<T>(required: Fields, optional: Fields, unnamed: Unnamed): Shape<T> {
  const known = new Map([...Object.entries(required), ...Object.entries(optional)]);
  return {
    rule: 'object',
    check(value, field, faults) {
      if (!isPlainMap(value)) {
        faults.push({ field: field || 'body', rule: 'object' });
        return;
      }
      const path = field === '' ? '' : `${field}.`;
      for (const name of Object.keys(value)) {
        const shape = known.get(name);
        if (shape !== undefined) shape.check(value[name], path + name, faults);
        else if (unnamed === 'refused') faults.push({ field: path + name, rule: 'no such field' });
      }
      for (const name of Object.keys(required)) {
        if (!Object.hasOwn(value, name)) faults.push({ field: path + name, rule: `required: ${required[name]?.rule}` });
      }
    },
  };
}

/** A plain map from any name to values of one shape. */
export function dictionary<T>(shape: Shape<T>): Shape<Record<string, T>> {
  return {
    rule: 'object',
    check(value, field, faults) {
      if (!isPlainMap(value)) {
        faults.push({ field: field || 'body', rule: 'object' });
        return;
      }
      for (const name of Object.keys(value)) shape.check(value[name], `${field}.${name}`, faults);
    },
  };
}

function isPlainMap(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

type Names = readonly (readonly [name: string, shape: Shape<unknown>])[];
type TupleOf<N extends Names> = {
  -readonly [K in keyof N]: N[K] extends readonly [string, infer S] ? TypeOf<S> : never;
};

/**
 * A positional array with append-only fields: trailing fields that an older peer leaves out are read as null, so a
 * field added later must be nullable. Fields beyond those named are refused.
 */
export function positional<const N extends Names>(...names: N): Shape<TupleOf<N>> {
  return tupleShape(names, 'refused');
}

/** `positional` for what a server sends: there may be more fields than those named. */
export function positionalAtLeast<const N extends Names>(...names: N): Shape<TupleOf<N>> {
  return tupleShape(names, 'ignored');
}

function tupleShape<T>(names: Names, unnamed: Unnamed): Shape<T> {
  const rule = `array of ${names.map(([name]) => name).join(', ')}`;
  return {
    rule,
    check(value, field, faults) {
      if (!Array.isArray(value) || (unnamed === 'refused' && value.length > names.length)) {
        faults.push({ field: field || 'body', rule });
        return;
      }
      while (value.length < names.length) value.push(null);
      for (let i = 0; i < names.length; i++) {
        const [name, shape] = names[i] as Names[number];
        shape.check(value[i], field === '' ? name : `${field}.${name}`, faults);
      }
    },
  };
}

/** The faults of a value; empty when it has the shape. */
export function faultsOf(shape: Shape<unknown>, value: unknown): Fault[] {
  const faults: Fault[] = [];
  shape.check(value, '', faults);
  return faults;
}
