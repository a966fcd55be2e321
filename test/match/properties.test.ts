/** What holds for every match and target: they print what they read, and never throw on a packet. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OptionError } from '../../src/match/definition.ts';
import { allMatches } from '../../src/match/registry.ts';
import { allTargets } from '../../src/target/registry.ts';
import { buildDatagram, viewOf } from '../support/packets.ts';
import type { WrittenExtension } from './arbitraries.ts';
import { arbitraryMatchNamed, arbitraryPacket, arbitraryTargetNamed } from './arbitraries.ts';
import { STATEFUL } from './arbitraries-state.ts';
import { contextOf } from './context.ts';
import { parseContext, shellWords, usesOf } from './examples.ts';

const protocolOf = ({ protocol }: WrittenExtension): string =>
  protocol === '' ? '' : `-p ${protocol}`;

describe('reads again what it printed, with the same meaning', () => {
  const all = allMatches.flatMap((match) =>
    match.families.map((family) => [`${match.name} IPv${family}`, match, family] as const),
  );
  it.each(all)('%s', (_, match, family) => {
    fc.assert(
      fc.property(
        arbitraryMatchNamed(match.name, family),
        fc.array(arbitraryPacket(family), { maxLength: 20 }),
        (example, packets) => {
          const context = parseContext(family, protocolOf(example));
          const first = match.bind(example.uses, context);
          const printed = shellWords(first.text).slice(2);
          const second = match.bind(usesOf(match.options, printed), context);
          expect(second.text).toBe(first.text);
          expect(second.list(false)).toBe(first.list(false));
          expect(second.list(true)).toBe(first.list(true));
          const states = [first.createState(), second.createState()];
          for (const spec of packets) {
            const packet = contextOf(viewOf(buildDatagram(spec)));
            const result = first.matches(packet, states[0]);
            expect([0, 1, 2, 3]).toContain(result);
            expect(second.matches(packet, states[1])).toBe(result);
            expect(second.explain(packet)).toBe(first.explain(packet));
          }
        },
      ),
    );
  });

  it.each(allTargets.map((target) => [target.name, target] as const))('%s', (name, target) => {
    for (const family of target.families) {
      fc.assert(
        fc.property(
          arbitraryTargetNamed(name, family),
          arbitraryPacket(family),
          (example, spec) => {
            const context = parseContext(family, protocolOf(example));
            const first = target.bind(example.uses, context);
            const printed = shellWords(first.text).slice(1);
            const second = target.bind(usesOf(target.options, printed), context);
            expect(second.text).toBe(first.text);
            expect(second.list(true)).toBe(first.list(true));
            const packets = [0, 1].map(() => contextOf(viewOf(buildDatagram(spec)), { mark: 5 }));
            const [one, two] = packets;
            if (one === undefined || two === undefined) throw new Error('two contexts');
            const result = first.apply(one, first.createState());
            expect([0, 1, 2, 3, 4, 5]).toContain(result);
            if (result === 5) expect(one.undecidedReason).not.toBe('');
            expect(second.apply(two, second.createState())).toBe(result);
            expect({ ...two, packet: undefined }).toEqual({ ...one, packet: undefined });
            expect(two.packet).toEqual(one.packet);
            expect(second.answer(two)).toBe(first.answer(one));
          },
        ),
      );
    }
  });
});

describe('a match that fails says why, one that holds does not', () => {
  it.each(
    allMatches.filter(({ name }) => !STATEFUL.includes(name)).map((m) => [m.name, m] as const),
  )('%s', (name, match) => {
    for (const family of match.families) {
      fc.assert(
        fc.property(arbitraryMatchNamed(name, family), arbitraryPacket(family), (example, spec) => {
          const bound = match.bind(example.uses, parseContext(family, protocolOf(example)));
          const context = contextOf(viewOf(buildDatagram(spec)));
          const result = bound.matches(context, bound.createState());
          if (result === 1) expect(bound.explain(context)).toBe('');
          if (result === 0 || result === 2) expect(bound.explain(context)).not.toBe('');
          if (result === 3) expect(context.undecidedReason).not.toBe('');
        }),
      );
    }
  });
});

describe('any arguments are read or refused', () => {
  const argument = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom('', ':', '::', ',', '/', '-', '!', '0x', '1:', ':1', '1/', 'constructor'),
  );
  const every = [
    ...allMatches.map((match) => [`-m ${match.name}`, match] as const),
    ...allTargets.map((target) => [`-j ${target.name}`, target] as const),
  ];
  it.each(every)('%s', (_, extension) => {
    if (extension.options.length === 0) return;
    const use = fc.record({
      name: fc.constantFrom(...extension.options.map(({ name }) => name)),
      inverted: fc.boolean(),
      value: fc.option(argument, { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(use, { maxLength: 3 }), (uses) => {
        for (const family of extension.families) {
          try {
            extension.bind(uses, parseContext(family, '-p tcp')).list(false);
          } catch (error) {
            expect(error).toBeInstanceOf(OptionError);
            expect((error as OptionError).code).toMatch(/^[a-z]+(-[a-z]+)*$/);
            expect((error as OptionError).message).not.toMatch(/\n|undefined/);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
