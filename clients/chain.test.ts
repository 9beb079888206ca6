import { assert, suite } from '../protocol/testing/kit.ts';
import { chanceOf } from '../protocol/testing/random.ts';
import { Chain, type Entry } from './chain.ts';

const test = suite('chain');

test('a seeded run against an array: same order, same length, whatever leaves from where', () => {
  const chance = chanceOf(20_261_122);
  const chain = new Chain<number>();
  const model: Entry<number>[] = [];
  for (let step = 0; step < 5_000; step++) {
    const action = chance.integer(5);
    if (action < 2) model.push(chain.append(step));
    else if (action === 2) assert.is(chain.shift(), model.shift()?.value, `seed ${chance.seed}`);
    else {
      const [entry] = model.splice(chance.integer(model.length), 1);
      entry?.remove();
      // Leaving twice is leaving once.
      entry?.remove();
    }
    assert.is(chain.length, model.length);
    assert.is(chain.first, model[0]?.value, `seed ${chance.seed}`);
  }
});
