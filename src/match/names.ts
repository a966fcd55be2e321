/**
 * Lists of names joined by commas, as several matches take them: any case, each name abbreviated as
 * far as one likes, the first that fits counting.
 */

/** A name with the bits it stands for. */
export interface NamedBits {
  readonly name: string;
  readonly bits: number;
}

/**
 * The bits of `NEW,ESTABLISHED`.
 * @param refuse makes the error for a part that fits no name: `rest` is the text from that part on,
 *   `last` whether it is the last one
 * @throws what `refuse` makes
 */
export function parseNames(
  names: readonly NamedBits[],
  text: string,
  refuse: (rest: string, last: boolean) => Error,
): number {
  let bits = 0;
  let rest = text;
  for (;;) {
    const comma = rest.indexOf(',');
    const part = (comma < 0 ? rest : rest.slice(0, comma)).toUpperCase();
    const found = names.find(({ name }) => name.startsWith(part));
    if (part === '' || found === undefined) throw refuse(rest, comma < 0);
    bits |= found.bits;
    if (comma < 0) return bits;
    rest = rest.slice(comma + 1);
  }
}

/** The names of some bits, joined by commas, in the order of the list. */
export function bitNames(names: readonly NamedBits[], bits: number): string {
  return names
    .filter((entry) => (entry.bits & bits) !== 0)
    .map(({ name }) => name)
    .join(',');
}
