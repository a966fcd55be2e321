// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are shell scripts
/** Shell scripts of iptables commands: what of the shell is understood, and what is refused. */
import { describe, expect, test } from 'vitest';
import { loadScript, rulesOf, scriptErrors, scriptRules } from './support.ts';

const ACCEPT = '-A INPUT -j ACCEPT';

describe('programs', () => {
  test.each([
    'iptables -A INPUT -j ACCEPT',
    '/sbin/iptables -A INPUT -j ACCEPT',
    '/usr/sbin/iptables-legacy -A INPUT -j ACCEPT',
    'iptables-nft -A INPUT -j ACCEPT',
    'sudo iptables -A INPUT -j ACCEPT',
    'sudo -n -u root /sbin/iptables -A INPUT -j ACCEPT',
    'sudo -- iptables -A INPUT -j ACCEPT',
    'sudo LC_ALL=C iptables -A INPUT -j ACCEPT',
    'env -i LC_ALL=C iptables -A INPUT -j ACCEPT',
    'LC_ALL=C iptables -A INPUT -j ACCEPT',
    'command iptables -A INPUT -j ACCEPT',
    'exec iptables -A INPUT -j ACCEPT',
    'iptables -w -A INPUT -j ACCEPT',
    'iptables -w 5 -A INPUT -j ACCEPT',
    '  iptables   -A   INPUT\t-j ACCEPT  # a comment',
    'iptables -A INPUT \\\n  -j \\\n ACCEPT',
    'iptables -A "INPUT" -j \'ACCEPT\'',
    'iptables -A IN"PU"T -j ACC\\EPT',
    'iptables -A INPUT -j ACCEPT;',
    'true && iptables -A INPUT -j ACCEPT',
    'false || iptables -A INPUT -j ACCEPT',
    '! false && iptables -A INPUT -j ACCEPT',
    '{ iptables -A INPUT -j ACCEPT; }',
    'iptables -A INPUT -j ACCEPT > /dev/null 2>&1',
    'set -e\niptables -A INPUT -j ACCEPT',
    'iptables -A INPUT -j ACCEPT\nexit 0\niptables -A INPUT -j DROP',
  ])('%j', (text) => {
    expect(scriptRules(text)).toEqual([ACCEPT]);
  });

  test('both families in one script', () => {
    const loaded = loadScript('iptables -A INPUT -j DROP\nip6tables -A INPUT -s ::1 -j ACCEPT');
    expect(rulesOf(loaded, 4)).toEqual(['-A INPUT -j DROP']);
    expect(rulesOf(loaded, 6)).toEqual(['-A INPUT -s ::1/128 -j ACCEPT']);
  });

  test('an IPv6 address in brackets is no pattern', () => {
    const loaded = loadScript(
      'ip6tables -t nat -A PREROUTING -p tcp -j DNAT --to-destination [2001:db8::1]:80',
    );
    expect(rulesOf(loaded, 6, 'nat')).toEqual([
      '-A PREROUTING -p tcp -j DNAT --to-destination [2001:db8::1]:80',
    ]);
  });

  test('a family that the script does not touch is absent', () => {
    expect([...loadScript('iptables -L').ruleset.families.keys()]).toEqual([4]);
  });

  test('a table is there as soon as it is asked for, the newest first', () => {
    const loaded = loadScript('iptables -L\niptables -t nat -L\niptables -t raw -S');
    expect([...(loaded.ruleset.families.get(4)?.tables.keys() ?? [])]).toEqual([
      'raw',
      'nat',
      'filter',
    ]);
  });

  test('programs that leave rules alone are passed over, those of note with a warning', () => {
    const loaded = loadScript(
      'echo "starting" > /dev/kmsg\nmodprobe ip_conntrack_ftp\nsysctl -w net.ipv4.ip_forward=1\n' +
        'echo 1 > /proc/sys/net/ipv4/ip_forward\niptables -A INPUT -j ACCEPT',
    );
    expect(rulesOf(loaded)).toEqual([ACCEPT]);
    expect(
      loaded.diagnostics.map(({ code, message, where }) => [code, message, where?.line]),
    ).toEqual([
      ['ignored-command', 'modprobe is not carried out', 3],
      ['ignored-command', 'sysctl is not carried out', 4],
    ]);
  });

  test.each([
    ['frobnicate --all', 'unknown-command'],
    ['nft add table ip x', 'unsupported-command'],
    ['ufw allow 22', 'unsupported-command'],
  ])('%s is refused', (text, code) => {
    expect(scriptErrors(text)).toMatchObject([{ code, where: { line: 2, column: 1 } }]);
  });
});

describe('variables', () => {
  test.each([
    ['IPT="/sbin/iptables"\n$IPT -A INPUT -j ACCEPT'],
    ['IPT="sudo /sbin/iptables -w"\n$IPT -A INPUT -j ACCEPT'],
    ['IPT=iptables; ${IPT} -A INPUT -j ACCEPT'],
    ['export IPT=/sbin/iptables\n"$IPT" -A INPUT -j ACCEPT'],
    ['IPT=$(which iptables)\n$IPT -A INPUT -j ACCEPT'],
    ['IPT=`which iptables`\n$IPT -A INPUT -j ACCEPT'],
    ['IPT=$(command -v iptables)\n$IPT -A INPUT -j ACCEPT'],
    ['IPT=${IPT:-/sbin/iptables}\n$IPT -A INPUT -j ACCEPT'],
    ['RULE="INPUT -j ACCEPT"\niptables -A $RULE'],
    ['A=INP\niptables -A ${A}UT -j ACCEPT'],
    ['EMPTY=\niptables $EMPTY -A INPUT -j ACCEPT'],
    ['A=iptables\nA+=" -A INPUT"\n$A -j ACCEPT'],
    ['[ "$EUID" -eq 0 ] || exit 1\niptables -A INPUT -j ACCEPT'],
    ['if [ $(id -u) != 0 ]; then echo root; exit; fi\niptables -A INPUT -j ACCEPT'],
  ])('%j', (text) => {
    expect(scriptRules(text)).toEqual([ACCEPT]);
  });

  test('quotes keep a value together and empty', () => {
    expect(scriptRules('C="a b"\niptables -A INPUT -m comment --comment "$C" -j ACCEPT')).toEqual([
      '-A INPUT -m comment --comment "a b" -j ACCEPT',
    ]);
    expect(scriptErrors('X=\niptables -A INPUT -i "$X" -j ACCEPT')).toMatchObject([
      { code: 'bad-interface' },
    ]);
  });

  test('single quotes keep a dollar sign', () => {
    expect(scriptRules("iptables -A INPUT -m comment --comment '$X' -j ACCEPT")).toEqual([
      '-A INPUT -m comment --comment "$X" -j ACCEPT',
    ]);
  });

  test('an unset variable is refused where it is used', () => {
    expect(scriptErrors('echo $HOME\niptables -A INPUT -s $SERVER -j ACCEPT')).toMatchObject([
      {
        code: 'unset-variable',
        message: '$SERVER is not set in the script',
        where: { line: 3, column: 22, length: 7 },
        hint: 'set it at the beginning: SERVER=…',
      },
    ]);
  });

  test.each([
    ['iptables -A INPUT -s $(hostname -i) -j ACCEPT', 'unsupported-shell'],
    ['iptables -A INPUT -s $1 -j ACCEPT', 'unset-variable'],
    ['iptables -A INPUT -p tcp --dport $((20+2))', 'unsupported-shell'],
    ['X=a.b\niptables -A INPUT -i ${X%.b}', 'unsupported-shell'],
    ['iptables -A INPUT -i eth*', 'shell-pattern'],
    ['iptables -A INPUT -p tcp --dport {22,80}', 'shell-pattern'],
  ])('%j is refused: %s', (text, code) => {
    expect(scriptErrors(text).map((error) => error.code)).toEqual([code]);
  });
});

describe('flow', () => {
  test('for over words and a variable', () => {
    const text =
      'PORTS="22 80"\nfor p in $PORTS 443\ndo\n  iptables -A INPUT -p tcp --dport $p\ndone';
    expect(scriptRules(text)).toEqual([
      '-A INPUT -p tcp -m tcp --dport 22',
      '-A INPUT -p tcp -m tcp --dport 80',
      '-A INPUT -p tcp -m tcp --dport 443',
    ]);
  });

  test('for over file names, with nothing of note inside', () => {
    const text =
      'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 > $f; done\niptables -A INPUT -j ACCEPT';
    expect(scriptRules(text)).toEqual([ACCEPT]);
  });

  test('functions with arguments', () => {
    const text =
      'open() {\n  iptables -A INPUT -p "$1" --dport $2 -j ACCEPT\n}\nopen tcp 22\nopen udp 53';
    expect(scriptRules(text)).toEqual([
      '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
      '-A INPUT -p udp -m udp --dport 53 -j ACCEPT',
    ]);
  });

  test('a function that calls itself is refused', () => {
    expect(scriptErrors('f() {\n f\n}\nf')).toMatchObject([{ code: 'unsupported-shell' }]);
  });

  test('if on what can be known', () => {
    const text =
      'MODE=open\nif [ "$MODE" = closed ]; then iptables -P INPUT DROP\n' +
      'elif [ "$MODE" = open ]; then iptables -A INPUT -j ACCEPT\nelse iptables -A INPUT -j DROP\nfi';
    expect(scriptRules(text)).toEqual([ACCEPT]);
  });

  test('add a rule unless it is there', () => {
    const line = 'iptables -C INPUT -j ACCEPT 2>/dev/null || iptables -A INPUT -j ACCEPT';
    expect(scriptRules(`${line}\n${line}`)).toEqual([ACCEPT]);
    const negated = 'if ! iptables -C INPUT -j ACCEPT; then iptables -A INPUT -j ACCEPT; fi';
    expect(scriptRules(`${negated}\n${negated}`)).toEqual([ACCEPT]);
  });

  test('a failure that the script expects is a warning', () => {
    const loaded = loadScript(
      'iptables -N A || true\niptables -N A 2>/dev/null\niptables -D INPUT -j A 2>/dev/null || :\n' +
        'iptables -A INPUT -j A',
    );
    expect(rulesOf(loaded)).toEqual(['-N A', '-A INPUT -j A']);
    expect(loaded.diagnostics.map((each) => [each.code, each.where?.line])).toEqual([
      ['chain-exists-expected', 3],
      ['no-such-rule-expected', 4],
    ]);
  });

  test('what is written wrongly is an error even there', () => {
    expect(scriptErrors('iptables -A INPUT -j FOO 2>/dev/null || true')).toMatchObject([
      { code: 'unknown-target' },
    ]);
    expect(scriptErrors('iptables -A INPUT -p tpc || true')).toMatchObject([
      { code: 'unknown-protocol', hint: 'did you mean "tcp"?' },
    ]);
  });

  test.each([
    ['while true; do iptables -A INPUT; done', 'unsupported-shell', 2, 1],
    ['case "$1" in start) ;; esac', 'unsupported-shell', 2, 1],
    ['(iptables -L)', 'unsupported-shell', 2, 1],
    ['iptables -L &', 'unsupported-shell', 2, 13],
    ['[[ a == b ]] && iptables -L', 'unsupported-shell', 2, 1],
    ['if [ -f /etc/fw.conf ]; then iptables -L; fi', 'unsupported-shell', 2, 4],
    ['for i in 1 2; do iptables -L', 'shell-syntax', 2, 28],
    ['iptables -L )', 'shell-syntax', 2, 13],
    ['iptables -A INPUT -m comment --comment "x', 'unterminated', 2, 40],
    ["iptables -A INPUT -m comment --comment 'x", 'unterminated', 2, 40],
    ['iptables-restore <<EOF\n*filter', 'unterminated', 3, 7],
    ['iptables -L\r', 'windows-line-ends', 2, 1],
  ])('%j is refused: %s', (text, code, line, column) => {
    expect(scriptErrors(text)).toMatchObject([{ code, where: { line, column } }]);
  });
});

describe('files', () => {
  test('saved, flushed, restored', () => {
    const text =
      'iptables -P INPUT DROP\niptables -A INPUT -j ACCEPT\niptables-save > /etc/fw\niptables -F\n' +
      'iptables -P INPUT ACCEPT\niptables-restore < /etc/fw';
    const loaded = loadScript(text);
    expect(rulesOf(loaded)).toEqual([ACCEPT]);
    const input = loaded.ruleset.families.get(4)?.tables.get('filter')?.chains.get('INPUT');
    expect(input?.policy).toBe('DROP');
  });

  test('restored by name, by pipe, and added to', () => {
    const save = 'iptables -A INPUT -j ACCEPT\niptables-save | sudo tee /etc/fw > /dev/null\n';
    expect(scriptRules(`${save}iptables -F\niptables-restore /etc/fw`)).toEqual([ACCEPT]);
    expect(scriptRules(`${save}iptables -F\ncat /etc/fw | iptables-restore`)).toEqual([ACCEPT]);
    expect(scriptRules(`${save}iptables-restore -n < /etc/fw`)).toEqual([ACCEPT, ACCEPT]);
  });

  test('a here-document, with and without variables', () => {
    const file = '*filter\n-A INPUT -i $IF -j ACCEPT\nCOMMIT\n';
    expect(scriptRules(`IF=eth0\niptables-restore <<EOF\n${file}EOF`)).toEqual([
      '-A INPUT -i eth0 -j ACCEPT',
    ]);
    expect(scriptRules(`iptables-restore <<'EOF'\n${file}EOF`)).toEqual([
      '-A INPUT -i $IF -j ACCEPT',
    ]);
    expect(scriptRules(`iptables-restore <<-EOF\n\t*filter\n\tCOMMIT\n\tEOF`)).toEqual([]);
  });

  test('a here-document written to a file first', () => {
    const text =
      'cat > /tmp/r <<EOF\n*filter\n-A INPUT -j ACCEPT\nCOMMIT\nEOF\niptables-restore /tmp/r';
    expect(scriptRules(text)).toEqual([ACCEPT]);
  });

  test('errors in a here-document have their place in the script', () => {
    const text = 'iptables-restore <<EOF\n*filter\n-A INPUT -j NONE\nCOMMIT\nEOF';
    expect(scriptErrors(text)).toMatchObject([
      { code: 'unknown-target', where: { file: 'rules', line: 4, column: 13, length: 4 } },
    ]);
  });

  test('a real file is read by the callback only', () => {
    const readFile = (path: string): string | undefined =>
      path === 'rules.v4' ? '*filter\n-A INPUT -j NONE\nCOMMIT\n' : undefined;
    expect(scriptErrors('iptables-restore < rules.v4', { readFile })).toMatchObject([
      { code: 'unknown-target', where: { file: 'rules.v4', line: 2 } },
    ]);
    expect(scriptErrors('iptables-restore < other', { readFile })).toMatchObject([
      { code: 'cannot-open' },
    ]);
  });

  test('counters are restored only with -c', () => {
    const save = 'iptables -A INPUT -c 5 6\niptables-save -c > f\n';
    const packets = (text: string): number | undefined =>
      loadScript(text).ruleset.families.get(4)?.tables.get('filter')?.chains.get('INPUT')?.rules[0]
        ?.packets;
    expect(packets(`${save}iptables-restore < f`)).toBe(0);
    expect(packets(`${save}iptables-restore -c < f`)).toBe(5);
  });
});

describe('what the commands print', () => {
  test('-L, -S, --version with their places', () => {
    const loaded = loadScript(
      'iptables --version\niptables -A INPUT -p tcp --dport 22 -j ACCEPT\niptables -S INPUT\n' +
        'iptables -L INPUT --line-numbers\niptables -L > /dev/null\niptables -L -n | grep ssh',
    );
    expect(loaded.outputs.map(({ where, text }) => [where.line, text])).toEqual([
      [2, 'iptables v1.8.9 (legacy)\n'],
      [4, '-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n'],
      [
        5,
        'Chain INPUT (policy ACCEPT)\n' +
          'num  target     prot opt source               destination         \n' +
          '1    ACCEPT     tcp  --  anywhere             anywhere             tcp dpt:ssh\n',
      ],
    ]);
  });
});
