/**
 * The mark of a datagram that INPUT puts together without conntrack: that of its first fragment,
 * whatever the order of arrival (seen on Linux 6.18). Only asked where a rule set a mark.
 */
import type { PacketView } from '../packet/fields.ts';

const MOST = 4096;

function keyOf({ source0, destination0, identification, protocol }: PacketView): string {
  return `${source0} ${destination0} ${identification} ${protocol}`;
}

/** Marks of first fragments whose datagrams are not whole yet; the oldest are forgotten. */
export class FragmentMarks {
  private readonly marks = new Map<string, number>();

  /** Notes the mark of a fragment that PREROUTING let pass. */
  note(fragment: PacketView, mark: number): void {
    if (fragment.fragmentOffset !== 0) return;
    const key = keyOf(fragment);
    if (mark === 0 && !this.marks.has(key)) return;
    this.marks.set(key, mark);
    if (this.marks.size <= MOST) return;
    const [oldest] = this.marks.keys();
    if (oldest !== undefined) this.marks.delete(oldest);
  }

  /** The mark of the datagram that `fragment` has made whole, and forgets it. */
  take(key: string): number {
    const mark = this.marks.get(key) ?? 0;
    this.marks.delete(key);
    return mark;
  }

  /** What identifies the datagram of a fragment. Ask before it is put together. */
  key(fragment: PacketView): string {
    return this.marks.size === 0 ? '' : keyOf(fragment);
  }
}
