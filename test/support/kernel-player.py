"""Plays captures packet by packet through the running kernel's netfilter: the referee of test/kernel.

Started by kernel.ts under `unshare -n -m` as root. Reads one job (JSON) per line of standard input,
writes one result per line. Each job gets a network namespace of its own, which ends with the process
whatever happens. Packets for the host arrive by TAP devices that have the captured host's names and
MAC addresses; the host's own are sent by raw sockets with the header included. A guard chain before
conntrack drops what the kernel itself would send (answers, resets, reports), so that only the
capture's packets are seen. Standard library only.
"""
import json
import os
import socket
import struct
import sys
import time

import kernel_capture
import kernel_counters
from kernel_counters import LIBC
from kernel_datagram import Reassembly, one_hop_earlier, partial_checksum
from kernel_host import TABLES, Host, JobError, run

PACKET_OUTGOING = 4


class Player:
    """Decides how each frame reaches the host, and sends it."""

    def __init__(self, host, frames):
        self.host = host
        self.reassembly = Reassembly()
        self.recorded = {f.interface for f in frames if f.interface}
        self.cooked_loopback = any(
            f.packet_type == PACKET_OUTGOING and f.datagram and host.is_local(f.destination)
            for f in frames)

    def way(self, frame):
        """('send', None), ('loop', None), ('arrive', device) or ('skip', reason)."""
        host = self.host
        local_source = host.is_local(frame.source)
        local_destination = host.is_local(frame.destination)
        if frame.interface == 'lo':
            return 'loop', None
        outgoing = frame.packet_type == PACKET_OUTGOING or frame.direction == 2
        if frame.packet_type is not None and not outgoing and local_source and local_destination:
            if self.cooked_loopback:
                return 'skip', 'the arriving copy of a loopback packet'
        if outgoing and not local_source:
            return 'skip', 'leaves: not of this host'
        device = self._device(frame)
        if local_source:
            known = frame.packet_type is not None or frame.direction != 0
            if frame.packet_type is not None and not outgoing and not local_destination:
                return 'arrive', device
            if not known and self._by_mac(frame) and not self._is_ours(frame.source_mac):
                return 'arrive', device
            return ('loop' if local_destination else 'send'), None
        if device is None:
            return 'skip', 'no interface for it'
        if self._is_ours(frame.source_mac) and len(self.recorded) > 1:
            return 'skip', 'leaves: seen as it came in'
        return 'arrive', device

    def _by_mac(self, frame):
        """The device to whose MAC address the frame was sent."""
        if not frame.destination_mac:
            return None
        every = self.host.devices.values()
        return next((one for one in every if one.mac == frame.destination_mac), None)

    def _device(self, frame):
        """Where the frame arrives: as recorded, by its MAC address, else by its source's route."""
        host = self.host
        named = host.devices.get(frame.interface) or self._by_mac(frame)
        return named or (host.device_towards(frame.source) if host.devices else None)

    def _is_ours(self, mac):
        return any(device.mac == mac for device in self.host.devices.values())

    def ethernet(self, frame, device):
        """The frame as it reaches the device: the captured MAC addresses where there are some."""
        destination, source = frame.destination_mac, frame.source_mac or b'\x02\0\0\0\1\0'
        datagram = frame.datagram
        if frame.link != kernel_capture.LINK_ETHERNET:
            destination = {1: b'\xff' * 6, 2: b'\x01\0\x5e\0\0\1', 3: b'\x02\0\0\0\xee\xee'}.get(
                frame.packet_type, device.mac)
            if frame.packet_type is None:
                destination = self._group_mac(frame) or device.mac
        elif self._is_ours(source):
            # Recorded where it left: as it came in there was one hop more to go.
            destination, source = device.mac, b'\x02\0\0\0\1\0'
            datagram = one_hop_earlier(datagram)
        kind = kernel_capture.ETHERTYPE.get(frame.version, 0x0800)
        return destination + source + struct.pack('>H', kind) + datagram

    @staticmethod
    def _group_mac(frame):
        address = frame.destination
        if frame.version == 4 and 224 <= address[0] < 240:
            return b'\x01\0\x5e' + bytes([address[1] & 127]) + address[2:]
        if frame.version == 4 and address == b'\xff' * 4:
            return b'\xff' * 6
        if frame.version == 6 and address[0] == 255:
            return b'\x33\x33' + address[12:]
        return None

    def play(self, frame, way, device):
        """Sends the frame; gives the kernel's error message, or '', and how many frames left."""
        host, error = self.host, ''
        try:
            if way == 'arrive':
                device.write(self.ethernet(frame, device), partial_checksum(frame.datagram))
            else:
                datagram = self.reassembly.add(frame.datagram) if way == 'send' else frame.datagram
                if datagram is not None:
                    self.send(frame, datagram)
        except OSError as failure:
            error = failure.strerror or str(failure)
        return error, sum(one.drain() for one in host.devices.values())

    def send(self, frame, datagram):
        """Gives the datagram to the kernel as one that the host itself sends."""
        host = self.host
        if frame.version == 4:
            text = socket.inet_ntop(socket.AF_INET, frame.destination)
            host.raw4.sendto(datagram, (text, 0))
            return
        scoped = frame.destination[0] == 0xFF or frame.destination[:2] == b'\xfe\x80'
        device = host.devices.get(frame.interface) or next(iter(host.devices.values()), None)
        text = socket.inet_ntop(socket.AF_INET6, frame.destination)
        scope = device.index if scoped and device else 0
        host.raw6.sendto(datagram, (text, 0, 0, scope))


class Meter:
    """All counters of the host, and what moved since the last look."""

    def __init__(self, host):
        self.host, self.readers, self.targets = host, [], {}
        for family, tables in host.tables.items():
            every = tables + [t for f, t in host.witnesses if f == family]
            for table in sorted(every, key=TABLES.index):
                if host.backend == 'legacy':
                    reader = kernel_counters.TableCounters(
                        host.control[family].fileno(), family, table)
                else:
                    reader = kernel_counters.ForkedCounters(family, host.backend, table)
                self.readers.append(reader)
            text = kernel_counters.save(family, host.backend, every)
            for table, key, target, _ in kernel_counters.parse(text):
                self.targets[family, table, *key] = target
        self.last = [reader.read() for reader in self.readers]

    def moved(self):
        """[(family, table, chain, rule, packets, bytes)] since the last call."""
        changes = []
        for number, reader in enumerate(self.readers):
            before, now = self.last[number], reader.read()
            if now != before:
                for key, old, new in zip(reader.keys, before, now):
                    if old != new:
                        changes.append((reader.family, reader.table, *key,
                                        new[0] - old[0], new[1] - old[1]))
                self.last[number] = now
        return changes

    def verdict(self, changes, way, left):
        """ACCEPT, DROP, REJECT; VANISHED: seen, but neither passed nor dropped by a rule (routing,
        a match's hot drop); NONE: no counter moved (before netfilter, waiting fragments). `left`:
        how many frames left the host meanwhile."""
        if not changes:
            return 'NONE'
        accepted, to_host = 0, False
        last = 'security' if self.host.backend == 'legacy' else 'filter'
        for family, table, chain, rule, packets, _ in changes:
            target = self.targets[family, table, chain, rule]
            if target in ('DROP', 'REJECT'):
                return target
            to_host = to_host or chain == 'INPUT'
            if table == last and target == 'ACCEPT':
                accepted += packets
        if way == 'loop':
            passed = accepted > 1  # at OUTPUT and at INPUT
        else:
            passed = accepted > 0 and (to_host or left > 0)
        return 'ACCEPT' if passed else 'VANISHED'


def play(job):
    frames = kernel_capture.read(job['capture'])
    host = Host(job, frames)
    try:
        return play_on(host, job, frames)
    finally:
        host.close()


def settle_loopback(meter, changes):
    """A loopback packet's second half may run a moment later, in a soft interrupt."""
    for _ in range(10):
        time.sleep(0.0003)
        more = meter.moved()
        if not more:
            return changes
        changes = changes + more
    return changes


def play_on(host, job, frames):
    player, meter = Player(host, frames), Meter(host)
    packets, skipped, played = [], [], []
    pace = job.get('pace', 0)
    first = next((frame.time for frame in frames), 0)
    begin = time.monotonic_ns()
    for frame in frames[:job.get('limit', len(frames))]:
        way, more = 'skip', frame.problem or 'no ruleset'
        if frame.datagram is not None and frame.version in host.tables:
            way, more = player.way(frame)
        if way == 'skip':
            skipped.append({'n': frame.number, 'reason': more})
            if frame.cut:
                continue  # what the kernel cannot be shown, the replay must not see either
            moment = first + time.monotonic_ns() - begin
            played.append((frame, moment))
            packets.append({'n': frame.number, 'way': 'skip', 'time': moment, 'moved': [],
                            'interface': '', 'verdict': 'NONE', 'error': more})
            continue
        if pace:
            ahead = (frame.time - first) * pace - (time.monotonic_ns() - begin)
            if ahead > 0:
                time.sleep(ahead / 1e9)
        moment = first + time.monotonic_ns() - begin
        error, left = player.play(frame, way, more)
        played.append((frame, moment))
        changes = meter.moved() if job.get('perPacket', True) else []
        if way == 'loop' and job.get('perPacket', True):
            changes = settle_loopback(meter, changes)
        visible = [c for c in changes if (c[0], c[1]) not in host.witnesses]
        packets.append({'n': frame.number, 'way': way, 'time': moment, 'moved': visible,
                        'interface': more.name if more else '',
                        'verdict': meter.verdict(changes, way, left), 'error': error})
    if job.get('retimed'):
        kernel_capture.write(job['retimed'], played)
    listing = run(['conntrack', '-L', '-o', 'extended'], check=False).stdout  # both families
    return {
        'kernel': os.uname().release, 'packets': packets, 'skipped': skipped,
        'save4': kernel_counters.save(4, host.backend, host.tables.get(4, [])),
        'save6': kernel_counters.save(6, host.backend, host.tables.get(6, [])),
        'conntrack': sorted(listing.splitlines()), 'script': host.script,
    }


def main():
    LIBC.prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL: never outlive the tests
    # A private /run: the lock of iptables is a file there, shared by the whole machine otherwise.
    run(['mount', '-t', 'tmpfs', 'tmpfs', '/run'])
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = play(job)
        except (JobError, OSError, ValueError) as error:
            answer = {'failed': str(error)}
        answer['id'] = job.get('id')
        sys.stdout.write(json.dumps(answer) + '\n')
        sys.stdout.flush()


if __name__ == '__main__':
    main()
