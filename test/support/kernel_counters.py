"""Counters of the legacy tables, read straight from the kernel (IPT_SO_GET_ENTRIES) rather than by a
fork of iptables-save: some tens of microseconds a table, so that they can be read after every packet.
Layouts: linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h, on a 64-bit kernel.
"""
import ctypes
import os
import re
import struct
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)
GET_INFO, GET_ENTRIES = 64, 65
HOOKS = ('PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING')
# level, offset of target_offset in an entry, offset of the counters, size of an entry without matches
FAMILY = {4: (0, 88, 96, 112), 6: (41, 140, 152, 168)}


def _getsockopt(handle, level, option, buffer):
    length = ctypes.c_uint32(len(buffer))
    if LIBC.getsockopt(handle, level, option, buffer, ctypes.byref(length)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class TableCounters:
    """Reads one table again and again. The rules must not change in between."""

    def __init__(self, handle, family, table):
        self.handle, self.family, self.table = handle, family, table
        level, targets, counters, _ = FAMILY[family]
        info = ctypes.create_string_buffer(84)
        info[:len(table)] = table.encode()
        _getsockopt(handle, level, GET_INFO, info)
        valid, *rest = struct.unpack_from('<I5I5III', info, 32)
        hooks, underflows, self.size = rest[0:5], rest[5:10], rest[11]
        self.buffer = ctypes.create_string_buffer(40 + self.size)
        self.keys, self.offsets = [], []
        self._fill()
        builtin = {hooks[i]: HOOKS[i] for i in range(5) if valid >> i & 1}
        policies = {underflows[i]: HOOKS[i] for i in range(5) if valid >> i & 1}
        chain, number, offset, waiting = None, 0, 0, None
        while offset < self.size:
            at = 40 + offset
            target, step = struct.unpack_from('<HH', self.buffer, at + targets)
            name = ctypes.string_at(ctypes.addressof(self.buffer) + at + target + 2).decode()
            if offset in builtin:
                chain, number = builtin[offset], 0
            if name == 'ERROR':
                chain, number = ctypes.string_at(
                    ctypes.addressof(self.buffer) + at + target + 32).decode(), 0
            elif offset in policies:
                self._key((chain, 'policy'), at + counters)
            else:
                number += 1
                waiting = (chain, number)
                self._key(waiting, at + counters)
            offset += step
        # The last entry of a user chain is its unconditional RETURN, no rule of the user's.
        last = {}
        for index, (name, rule) in enumerate(self.keys):
            if name not in HOOKS:
                last[name] = index
        for index in sorted(last.values(), reverse=True):
            del self.keys[index], self.offsets[index]

    def _key(self, key, offset):
        self.keys.append(key)
        self.offsets.append(offset)

    def _fill(self):
        level = FAMILY[self.family][0]
        ctypes.memset(self.buffer, 0, 40)
        self.buffer[:len(self.table)] = self.table.encode()
        struct.pack_into('<I', self.buffer, 32, self.size)
        _getsockopt(self.handle, level, GET_ENTRIES, self.buffer)

    def read(self):
        """[(packets, bytes)] in the order of `keys`, which are (chain, rule number or 'policy')."""
        self._fill()
        return [struct.unpack_from('<QQ', self.buffer, offset) for offset in self.offsets]


def save(family, backend, tables):
    """What iptables-save -c prints for these tables, comments left out."""
    tool = ('ip6tables' if family == 6 else 'iptables') + f'-{backend}-save'
    done = subprocess.run([tool, '-c'], capture_output=True, text=True, check=True)
    lines, wanted = [], False
    for line in done.stdout.splitlines():
        if line.startswith('*'):
            wanted = line[1:] in tables
        if wanted and not line.startswith('#'):
            lines.append(line + '\n')
    return ''.join(lines)


class ForkedCounters:
    """The same reading by iptables-save, for the nf_tables backend."""

    def __init__(self, family, backend, table):
        self.family, self.backend, self.table = family, backend, table
        self.keys = []
        self.read()

    def read(self):
        keys, values = [], []
        for _, key, _, counters in parse(save(self.family, self.backend, [self.table])):
            keys.append(key)
            values.append(counters)
        self.keys = keys
        return values


def parse(text):
    """(table, (chain, number or 'policy'), target or policy, (packets, bytes)) of each line."""
    numbers, table = {}, ''
    for line in text.splitlines():
        if line.startswith('*'):
            numbers, table = {}, line[1:]
        policy = re.match(r':(\S+) (\S+) \[(\d+):(\d+)\]', line)
        rule = re.match(r'\[(\d+):(\d+)\] -A (\S+)(.*)', line)
        if policy and policy[2] != '-':
            yield table, (policy[1], 'policy'), policy[2], (int(policy[3]), int(policy[4]))
        elif rule:
            numbers[rule[3]] = numbers.get(rule[3], 0) + 1
            # Quoted text (comments, log prefixes) could look like a target: take it out first.
            plain = re.sub(r'"(?:\\.|[^"\\])*"', '', rule[4])
            target = re.search(r' -[jg] (\S+)', plain)
            yield (table, (rule[3], numbers[rule[3]]), target[1] if target else '',
                   (int(rule[1]), int(rule[2])))
