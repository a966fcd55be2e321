/**
 * What a set of addresses, ports, interfaces … is, without regard to the language it was written in:
 * its type, its settings, and the elements it holds. As the kernel's ipset has them.
 */
import type { Family } from '../ruleset/types.ts';

/** One part of an element. */
export type SetComponent = 'ip' | 'net' | 'port' | 'mac' | 'mark' | 'iface' | 'set';

/** Names of the set types, as ipset spells them. */
export const SET_TYPE_NAMES = [
  'bitmap:ip',
  'bitmap:ip,mac',
  'bitmap:port',
  'hash:ip',
  'hash:ip,mac',
  'hash:ip,mark',
  'hash:ip,port',
  'hash:ip,port,ip',
  'hash:ip,port,net',
  'hash:mac',
  'hash:net',
  'hash:net,iface',
  'hash:net,net',
  'hash:net,port',
  'hash:net,port,net',
  'list:set',
] as const;
/** Name of a set type. */
export type SetTypeName = (typeof SET_TYPE_NAMES)[number];

/** A set type. */
export interface SetType {
  readonly name: SetTypeName;
  readonly method: 'bitmap' | 'hash' | 'list';
  readonly components: readonly SetComponent[];
  /** As `ipset list` prints it (ipset 7.17 on Linux 6.18). */
  readonly revision: number;
  /** Whether sets hold addresses of a family; 'none': of both, or no addresses at all. */
  readonly families: 'ipv4' | 'both' | 'none';
  /** Elements may be marked `nomatch`. */
  readonly nomatch: boolean;
}

function type(name: SetTypeName, revision: number, families: SetType['families']): SetType {
  const [method = '', parts = ''] = name.split(':');
  const components = parts.split(',') as SetComponent[];
  return {
    name,
    method: method as SetType['method'],
    components,
    revision,
    families,
    nomatch: components.includes('net'),
  };
}

/** All set types, by name. */
export const SET_TYPES: Readonly<Record<SetTypeName, SetType>> = {
  'bitmap:ip': type('bitmap:ip', 3, 'ipv4'),
  'bitmap:ip,mac': type('bitmap:ip,mac', 3, 'ipv4'),
  'bitmap:port': type('bitmap:port', 3, 'none'),
  'hash:ip': type('hash:ip', 6, 'both'),
  'hash:ip,mac': type('hash:ip,mac', 1, 'both'),
  'hash:ip,mark': type('hash:ip,mark', 3, 'both'),
  'hash:ip,port': type('hash:ip,port', 7, 'both'),
  'hash:ip,port,ip': type('hash:ip,port,ip', 6, 'both'),
  'hash:ip,port,net': type('hash:ip,port,net', 8, 'both'),
  'hash:mac': type('hash:mac', 1, 'none'),
  'hash:net': type('hash:net', 7, 'both'),
  'hash:net,iface': type('hash:net,iface', 8, 'both'),
  'hash:net,net': type('hash:net,net', 4, 'both'),
  'hash:net,port': type('hash:net,port', 8, 'both'),
  'hash:net,port,net': type('hash:net,port,net', 3, 'both'),
  'list:set': type('list:set', 3, 'none'),
};

/** A set's settings, as `create` takes them. */
export interface SetHeader {
  readonly type: SetType;
  /** 4 where the type has no family. */
  readonly family: Family;
  /** Size of a hash at its creation, as asked for. */
  readonly hashSize: number;
  readonly maxElements: number;
  /** Largest number of elements in a bucket: even, 2 to 12. */
  readonly bucketSize: number;
  /** Start value of the hash; undefined: the kernel takes a random one. */
  readonly initialValue: number | undefined;
  /** Bits of addresses that are kept, as a prefix; undefined: all. */
  readonly netmask: number | undefined;
  /** Bits of addresses that are kept, as words; undefined: all, or those of `netmask`. */
  readonly bitmask: readonly number[] | undefined;
  /** Bits of marks that are kept, unsigned. */
  readonly markMask: number;
  /** Seconds for which an element stays unless it says otherwise, 0: for ever; undefined: elements
   * have no timeouts. */
  readonly timeout: number | undefined;
  readonly counters: boolean;
  readonly comments: boolean;
  /** Elements have a mark, priority and queue to be put on packets. */
  readonly packetInfo: boolean;
  readonly forceAdd: boolean;
  /** First and last address word (unsigned) or port of a bitmap. */
  readonly range: readonly [number, number];
  /** Of list:set, as asked for. */
  readonly listSize: number;
}

/** What an element has beside its key. All optional: absent where the set has none of it. */
export interface Extensions {
  /** Seconds, 0: for ever. */
  timeout?: number | undefined;
  packets?: number | undefined;
  bytes?: number | undefined;
  comment?: string | undefined;
  /** Unsigned 32-bit. */
  mark?: number | undefined;
  markMask?: number | undefined;
  priority?: number | undefined;
  queue?: number | undefined;
  nomatch?: boolean | undefined;
}

/** How adding or removing ended. */
export const SET_DONE = 0;
/** Add: it is there already. Remove: it is not. */
export const SET_EXISTS = 1;
export const SET_FULL = 2;
export const SET_NULL_ELEMENT = 3;
export const SET_OUT_OF_RANGE = 4;
/** A bucket of the hash has no room, and the kernel does not let packets enlarge the hash. */
export const SET_NO_ROOM = 5;
/** list:set: the set referred to by before or after is not in the list. */
export const SET_NO_REFERENCE = 6;
export type SetOutcome = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** What a test gives: not in the set, in it, in it and marked nomatch. */
export const TEST_NO = 0;
export const TEST_YES = 1;
export const TEST_NOMATCH = 2;
export type TestResult = 0 | 1 | 2;

/** An element's parts; one reused object. Words of addresses are signed 32-bit, IPv4 in [0]. */
export interface SetElement {
  readonly address: Int32Array;
  prefix: number;
  /** Second address (hash:ip,port,ip …, hash:net,net …). */
  readonly address2: Int32Array;
  prefix2: number;
  /** Also ICMP type << 8 | code. */
  port: number;
  protocol: number;
  /** Upper 32 bits, signed, and lower 16 bits. */
  macHigh: number;
  macLow: number;
  /** bitmap:ip,mac: the element has its MAC address. */
  hasMac: boolean;
  mark: number;
  interfaceName: string;
  physicalDevice: boolean;
  wildcard: boolean;
}

/** An element with nothing in it yet. */
export function newElement(): SetElement {
  return {
    address: new Int32Array(4),
    prefix: 0,
    address2: new Int32Array(4),
    prefix2: 0,
    port: 0,
    protocol: 0,
    macHigh: 0,
    macLow: 0,
    hasMac: false,
    mark: 0,
    interfaceName: '',
    physicalDevice: false,
    wildcard: false,
  };
}

/** How a test by a packet treats counters: conditions on them, and whether they go up. */
export interface CounterUse {
  /** Undefined: no condition. */
  readonly packets: CounterCondition | undefined;
  readonly bytes: CounterCondition | undefined;
  readonly update: boolean;
  /** Whether those of the sets within a list go up. */
  readonly updateWithin: boolean;
}

/** A condition on a counter. */
export interface CounterCondition {
  readonly kind: 'eq' | 'ne' | 'lt' | 'gt';
  /** Exact up to 2^53. */
  readonly value: number;
}
