"""Captures for the kernel player: reads pcap and pcapng (plain or gzip), finds the IP datagram in each
frame, and writes frames back with new times. It shares nothing with the product's reader, so that a
fault there cannot hide. Standard library only; a frame that it does not understand has no datagram.
"""
import gzip
import struct

LINK_NULL, LINK_ETHERNET, LINK_PPP, LINK_LOOP, LINK_SLL, LINK_SLL2 = 0, 1, 9, 108, 113, 276
RAW_LINKS = (12, 14, 101, 228, 229)
VLAN_TYPES = (0x8100, 0x88A8, 0x9100)
ETHERTYPE = {4: 0x0800, 6: 0x86DD}
DIRECTION_INBOUND, DIRECTION_OUTBOUND = 1, 2


class Frame:
    """One captured frame with its IP datagram, if it holds a whole one."""

    def __init__(self, number, link, data, original, time, interface='', direction=0):
        self.number, self.link, self.data, self.original = number, link, data, original
        self.time = time  # nanoseconds since 1970
        self.interface, self.direction = interface, direction
        self.packet_type = None  # sll_pkttype of the cooked link types
        self.source_mac = self.destination_mac = None
        self.datagram = None
        self.problem = ''
        self.cut = False
        self._find_datagram()

    def _find_datagram(self):
        data, link = self.data, self.link
        ethertype, offset = 0, None
        if link == LINK_ETHERNET and len(data) >= 14:
            self.destination_mac, self.source_mac = data[0:6], data[6:12]
            ethertype, offset = int.from_bytes(data[12:14], 'big'), 14
        elif link == LINK_SLL and len(data) >= 16:
            self.packet_type = int.from_bytes(data[0:2], 'big')
            if data[4:6] == b'\0\6':
                self.source_mac = data[6:12]
            ethertype, offset = int.from_bytes(data[14:16], 'big'), 16
        elif link == LINK_SLL2 and len(data) >= 20:
            ethertype, offset = int.from_bytes(data[0:2], 'big'), 20
            self.packet_type = data[10]
            if data[11] == 6:
                self.source_mac = data[12:18]
        elif link in RAW_LINKS and data:
            ethertype, offset = ETHERTYPE.get(data[0] >> 4, 0), 0
        elif link in (LINK_NULL, LINK_LOOP) and len(data) > 4:
            ethertype, offset = ETHERTYPE.get(data[4] >> 4, 0), 4
        elif link == LINK_PPP and len(data) > 4:
            offset = 4 if data[0:2] == b'\xff\x03' else 2
            protocol = int.from_bytes(data[offset - 2:offset], 'big')
            ethertype = {0x21: 0x0800, 0x57: 0x86DD}.get(protocol, 0)
        while ethertype in VLAN_TYPES and len(data) >= offset + 4:
            ethertype = int.from_bytes(data[offset + 2:offset + 4], 'big')
            offset += 4
        if ethertype == 0x8864 and len(data) >= offset + 8:  # PPPoE session
            protocol = int.from_bytes(data[offset + 6:offset + 8], 'big')
            ethertype, offset = {0x21: 0x0800, 0x57: 0x86DD}.get(protocol, 0), offset + 8
        if ethertype not in (0x0800, 0x86DD):
            self.problem = 'not IP'
            return
        if self.original > len(data):
            self.problem, self.cut = 'cut by the snap length', True
            return
        self.datagram = data[offset:]
        # Cut to the datagram's own length when that is sane: a link's padding is no part of it.
        if len(self.datagram) >= 40 or self.version == 4 and len(self.datagram) >= 20:
            length = self.datagram_length
            if 20 <= length <= len(self.datagram):
                self.datagram = self.datagram[:length]

    @property
    def version(self):
        return self.datagram[0] >> 4 if self.datagram else 0

    @property
    def datagram_length(self):
        if self.version == 4:
            return int.from_bytes(self.datagram[2:4], 'big')
        return 40 + int.from_bytes(self.datagram[4:6], 'big')

    @property
    def source(self):
        return self.datagram[12:16] if self.version == 4 else self.datagram[8:24]

    @property
    def destination(self):
        return self.datagram[16:20] if self.version == 4 else self.datagram[24:40]


def read(path):
    """All frames of a capture, in the order of the file."""
    with open(path, 'rb') as file:
        data = file.read()
    if data[:2] == b'\x1f\x8b':
        data = gzip.decompress(data)
    if data[:4] == b'\n\r\r\n':
        return list(_pcapng(data))
    return list(_pcap(data))


def _pcap(data):
    magics = {b'\xa1\xb2\xc3\xd4': ('>', 1000), b'\xd4\xc3\xb2\xa1': ('<', 1000),
              b'\xa1\xb2\x3c\x4d': ('>', 1), b'\x4d\x3c\xb2\xa1': ('<', 1)}
    if data[:4] not in magics:
        raise ValueError('not a pcap or pcapng file')
    order, unit = magics[data[:4]]
    link = struct.unpack(order + 'I', data[20:24])[0] & 0xFFFF
    offset, number = 24, 0
    while offset + 16 <= len(data):
        seconds, fraction, captured, original = struct.unpack_from(order + 'IIII', data, offset)
        number += 1
        frame = data[offset + 16:offset + 16 + captured]
        yield Frame(number, link, frame, original, seconds * 10**9 + fraction * unit)
        offset += 16 + captured


def _options(order, data):
    offset = 0
    while offset + 4 <= len(data):
        code, length = struct.unpack_from(order + 'HH', data, offset)
        if code == 0:
            return
        yield code, data[offset + 4:offset + 4 + length]
        offset += 4 + (length + 3 & ~3)


def _pcapng(data):
    offset, number, order, interfaces = 0, 0, '<', []
    while offset + 12 <= len(data):
        if data[offset:offset + 4] == b'\n\r\r\n':
            order = '<' if data[offset + 8:offset + 12] == b'\x4d\x3c\x2b\x1a' else '>'
            interfaces = []
        kind, length = struct.unpack_from(order + 'II', data, offset)
        if length < 12 or offset + length > len(data):
            return
        body = data[offset + 8:offset + length - 4]
        if kind == 1:
            name, unit = '', 1000
            for code, value in _options(order, body[8:]):
                if code == 2:
                    name = value.decode()
                elif code == 9:
                    unit = 10 ** (9 - value[0]) if value[0] < 10 else 0
            interfaces.append((struct.unpack(order + 'H', body[:2])[0], name, unit))
        elif kind == 6:
            index, high, low, captured, original = struct.unpack_from(order + 'IIIII', body)
            link, name, unit = interfaces[index]
            direction = 0
            for code, value in _options(order, body[20 + (captured + 3 & ~3):]):
                if code == 2:
                    direction = struct.unpack(order + 'I', value)[0] & 3
            number += 1
            time = (high << 32 | low) * unit
            yield Frame(number, link, body[20:20 + captured], original, time, name, direction)
        elif kind == 3:
            number += 1
            original = struct.unpack_from(order + 'I', body)[0]
            yield Frame(number, interfaces[0][0], body[4:4 + original], original, 0,
                        interfaces[0][1])
        offset += length


def _block(kind, body):
    body += b'\0' * (-len(body) % 4)
    length = 12 + len(body)
    return struct.pack('<II', kind, length) + body + struct.pack('<I', length)


def _option(code, value):
    return struct.pack('<HH', code, len(value)) + value + b'\0' * (-len(value) % 4)


def write(path, frames_with_times):
    """Writes (frame, nanoseconds since 1970) pairs as nanosecond pcapng, interface names kept."""
    interfaces, out = {}, [_block(0x0A0D0D0A, struct.pack('<IHHq', 0x1A2B3C4D, 1, 0, -1))]
    for frame, time in frames_with_times:
        key = (frame.link, frame.interface)
        if key not in interfaces:
            interfaces[key] = len(interfaces)
            options = _option(9, b'\x09')
            if frame.interface:
                options = _option(2, frame.interface.encode()) + options
            out.append(_block(1, struct.pack('<HHI', frame.link, 0, 0) + options
                              + struct.pack('<HH', 0, 0)))
        padded = frame.data + b'\0' * (-len(frame.data) % 4)
        body = struct.pack('<IIIII', interfaces[key], time >> 32, time & 0xFFFFFFFF,
                           len(frame.data), frame.original) + padded
        if frame.direction:
            body += _option(2, struct.pack('<I', frame.direction)) + struct.pack('<HH', 0, 0)
        out.append(_block(6, body))
    with open(path, 'wb') as file:
        file.write(b''.join(out))
