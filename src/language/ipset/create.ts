/** `ipset create`: the type and its options as a set's header. */
import type { Family } from '../../ruleset/types.ts';
import { SET_TYPE_NAMES, SET_TYPES, type SetHeader, type SetType } from '../../sets/types.ts';
import {
  addressPart,
  addressWords,
  IpsetRefusal,
  numberWithin,
  portPart,
  syntaxError,
} from './values.ts';

/** Old names of types. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  ipmap: 'bitmap:ip',
  macipmap: 'bitmap:ip,mac',
  portmap: 'bitmap:port',
  iphash: 'hash:ip',
  iptree: 'hash:ip',
  iptreemap: 'hash:ip',
  nethash: 'hash:net',
  ipporthash: 'hash:ip,port',
  netporthash: 'hash:net,port',
  ipportiphash: 'hash:ip,port,ip',
  ipportnethash: 'hash:ip,port,net',
  netifacehash: 'hash:net,iface',
  setlist: 'list:set',
};

/** The largest hash that is simulated; the kernel takes more where it has the memory. */
const LARGEST_HASH = 2 ** 24;
const LONGEST_TIMEOUT = 4294967;
const UINT32 = 0xffffffff;

type Changes = { -readonly [Key in keyof SetHeader]?: SetHeader[Key] };

/** The type of a name. @throws IpsetRefusal ipset-syntax */
export function setType(name: string): SetType {
  const known = OLD_NAMES[name] ?? name;
  const found = SET_TYPE_NAMES.find((each) => each === known);
  if (found === undefined) {
    throw syntaxError(`typename '${name}' is unknown`, `types: ${SET_TYPE_NAMES.join(' ')}`);
  }
  return SET_TYPES[found];
}

function familyOf(text: string): Family {
  if (['inet', 'ipv4', '-4'].includes(text)) return 4;
  if (['inet6', 'ipv6', '-6'].includes(text)) return 6;
  throw syntaxError(`unknown inet family ${text}`);
}

function prefixMask(text: string, family: Family): number {
  const most = family === 4 ? 32 : 128;
  try {
    return numberWithin(text, 1, most);
  } catch {
    throw syntaxError(`netmask is out of the inclusive range of 1-${most}`);
  }
}

const MASKED = new Set(['hash:ip', 'hash:ip,port', 'hash:net,net', 'bitmap:ip']);

/** Options with one argument by the types that have them, and how each changes the header. */
type Reader = (text: string, family: Family, type: SetType) => Changes;

const EXTENSIONS: Readonly<Record<string, Reader>> = {
  timeout: (text) => ({ timeout: numberWithin(text, 0, LONGEST_TIMEOUT) }),
};
const HASH: Readonly<Record<string, Reader>> = {
  ...EXTENSIONS,
  hashsize: (text) => ({ hashSize: numberWithin(text, 0, UINT32) }),
  maxelem: (text) => ({ maxElements: numberWithin(text, 0, UINT32) }),
  bucketsize: (text) => ({ bucketSize: numberWithin(text, 0, 255) }),
  initval: (text) => ({ initialValue: numberWithin(text, 0, UINT32) }),
};
const IGNORED = new Set(['probes', 'resize', 'gc']);
const FLAGS: Readonly<Record<string, Changes>> = {
  counters: { counters: true },
  comment: { comments: true },
  skbinfo: { packetInfo: true },
};

/** Bounds of a bitmap of addresses or ports. */
function rangeOf(text: string, type: SetType): Changes {
  if (type.name === 'bitmap:port') {
    const { port, last } = portPart(text, 4);
    if (last === undefined) throw syntaxError(`port-port range must be specified: ${text}`);
    return { range: [Math.min(port, last), Math.max(port, last)] };
  }
  const part = addressPart(text, 'any', 4);
  if (part.prefix === undefined && part.last === undefined)
    throw syntaxError(`IP/cidr or IP-IP range must be specified: ${text}`);
  const first = (part.words[0] ?? 0) >>> 0;
  if (part.last !== undefined) {
    const last = (part.last[0] ?? 0) >>> 0;
    return { range: [Math.min(first, last), Math.max(first, last)] };
  }
  const size = 2 ** (32 - (part.prefix ?? 32));
  const start = Math.floor(first / size) * size;
  return { range: [start, start + size - 1] };
}

function reader(name: string, type: SetType): Reader | undefined {
  if (MASKED.has(type.name) && name === 'netmask')
    return (text, family) => ({ netmask: prefixMask(text, family) });
  if (MASKED.has(type.name) && name === 'bitmask' && type.method === 'hash')
    return (text, family) => ({ bitmask: addressWords(text, family) });
  if (type.name === 'hash:ip,mark' && name === 'markmask')
    return (text) => ({ markMask: numberWithin(text, 0, UINT32) });
  if (type.method === 'hash') return HASH[name];
  if (type.method === 'bitmap' && name === 'range') return (text) => rangeOf(text, type);
  if (type.method === 'list' && name === 'size')
    return (text) => ({ listSize: numberWithin(text, 0, UINT32) });
  return EXTENSIONS[name];
}

/** The kernel's own checks and roundings. @throws IpsetRefusal */
function checked(header: SetHeader, given: ReadonlySet<string>): SetHeader {
  const { type, range, netmask } = header;
  if (given.has('netmask') && given.has('bitmask'))
    throw syntaxError('bitmask and netmask are mutually exclusive, provide only one');
  if (header.bitmask?.every((word) => word === 0) === true) {
    throw new IpsetRefusal('bad-netmask', 'The value of the netmask parameter is invalid');
  }
  if (header.markMask === 0)
    throw new IpsetRefusal('bad-markmask', 'The value of the markmask parameter is invalid');
  if (header.hashSize > LARGEST_HASH) {
    throw new IpsetRefusal('hash-too-large', `a hashsize of ${header.hashSize} is not supported`, {
      hint: `at most ${LARGEST_HASH}`,
    });
  }
  if (type.method === 'bitmap') {
    if (!given.has('range')) {
      throw new IpsetRefusal('option-missing', "Mandatory option `range' is missing");
    }
    const span = netmask === undefined ? 1 : 2 ** (32 - netmask);
    if ((range[1] - range[0] + 1) / span > 65536) {
      throw new IpsetRefusal(
        'range-too-large',
        'The range you specified exceeds the size limit of the set type',
      );
    }
  }
  const bucketSize = Math.min(12, Math.max(2, header.bucketSize + (header.bucketSize % 2)));
  return { ...header, bucketSize, listSize: Math.max(4, header.listSize) };
}

function defaults(type: SetType, family: Family): SetHeader {
  return {
    type,
    family,
    hashSize: 1024,
    maxElements: 65536,
    bucketSize: 12,
    initialValue: undefined,
    netmask: undefined,
    bitmask: undefined,
    markMask: UINT32,
    timeout: undefined,
    counters: false,
    comments: false,
    packetInfo: false,
    forceAdd: false,
    range: [0, 0],
    listSize: 8,
  };
}

/** Takes the family out of the options, since others are read by it. */
function withoutFamily(words: readonly string[], type: SetType): [Family, string[]] {
  const rest: string[] = [];
  let family: Family | undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const name = word.replace(/^--?(?=[a-z])/, '');
    if (name === 'family' && type.families === 'both') {
      const value = words[++i];
      if (value === undefined) throw missingArgument(name);
      if (family !== undefined)
        throw syntaxError('protocol family may not be specified multiple times');
      family = familyOf(value);
    } else if (/^(-[46]|inet6?)$/.test(word) && type.families === 'both') family = familyOf(word);
    else rest.push(word);
  }
  return [family ?? 4, rest];
}

/** Refusal of an option without its argument. */
export function missingArgument(option: string): IpsetRefusal {
  return new IpsetRefusal('option-argument', `Missing mandatory argument of option \`${option}'`);
}

/** Refusal of a word that is no option. */
export function unknownArgument(word: string): IpsetRefusal {
  return new IpsetRefusal('unknown-option', `Unknown argument: \`${word}'`);
}

/** The old `--from A --to B` and `--network N/M` of bitmaps as a range. */
function oldRange(words: readonly string[], type: SetType): string[] {
  if (type.method !== 'bitmap') return [...words];
  const plain = words.map((word) => word.replace(/^--(?=(from|to|network)$)/, ''));
  const from = plain.indexOf('from');
  const to = plain.indexOf('to');
  if (from >= 0 && to >= 0) {
    const range = `${plain[from + 1]}-${plain[to + 1]}`;
    const taken = new Set([from, from + 1, to, to + 1]);
    return ['range', range, ...plain.filter((_, index) => !taken.has(index))];
  }
  return plain.map((word) => (word === 'network' ? 'range' : word));
}

/** A set's header from the words after its name. @throws IpsetRefusal */
export function readCreate(words: readonly string[]): SetHeader {
  const type = setType(words[0] ?? '');
  const [family, options] = withoutFamily(oldRange(words.slice(1), type), type);
  let header = defaults(type, family);
  const given = new Set<string>();
  for (let i = 0; i < options.length; i++) {
    const word = options[i] ?? '';
    const name = word.replace(/^--?(?=[a-z])/, '');
    const flag = name === 'forceadd' && type.method === 'hash' ? { forceAdd: true } : FLAGS[name];
    if (flag !== undefined) {
      header = { ...header, ...flag };
      continue;
    }
    const read = reader(name, type);
    if (read === undefined && !(IGNORED.has(name) && type.method === 'hash'))
      throw unknownArgument(word);
    const value = options[++i];
    if (value === undefined) throw missingArgument(name);
    if (given.has(name)) throw syntaxError(`${name} already specified`);
    given.add(name);
    if (read !== undefined) header = { ...header, ...read(value, family, type) };
  }
  return checked(header, given);
}
