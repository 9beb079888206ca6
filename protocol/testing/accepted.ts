/** Legal bodies at the edges of what is legal, among them longer encodings than the shortest; pinned like the others. */
export type AcceptedBody = { name: string; hex: string; body: unknown };

const body = (name: string, hex: string, value: unknown): AcceptedBody => ({ name, hex, body: value });

export const ACCEPTED: AcceptedBody[] = [
  body('no arguments', '90', []),
  body(
    '5 in every width',
    '99 05 cc05 cd0005 ce00000005 cf0000000000000005 d005 d10005 d200000005 d30000000000000005',
    [5, 5, 5, 5, 5, 5, 5, 5, 5],
  ),
  body(
    '2^53 - 1 and its negative',
    '92 cf001fffffffffffff d3ffe0000000000001',
    [9_007_199_254_740_991, -9_007_199_254_740_991],
  ),
  body('2^32 and -(2^31) - 1', '92 cf0000000100000000 d3ffffffff7fffffff', [4_294_967_296, -2_147_483_649]),
  body('-1 in every width', '95 ff d0ff d1ffff d2ffffffff d3ffffffffffffffff', [-1, -1, -1, -1, -1]),
  body('nil and booleans', '93 c0 c2 c3', [null, false, true]),
  body('a string in every width', '94 a161 d90161 da000161 db0000000161', ['a', 'a', 'a', 'a']),
  body('UTF-8 of two, three and four bytes', '93 a2c3a9 a3e29880 a4f09f8e81', ['é', '☀', '🎁']),
  body('bytes in every width', '93 c401ff c50001ff c600000001ff', [
    { $bytes: 'ff' },
    { $bytes: 'ff' },
    { $bytes: 'ff' },
  ]),
  body('arrays and maps in every width', '95 9101 dc000101 dd0000000101 de0001a16101 df00000001d9016101', [
    [1],
    [1],
    [1],
    { a: 1 },
    { a: 1 },
  ]),
  body('eight levels', '91 91 91 91 91 91 91 90', [[[[[[[[]]]]]]]]),
].map((accepted) => ({ ...accepted, hex: accepted.hex.replaceAll(' ', '') }));
