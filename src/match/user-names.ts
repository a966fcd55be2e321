/**
 * Users and groups that Debian's base-passwd has on every machine, so that rules read and print the
 * same everywhere. All others differ from host to host: rules name them by number.
 */
const USERS =
  'root:0 daemon:1 bin:2 sys:3 sync:4 games:5 man:6 lp:7 mail:8 news:9 uucp:10 proxy:13 www-data:33 backup:34 list:38 irc:39 _apt:42 nobody:65534';
const GROUPS =
  'root:0 daemon:1 bin:2 sys:3 adm:4 tty:5 disk:6 lp:7 mail:8 news:9 uucp:10 man:12 proxy:13 kmem:15 dialout:20 fax:21 voice:22 cdrom:24 floppy:25 tape:26 sudo:27 audio:29 dip:30 www-data:33 backup:34 operator:37 list:38 irc:39 src:40 shadow:42 utmp:43 video:44 sasl:45 plugdev:46 staff:50 games:60 users:100 nogroup:65534';

interface Names {
  readonly byName: ReadonlyMap<string, number>;
  readonly byNumber: ReadonlyMap<number, string>;
}

function names(text: string): Names {
  const pairs = text.split(' ').map((entry): [string, number] => {
    const [name = '', number = ''] = entry.split(':');
    return [name, Number(number)];
  });
  const byNumber = new Map(pairs.map(([name, number]): [number, string] => [number, name]));
  return { byName: new Map(pairs), byNumber };
}

const users = names(USERS);
const groups = names(GROUPS);

/** Number of a user of the base system. */
export function userNumber(name: string): number | undefined {
  return users.byName.get(name);
}

/** Name of a user of the base system. */
export function userName(number: number): string | undefined {
  return users.byNumber.get(number);
}

/** Number of a group of the base system. */
export function groupNumber(name: string): number | undefined {
  return groups.byName.get(name);
}

/** Name of a group of the base system. */
export function groupName(number: number): string | undefined {
  return groups.byNumber.get(number);
}
