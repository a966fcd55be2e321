/**
 * -m policy: the IPsec policy that a packet came by or will leave by. As net/netfilter/xt_policy.c.
 * Which states decrypted a packet, or will encrypt it, is in no capture: undecided, but on the
 * loopback interface, where no policy applies (disable_xfrm, disable_policy).
 */
import { protocolName, protocolNumber } from '../packet/text.ts';
import type { Family, HookName } from '../ruleset/types.ts';
import { joined, undecided } from './conditions.ts';
import type { MatchDefinition, MatchResult, OptionUse, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import type { MaskedHost } from './numeric-address.ts';
import { maskedHost, maskedHostText } from './numeric-address.ts';
import { argument, readOptions } from './options.ts';
import { boundedNumber, hexText, unsignedNumber } from './values.ts';

/** A condition of an element. */
interface Wanted<T> {
  readonly value: T;
  readonly inverted: boolean;
}

/** One element (state) of a policy. */
interface PolicyElement {
  reqid?: Wanted<number>;
  spi?: Wanted<number>;
  /** Number of the protocol. */
  proto?: Wanted<number>;
  mode?: Wanted<'transport' | 'tunnel'>;
  'tunnel-dst'?: Wanted<MaskedHost>;
  'tunnel-src'?: Wanted<MaskedHost>;
}

/** Options of -m policy. */
export interface PolicyOptions {
  readonly direction: 'in' | 'out';
  /** No policy at all, or one with these elements. */
  readonly none: boolean;
  readonly strict: boolean;
  readonly elements: readonly Readonly<PolicyElement>[];
}

/** XT_POLICY_MAX_ELEM. */
const MOST_ELEMENTS = 4;
const PROTOCOLS = [50, 51, 108];
const HOOKS: Readonly<Record<'in' | 'out', readonly HookName[]>> = {
  in: ['PREROUTING', 'INPUT', 'FORWARD'],
  out: ['FORWARD', 'OUTPUT', 'POSTROUTING'],
};
const REPEATABLE = ['reqid', 'spi', 'proto', 'mode', 'tunnel-src', 'tunnel-dst', 'next'] as const;

function refuse(message: string, option?: string): OptionError {
  return new OptionError('bad-policy', message, option === undefined ? {} : { option });
}

/** @throws OptionError bad-policy */
function parseProtocol(use: OptionUse): number {
  const text = argument(use);
  const number =
    unsignedNumber(text, 255) ?? protocolNumber(text) ?? protocolNumber(text.toLowerCase());
  if (number === undefined) throw refuse(`unknown protocol "${text}" specified`, use.name);
  if (!PROTOCOLS.includes(number)) {
    throw refuse('policy match: protocol must be ah/esp/ipcomp', use.name);
  }
  return number;
}

/** @throws OptionError bad-policy */
function oneOf<T extends string>(use: OptionUse, values: readonly T[], what: string): T {
  const text = argument(use);
  const found = values.find((value) => value === text);
  if (found === undefined) throw refuse(`${what} "${text}"`, use.name);
  return found;
}

/** Reads one option of an element. @throws OptionError bad-policy, bad-value */
function readElement(element: PolicyElement, use: OptionUse, family: Family): void {
  const { name, inverted } = use;
  const number = (): number => boundedNumber('policy', name, argument(use), 0xffffffff);
  const once = (key: keyof PolicyElement): void => {
    if (element[key] !== undefined) throw refuse(`policy match: double --${key} option`, name);
  };
  if (name === 'reqid' || name === 'spi') {
    const value = number();
    once(name);
    element[name] = { value, inverted };
  } else if (name === 'tunnel-src' || name === 'tunnel-dst') {
    const value = maskedHost('policy', name, argument(use), family);
    once(name);
    element[name] = { value, inverted };
  } else if (name === 'proto') {
    once(name);
    element.proto = { value: parseProtocol(use), inverted };
  } else if (name === 'mode') {
    once(name);
    const modes = ['transport', 'tunnel'] as const;
    const value = oneOf(use, modes, 'policy match: invalid mode');
    element.mode = { value, inverted };
  }
}

function isTunnel({ mode }: PolicyElement): boolean {
  return mode !== undefined && (mode.value === 'tunnel') !== mode.inverted;
}

/** What the elements must be like as a whole. @throws OptionError bad-policy */
function checkElements(elements: readonly PolicyElement[], strict: boolean): void {
  for (const [i, element] of elements.entries()) {
    if (strict && Object.keys(element).length === 0) {
      throw refuse(
        `policy match: empty policy element ${i}. --strict is in effect, but at least one of reqid, spi, tunnel-src, tunnel-dst, proto or mode is required.`,
      );
    }
    const addresses = element['tunnel-src'] !== undefined || element['tunnel-dst'] !== undefined;
    if (addresses && !isTunnel(element)) {
      throw refuse('policy match: --tunnel-src/--tunnel-dst is only valid in tunnel mode');
    }
  }
}

function parse(uses: readonly OptionUse[], family: Family): PolicyOptions {
  let direction: 'in' | 'out' | undefined;
  let none = false;
  let strict = false;
  const elements: PolicyElement[] = [{}];
  // The elements' options may stand several times; the others are checked as everywhere.
  const repeatable = new Set<string>(REPEATABLE);
  for (const use of uses) {
    const others = uses.slice(0, uses.indexOf(use) + 1).filter(({ name }) => name === use.name);
    readOptions('policy', policy.options, repeatable.has(use.name) ? [use] : others, {});
    if (use.name === 'dir')
      direction = oneOf(use, ['in', 'out'] as const, 'policy_match: invalid dir');
    else if (use.name === 'pol') {
      none = oneOf(use, ['none', 'ipsec'], 'policy match: invalid policy') === 'none';
    } else if (use.name === 'strict') strict = true;
    else if (use.name === 'next') {
      if (elements.length === MOST_ELEMENTS) {
        throw refuse('policy match: maximum policy depth reached', 'next');
      }
      elements.push({});
    } else readElement(elements.at(-1) ?? {}, use, family);
  }
  if (direction === undefined) {
    throw refuse('policy match: neither --dir in nor --dir out specified');
  }
  if (none && strict) throw refuse('policy match: policy none but --strict given');
  if (none && elements.length > 1) throw refuse('policy match: policy none but policy given');
  const kept = none ? [] : elements;
  checkElements(kept, strict);
  if (!strict && elements.length > 1) {
    throw refuse('policy: option "--next" also requires "--strict".', 'next');
  }
  return { direction, none, strict, elements: kept };
}

function elementText(element: PolicyElement, dashes: string, numeric: boolean): string {
  const part = <T>(name: string, wanted: Wanted<T> | undefined, text: (value: T) => string) =>
    wanted === undefined
      ? ''
      : `${wanted.inverted ? '! ' : ''}${dashes}${name} ${text(wanted.value)}`;
  return joined(
    part('reqid', element.reqid, String),
    part('spi', element.spi, hexText),
    part('proto', element.proto, (value) => (numeric ? `${value}` : protocolName(value))),
    part('mode', element.mode, String),
    part('tunnel-dst', element['tunnel-dst'], maskedHostText),
    part('tunnel-src', element['tunnel-src'], maskedHostText),
  );
}

function flagsText({ direction, none, strict }: PolicyOptions, dashes: string): string {
  const pol = none ? 'none' : 'ipsec';
  return `${dashes}dir ${direction} ${dashes}pol ${pol}${strict ? ` ${dashes}strict` : ''}`;
}

function matches({ none }: PolicyOptions, context: PacketContext): MatchResult {
  if (context.inInterface === 'lo' || context.outInterface === 'lo') return none ? YES : NO;
  return undecided(context, '-m policy: which IPsec policy a packet has is in no capture');
}

/** -m policy. */
export const policy: MatchDefinition<PolicyOptions> = {
  name: 'policy',
  families: [4, 6],
  help: 'the IPsec policy of the packet, or that it has none',
  options: [
    {
      name: 'dir',
      argument: 'in|out',
      help: 'the policy it was decrypted by, or the one it will be encrypted by',
    },
    { name: 'pol', argument: 'none|ipsec', help: 'no policy, or one as the other options say' },
    {
      name: 'strict',
      help: 'the elements are the whole policy; otherwise any one of its elements',
    },
    { name: 'reqid', argument: 'number', invertible: true, help: 'request identifier' },
    { name: 'spi', argument: 'number', invertible: true, help: 'security parameter index' },
    {
      name: 'tunnel-src',
      argument: 'address[/mask]',
      invertible: true,
      help: "the tunnel's source; only with --mode tunnel",
    },
    {
      name: 'tunnel-dst',
      argument: 'address[/mask]',
      invertible: true,
      help: "the tunnel's destination; only with --mode tunnel",
    },
    { name: 'proto', argument: 'protocol', invertible: true, help: 'ah, esp or ipcomp' },
    { name: 'mode', argument: 'mode', invertible: true, help: 'transport or tunnel' },
    { name: 'next', help: 'begins the next element, at most 4; needs --strict' },
  ],
  reads: ['host', 'interfaces'],
  assumable: true,
  hooksFor: ({ direction }) => HOOKS[direction],
  parse: (uses, context) => parse(uses, context.family),
  print: (options) =>
    joined(
      flagsText(options, '--'),
      options.elements.map((each) => elementText(each, '--', false)).join(' --next '),
    ),
  list: (options, numeric) => {
    const { elements } = options;
    const texts = elements.map((each, i) =>
      joined(elements.length > 1 ? `[${i}]` : '', elementText(each, '', numeric)),
    );
    return joined('policy match', flagsText(options, ''), ...texts);
  },
  matches,
  explain: ({ none }) =>
    none ? '--pol none: undecided' : '--pol ipsec: no IPsec policy applies on lo',
};
