"""The firewall host that the kernel player plays to: a network namespace with the captured host's
interfaces, addresses, routes and rules. See kernel-player.py.
"""
import fcntl
import ipaddress
import os
import re
import socket
import struct
import subprocess
import tempfile
import time
from collections import Counter

from kernel_counters import LIBC

MARK = 0x5EED0
TABLES = ('raw', 'mangle', 'nat', 'filter', 'security')
# Tables loaded in addition when the rules have none, for their policies' counters: raw says that
# netfilter saw the packet, security (after filter) that it passed. They decide nothing.
WITNESSES = ('raw', 'security')
CLONE_NEWNET = 0x40000000
DEFAULT_SYSCTLS = {
    'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1,
    'net.ipv6.conf.default.forwarding': 1,
    'net.ipv4.conf.all.rp_filter': 0, 'net.ipv4.conf.default.rp_filter': 0,
    'net.ipv4.conf.all.accept_redirects': 0, 'net.ipv4.conf.default.accept_redirects': 0,
    'net.ipv6.conf.all.accept_redirects': 0, 'net.ipv6.conf.default.accept_redirects': 0,
    'net.ipv6.conf.default.accept_ra': 0, 'net.ipv6.conf.default.accept_dad': 0,
    'net.ipv6.conf.default.router_solicitations': 0, 'net.ipv6.conf.default.addr_gen_mode': 1,
    'net.ipv4.icmp_ratelimit': 0,
}


class JobError(Exception):
    """The job cannot be played; the message goes to the caller."""


def run(command, data=None, check=True, **more):
    done = subprocess.run(command, input=data, capture_output=True, text=True, **more)
    if check and done.returncode:
        raise JobError(f'{" ".join(command)}: {done.stderr.strip()}')
    return done


def sysctl(name, value):
    path = '/proc/sys/' + '/'.join(part for part in name.split('.'))
    try:
        with open(path, 'w') as file:
            file.write(str(value))
    except OSError as error:
        raise JobError(f'sysctl {name}={value}: {error.strerror}') from error


def is_group(mac):
    return mac[0] & 1 == 1


class Device:
    """One TAP interface of the host."""

    def __init__(self, name, mac):
        self.name, self.mac = name, mac
        self.handle = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        # IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
        flags = 0x0002 | 0x1000 | 0x4000
        fcntl.ioctl(self.handle, 0x400454CA, struct.pack('16sH', name.encode(), flags))
        self.index = 0

    def write(self, frame, partial=None):
        """`partial`: (start, offset) in the datagram of a checksum that is only begun."""
        start, offset = partial or (0, 0)
        # struct virtio_net_hdr; VIRTIO_NET_HDR_F_NEEDS_CSUM gives the packet CHECKSUM_PARTIAL.
        flags, at = (1, start + 14) if partial else (0, 0)
        os.write(self.handle, struct.pack('<BBHHHH', flags, 0, 0, 0, at, offset) + frame)

    def drain(self):
        """Takes what the kernel sent, so that the queue never fills; gives the number of frames."""
        count = 0
        try:
            while os.read(self.handle, 70000):
                count += 1
        except (BlockingIOError, OSError):
            pass
        return count


class Host:
    """The firewall host of one job: namespace, interfaces, addresses, routes, rules, sockets."""

    def __init__(self, job, frames):
        self.job = job
        if LIBC.unshare(CLONE_NEWNET):
            raise JobError('unshare(CLONE_NEWNET) failed: root is needed')
        self.devices, self.local, self.networks = {}, set(), []
        self.handles = []
        try:
            self._set_up(job, frames)
        except BaseException:
            self.close()
            raise

    def close(self):
        for device in self.devices.values():
            os.close(device.handle)
        for handle in self.handles:
            handle.close()

    def _set_up(self, job, frames):
        # First of all: nothing that the kernel sends by itself may pass the rules.
        run(['nft', '-f', '-'], 'table inet guard {\n chain output {\n  type filter hook output '
            f'priority -450; policy drop;\n  meta mark {MARK} meta mark set 0 accept\n }}\n}}\n')
        for name, value in DEFAULT_SYSCTLS.items():
            sysctl(name, value)
        links, addresses, routes = ['link set lo up'], [], []
        for spec in job['interfaces']:
            for text in spec['addresses']:
                address = ipaddress.ip_interface(text)
                self.local.add(address.ip.packed)
                self.networks.append((address.network, spec['name']))
        for number, spec in enumerate(job['interfaces']):
            name = spec['name']
            if name != 'lo':
                mac = self._mac(spec, frames, number)
                self.devices[name] = Device(name, mac)
                links.append(f'link set {name} address {mac.hex(":")} arp off mtu 65521 up')
            for text in spec['addresses']:
                if name == 'lo' and ipaddress.ip_interface(text).ip.is_loopback:
                    continue
                more = 'nodad' if ':' in text else 'brd +'
                addresses.append(f'addr add {text} dev {name} {more}')
        wanted = list(job.get('routes') or [])
        if not wanted and self.devices:
            wanted.append(f'default={next(iter(self.devices))}')
        for route in wanted:
            prefix, name = route.split('=')
            for one in ('0.0.0.0/0', '::/0') if prefix == 'default' else (prefix,):
                network = ipaddress.ip_network(one)
                self.networks.append((network, name))
                # As most routes have: an IPv6 route without gateway makes its prefix an anycast address.
                gateway = 'via fe80::fe dev' if network.version == 6 else 'dev'
                onlink = 'onlink' if network.version == 6 else ''
                routes.append(f'route add {network} {gateway} {name} {onlink}')
        run(['ip', '-batch', '-'], '\n'.join((*links, *addresses, *routes)) + '\n')
        for device in self.devices.values():
            device.index = socket.if_nametoindex(device.name)
        self._join_groups(job)
        self._load_rules(job)
        self._await_addresses()
        for name, value in job.get('sysctls', {}).items():
            sysctl(name, value)
        self._open_sockets()

    def _mac(self, spec, frames, number):
        """As given, else as the capture shows it for the host's own addresses, else made up."""
        if spec.get('mac'):
            return bytes.fromhex(spec['mac'].replace(':', ''))
        seen = Counter()
        for frame in frames:
            if not frame.datagram or frame.interface not in ('', spec['name']):
                continue
            if not self._on(spec['name'], frame):
                continue
            if frame.source_mac and any(frame.source_mac) and frame.source in self.local:
                seen[frame.source_mac] += 1
            elif frame.destination_mac and frame.destination in self.local:
                if any(frame.destination_mac) and not is_group(frame.destination_mac):
                    seen[frame.destination_mac] += 1
        return seen.most_common(1)[0][0] if seen else bytes([2, 0, 0, 0, 0, number + 1])

    def _on(self, name, frame):
        """With several interfaces and no names in the capture: is the frame of this one?"""
        if frame.interface:
            return True
        mine = [n for n, owner in self.networks if owner == name]
        ends = [ipaddress.ip_address(frame.source), ipaddress.ip_address(frame.destination)]
        return any(end in network for end in ends for network in mine)

    def _join_groups(self, job):
        """Solicited-node groups of the addresses (a NOARP device joins none) and what the job asks."""
        v6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        v4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.handles += [v6, v4]
        wanted = [(g['address'], g['interface']) for g in job.get('groups', [])]
        for spec in job['interfaces']:
            for text in spec['addresses']:
                address = ipaddress.ip_interface(text).ip
                if address.version == 6 and spec['name'] in self.devices:
                    low = address.packed[-3:]
                    group = bytes.fromhex('ff0200000000000000000001ff') + low
                    wanted.append((str(ipaddress.ip_address(group)), spec['name']))
        for text, name in dict.fromkeys(wanted):
            address = ipaddress.ip_address(text).packed
            index = socket.if_nametoindex(name)
            if len(address) == 16:
                v6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                              address + struct.pack('@I', index))
            else:
                v4.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                              address + b'\0\0\0\0' + struct.pack('@i', index))

    def _await_addresses(self):
        """The kernel puts IPv6 addresses into its tables a moment later, in a work queue."""
        wanted = {address.hex() for address in self.local if len(address) == 16}
        for _ in range(1000):
            with open('/proc/thread-self/net/ipv6_route') as file:
                rows = [line.split() for line in file]
            # Destination and prefix length; RTF_LOCAL among the flags.
            there = {row[0] for row in rows if row[1] == '80' and int(row[8], 16) & 0x80000000}
            if wanted <= there:
                return
            time.sleep(0.005)
        raise JobError('the IPv6 addresses did not become usable')

    def _load_rules(self, job):
        self.backend = job.get('backend', 'legacy')
        self.script = None
        self.tables = {}
        if job.get('script') is not None:
            self.script = self._run_script(job['script'])
        for family in (4, 6):
            prefix = 'ip6tables' if family == 6 else 'iptables'
            text = job.get(f'rules{family}')
            if text is not None:
                run([f'{prefix}-{self.backend}-restore'], text)
                self.tables[family] = [t for t in TABLES if f'*{t}\n' in text]
            elif job.get('script') is not None:
                self.tables[family] = self._loaded(family)
        for family, tables in list(self.tables.items()):
            if not tables:
                del self.tables[family]
        self.witnesses = []
        if self.backend == 'legacy':
            for family, tables in self.tables.items():
                for table in WITNESSES:
                    if table not in tables:
                        tool = 'ip6tables-legacy' if family == 6 else 'iptables-legacy'
                        run([tool, '-t', table, '-nL'])
                        self.witnesses.append((family, table))

    def _loaded(self, family):
        if self.backend != 'legacy':
            text = run([f'{"ip6tables" if family == 6 else "iptables"}-nft-save']).stdout
            return [t for t in TABLES if f'*{t}\n' in text]
        name = 'ip6_tables_names' if family == 6 else 'ip_tables_names'
        with open(f'/proc/thread-self/net/{name}') as file:
            names = file.read().split()
        return [t for t in TABLES if t in names]

    def _run_script(self, text):
        """Runs a shell script with iptables and ip6tables of the backend, in an empty folder."""
        with tempfile.TemporaryDirectory() as folder:
            tools = os.path.join(folder, 'tools')
            os.mkdir(tools)
            for family in ('iptables', 'ip6tables'):
                for part in ('', '-save', '-restore'):
                    os.symlink(f'/usr/sbin/{family}-{self.backend}{part}',
                               os.path.join(tools, family + part))
            sudo = os.path.join(tools, 'sudo')
            with open(sudo, 'w') as file:
                file.write('#!/bin/sh\nexec "$@"\n')
            os.chmod(sudo, 0o755)
            work = os.path.join(folder, 'work')
            os.mkdir(work)
            # A full path would be the machine's default backend.
            text = re.sub(r'(?<![\w/])(?:/usr)?/sbin/(ip6?tables)', r'\1', text)
            environment = dict(os.environ, PATH=tools + ':' + os.environ['PATH'])
            done = run(['sh', '-s'], text, check=False, cwd=work, env=environment)
            return {'status': done.returncode, 'stdout': done.stdout, 'stderr': done.stderr}

    def _open_sockets(self):
        self.raw4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.raw6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        for handle in (self.raw4, self.raw6):
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK)
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.raw4.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.raw4.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        self.raw6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        self.raw6.setsockopt(socket.IPPROTO_IPV6, 36, 1)  # IPV6_HDRINCL
        self.handles += [self.raw4, self.raw6]
        self.control = {4: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
                        6: socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)}
        self.handles += list(self.control.values())

    def is_local(self, address):
        return address in self.local or address == ipaddress.ip_address('::1').packed or (
            len(address) == 4 and address[0] == 127)

    def device_towards(self, address):
        """The device by which packets from this address come, by the longest matching prefix."""
        ip = ipaddress.ip_address(address)
        best = max((pair for pair in self.networks if ip in pair[0] and pair[1] in self.devices),
                   key=lambda pair: pair[0].prefixlen, default=(None, next(iter(self.devices))))
        return self.devices[best[1]]
