/**
 * The order of `ipset list -sorted` and `save -sorted` of 7.17, as far as it was seen: words between
 * separators by length and then by letter, and of networks of one IPv4 address the longer first.
 */

function words(text: string): string[] {
  return text.split(/[.:,]/);
}

const IPV4 = /^(?:\d+\.){3}\d+(?:\/(\d+))?/;

/** Compares two elements' lines. */
export function compareSorted(a: string, b: string): number {
  const [first, second] = [IPV4.exec(a), IPV4.exec(b)];
  if (first !== null && second !== null) {
    const [x, y] = [first[0].replace(/\/.*/, ''), second[0].replace(/\/.*/, '')];
    const difference = compareWords(x, y) || Number(second[1] ?? 32) - Number(first[1] ?? 32);
    if (difference !== 0) return difference;
    return compareWords(a.slice(first[0].length), b.slice(second[0].length));
  }
  return compareWords(a, b);
}

function compareWords(a: string, b: string): number {
  const [left, right] = [words(a), words(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [x = '', y = ''] = [left[i], right[i]];
    if (x.length !== y.length) return x.length - y.length;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}
