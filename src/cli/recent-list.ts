/**
 * Reads a list of -m recent as it stood before the capture: lines of /proc/net/xt_recent/NAME, or
 * plain ones of an address with its times. The kernel's file holds jiffies, of which nothing but the
 * host knows the time, so such a file needs a line that says it.
 */
import { HZ } from '../match/jiffies.ts';
import type { RecentEntry } from '../match/replay-state.ts';
import { readPrefix } from '../topology/address.ts';
import { usageError } from './values.ts';

const KERNEL_LINE = /^src=(\S+) ttl: (\d+) last_seen: (\d+) oldest_pkt: \d+((?:[ ,]+\d+)*)\s*$/;
const CLOCK_LINE = /^#\s*jiffies\s+(\d+)\s*=\s*(\d+(?:\.\d+)?)\s*$/;
const PLAIN_LINE = /^(\S+)((?:\s+\d+(?:\.\d+)?)+)\s*$/;

interface Clock {
  readonly jiffies: number;
  readonly seconds: number;
}

function numbers(text: string): number[] {
  return text
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map(Number);
}

function isAddress(text: string): boolean {
  return !text.includes('/') && readPrefix(text) !== undefined;
}

function entryOf(line: string, clock: Clock | undefined, place: string): RecentEntry {
  const [, source, ttl, , stamps = ''] = KERNEL_LINE.exec(line) ?? [];
  if (source !== undefined && isAddress(source)) {
    if (clock === undefined)
      throw usageError(
        'recent-clock',
        `${place}: the times of /proc/net/xt_recent are jiffies of the host`,
        'put a line "# jiffies N = SECONDS" before them: jiffies (as /proc/timer_list shows them) and the time since 1970 of one moment',
      );
    const seen = numbers(stamps).map((stamp) => clock.seconds + (stamp - clock.jiffies) / HZ);
    return { address: source, ttl: Number(ttl), seen: seen.sort((a, b) => a - b) };
  }
  const [, address, times = ''] = PLAIN_LINE.exec(line) ?? [];
  if (address === undefined || !isAddress(address))
    throw usageError(
      'bad-recent-list',
      `${place}: "${line}" is no line of a recent list`,
      'a line is ADDRESS SECONDS… (since 1970), or one of /proc/net/xt_recent/NAME',
    );
  return { address, seen: numbers(times).sort((a, b) => a - b) };
}

/**
 * The entries of a list's file.
 * @param file its name, for errors
 * @throws UsageError
 */
export function parseRecentList(text: string, file: string): RecentEntry[] {
  const entries: RecentEntry[] = [];
  let clock: Clock | undefined;
  text.split('\n').forEach((line, index) => {
    const [, jiffies, seconds] = CLOCK_LINE.exec(line.trim()) ?? [];
    if (jiffies !== undefined) clock = { jiffies: Number(jiffies), seconds: Number(seconds) };
    else if (line.trim() !== '' && !line.trim().startsWith('#'))
      entries.push(entryOf(line.trim(), clock, `${file}:${index + 1}`));
  });
  return entries;
}
