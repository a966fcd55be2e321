import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowTable } from '../../src/conntrack/table.ts';
import { invertTuple, newKey } from '../../src/conntrack/tuple.ts';

/** A UDP key of two small numbers. */
function key(source: number, port: number): Int32Array {
  const made = newKey();
  made.set([source, 0, 0, 0, 99, 0, 0, 0, (port << 16) | 53, 17 | (4 << 8)]);
  return made;
}

function inverse(of: Int32Array): Int32Array {
  const made = newKey();
  expect(invertTuple(of, made)).toBe(true);
  return made;
}

function put(table: FlowTable, of: Int32Array, now: number, expires: number): number {
  const slot = table.allocate(now);
  table.keys.set(of, table.keyAt(slot * 2));
  table.keys.set(inverse(of), table.keyAt(slot * 2 + 1));
  table.refresh(slot, expires);
  table.insert(slot);
  return slot;
}

describe('flow table', () => {
  it('finds a flow by both its keys, until it expires', () => {
    const table = new FlowTable();
    const slot = put(table, key(1, 2), 0, 10);
    expect(table.find(key(1, 2), 0)).toBe(slot * 2);
    expect(table.find(inverse(key(1, 2)), 0)).toBe(slot * 2 + 1);
    expect(table.find(key(2, 2), 0)).toBe(-1);
    expect(table.find(key(1, 2), 9.99)).toBe(slot * 2);
    expect(table.find(key(1, 2), 10)).toBe(-1);
    expect(table.count).toBe(0);
  });

  it('gives cleared records, of freed slots too', () => {
    const table = new FlowTable();
    const slot = put(table, key(1, 2), 0, 10);
    table.state.fill(7, table.base(slot) + 1, table.base(slot) + 32);
    table.remove(slot);
    table.release(slot);
    const again = table.allocate(0);
    expect(again).toBe(slot);
    expect([...table.state.subarray(table.base(again), table.base(again + 1))]).toEqual(
      new Array(32).fill(0),
    );
  });

  it('does not grow while flows expire', () => {
    const table = new FlowTable();
    for (let i = 0; i < 200_000; i++) put(table, key(i, i & 0xffff), i, i + 500);
    expect(table.expires.length).toBeLessThanOrEqual(1024);
    expect([...table.live(200_000)].length).toBe(499);
  });

  it('keeps all it is given while they last', () => {
    const table = new FlowTable();
    for (let i = 0; i < 20_000; i++) put(table, key(i, 1), 0, 1000);
    expect(table.count).toBe(20_000);
    for (let i = 0; i < 20_000; i += 7) expect(table.find(key(i, 1), 1)).toBeGreaterThanOrEqual(0);
    table.sweep(1000);
    expect(table.count).toBe(0);
  });

  it('does as a Map does, for any sequence of insert, find, remove and sweep', () => {
    const step = fc.record({
      action: fc.constantFrom('put', 'find', 'findReply', 'remove', 'sweep', 'refresh'),
      source: fc.integer({ min: 0, max: 12 }),
      port: fc.integer({ min: 0, max: 3 }),
      wait: fc.integer({ min: 0, max: 3 }),
      lifetime: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const table = new FlowTable();
        const model = new Map<string, { slot: number; expires: number }>();
        let now = 0;
        for (const { action, source, port, wait, lifetime } of steps) {
          now += wait;
          for (const [name, { expires }] of model) if (expires <= now) model.delete(name);
          const name = `${source} ${port}`;
          const known = model.get(name);
          const own = key(source, port);
          if (action === 'put' && known === undefined) {
            table.find(own, now);
            model.set(name, {
              slot: put(table, own, now, now + lifetime),
              expires: now + lifetime,
            });
          } else if (action === 'find') {
            expect(table.find(own, now)).toBe(known === undefined ? -1 : known.slot * 2);
          } else if (action === 'findReply') {
            const expected = known === undefined ? -1 : known.slot * 2 + 1;
            expect(table.find(inverse(own), now)).toBe(expected);
          } else if (action === 'remove' && known !== undefined) {
            table.remove(known.slot);
            table.release(known.slot);
            model.delete(name);
          } else if (action === 'refresh' && known !== undefined) {
            table.refresh(known.slot, now + lifetime);
            known.expires = now + lifetime;
          } else if (action === 'sweep') {
            table.sweep(now);
            expect(table.count).toBe(model.size);
          }
          expect([...table.live(now)].sort()).toEqual(
            [...model.values()].map((f) => f.slot).sort(),
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('tuples', () => {
  it('are inverted twice to themselves', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -0x80000000, max: 0x7fffffff }), { minLength: 9, maxLength: 9 }),
        fc.constantFrom(6, 17, 47, 132, 253),
        (words, protocol) => {
          const own = Int32Array.from([...words, protocol | (6 << 8)]);
          expect(inverse(inverse(own))).toEqual(own);
        },
      ),
    );
  });
});
