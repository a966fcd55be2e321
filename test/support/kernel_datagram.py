"""Work on the bytes of IP datagrams for the kernel player: checksums, hops, whole from fragments."""
import struct

EXTENSION_HEADERS = (0, 43, 60)


def ones_sum(data):
    """One's complement sum of the 16-bit words (RFC 1071), not complemented."""
    data = bytes(data) + b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def set_ipv4_checksum(data):
    """Puts the header checksum of an IPv4 datagram (a bytearray) right."""
    data[10:12] = b'\0\0'
    data[10:12] = struct.pack('>H', ~ones_sum(data[:(data[0] & 15) * 4]) & 0xFFFF)


def one_hop_earlier(datagram):
    """TTL or hop limit plus one, the IPv4 header checksum put right."""
    data = bytearray(datagram)
    at = 7 if data[0] >> 4 == 6 else 8
    data[at] = min(255, data[at] + 1)
    if at == 8:
        set_ipv4_checksum(data)
    return bytes(data)


def partial_checksum(datagram):
    """(start, offset) of a TCP or UDP checksum that is only begun, with the pseudo header's sum, as
    the kernel leaves it when hardware is to finish it and in what it has merged; None otherwise."""
    four = datagram[0] >> 4 == 4
    start = (datagram[0] & 15) * 4 if four else 40
    protocol = datagram[9] if four else datagram[6]
    if protocol not in (6, 17) or four and datagram[6:8] not in (b'\0\0', b'\x40\0'):
        return None
    offset = 16 if protocol == 6 else 6
    length = len(datagram) - start
    if length < offset + 2:
        return None
    addresses = datagram[12:20] if four else datagram[8:40]
    begun = ones_sum(addresses + struct.pack('>IHBB', length, 0, 0, protocol))
    found = struct.unpack_from('>H', datagram, start + offset)[0]
    return (start, offset) if found == begun else None


def fragment_of(datagram):
    """(key, offset, more, payload, header) of a fragment; None for a whole datagram. `header` is what
    goes before the payload of the whole datagram."""
    if datagram[0] >> 4 == 4:
        word = struct.unpack_from('>H', datagram, 6)[0]
        if word & 0x3FFF == 0:
            return None
        size = (datagram[0] & 15) * 4
        key = (4, datagram[12:20], datagram[4:6], datagram[9])
        return key, (word & 0x1FFF) * 8, word & 0x2000, datagram[size:], datagram[:size]
    following, at, link = datagram[6], 40, 6
    while following in EXTENSION_HEADERS and at + 2 <= len(datagram):
        following, link, at = datagram[at], at, at + (datagram[at + 1] + 1) * 8
    if following != 44 or at + 8 > len(datagram):
        return None
    word = struct.unpack_from('>H', datagram, at + 2)[0]
    if word & 0xFFF9 == 0:
        return None
    header = bytearray(datagram[:at])
    header[link] = datagram[at]
    key = (6, datagram[8:40], datagram[at + 4:at + 8])
    return key, word & 0xFFF8, word & 1, datagram[at + 8:], bytes(header)


class Reassembly:
    """What a host sends in fragments it has made as one datagram, which is what its hooks saw."""

    def __init__(self):
        self.waiting = {}

    def add(self, datagram):
        """The datagram itself, the whole one at its last fragment, None before that."""
        found = fragment_of(datagram)
        if found is None:
            return datagram
        key, offset, more, payload, header = found
        parts = self.waiting.setdefault(key, {})
        parts[offset] = (payload, more, header)
        end, data = 0, b''
        while end in parts:
            payload, more, _ = parts[end]
            data += payload
            if not more:
                del self.waiting[key]
                return whole(parts[0][2], data)
            if not payload:
                return None
            end += len(payload)
        return None


def whole(header, payload):
    """Header and payload with the length, and the IPv4 fragment fields, of one datagram."""
    data = bytearray(header + payload)
    if data[0] >> 4 == 4:
        struct.pack_into('>H', data, 2, len(data))
        data[6:8] = b'\0\0'
        set_ipv4_checksum(data)
    else:
        struct.pack_into('>H', data, 4, len(data) - 40)
    return bytes(data)
