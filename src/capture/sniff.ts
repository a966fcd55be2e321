/**
 * What a file is, by its first bytes: one of the formats that are read, a compression, or something
 * else that can be named in the error together with what to do about it.
 */
import type { Compression } from './compression.ts';
import { isPcapMagic } from './pcap-header.ts';
import { BLOCK_SECTION_HEADER } from './pcapng-blocks.ts';
import { isZstdMagic } from './zstd-framing.ts';

/** First bytes that are enough to tell formats apart (tar has its name at 257). */
export const SNIFF_LENGTH = 512;

/** What a file seems to be. */
export type Sniffed =
  | { readonly kind: 'pcap' | 'pcapng' | 'empty' }
  | { readonly kind: 'compressed'; readonly compression: Compression }
  | { readonly kind: 'other'; readonly what: string; readonly hint: string };

const CONVERT = 'convert it, for example with editcap -F pcap IN OUT';
const TEXT_MODE = 'the file was transferred in text mode and is damaged: copy it again, as binary';
const pipe = (program: string): string => `${program} FILE | fwreplay replay - …`;

/** Signature at an offset, what it is, and the hint. Bytes are written as Latin-1 text. */
const SIGNATURES: readonly (readonly [number, string, string, string])[] = [
  [0, 'snoop\0\0\0', 'a snoop capture', CONVERT],
  [0, 'iptrace ', 'an AIX iptrace capture', CONVERT],
  [0, 'GMBU', 'a Microsoft Network Monitor capture', CONVERT],
  [0, 'RTSS', 'a Microsoft Network Monitor capture', CONVERT],
  [0, 'TRSNIFF data', 'a Sniffer capture', CONVERT],
  [0, 'XCP\0', 'a NetXray or Sniffer capture', CONVERT],
  [0, 'btsnoop\0', 'a btsnoop (Bluetooth) capture', 'it holds no IP packets'],
  [0, '\x7fver', 'an EtherPeek or OmniPeek capture', CONVERT],
  [0, '\x0d\x0a\x0d\x0a\x0d', 'a pcapng file with changed line ends', TEXT_MODE],
  [0, '\x0d\x0d\x0a\x0d\x0d', 'a pcapng file with changed line ends', TEXT_MODE],
  [0, '\x0a\x0a\x0a', 'a pcapng file with changed line ends', TEXT_MODE],
  [0, '\xfd7zXZ\0', 'xz data', pipe('xz -dc')],
  [0, 'BZh', 'bzip2 data', pipe('bzip2 -dc')],
  [0, '\x04\x22\x4d\x18', 'lz4 data', pipe('lz4 -dc')],
  [0, 'LZIP', 'lzip data', pipe('lzip -dc')],
  [0, '\x1f\x9d', 'compress (.Z) data', pipe('gzip -dc')],
  [0, '\x1f\xa0', 'compress (.Z) data', pipe('gzip -dc')],
  [0, 'PK\x03\x04', 'a zip archive', 'unpack it and give the capture that is in it'],
  [0, '7z\xbc\xaf\x27\x1c', 'a 7-Zip archive', 'unpack it and give the capture that is in it'],
  [0, 'Rar!', 'a RAR archive', 'unpack it and give the capture that is in it'],
  [257, 'ustar', 'a tar archive', 'unpack it and give the capture that is in it'],
  [0, '\x7fELF', 'an ELF program', 'give a capture file'],
  [0, 'MZ', 'a Windows program', 'give a capture file'],
  [0, '%PDF', 'a PDF document', 'give a capture file'],
  [0, '\x89PNG', 'a PNG image', 'give a capture file'],
  [0, 'SQLite format 3\0', 'an SQLite database', 'give a capture file'],
];

function startsWith(bytes: Uint8Array, offset: number, signature: string): boolean {
  if (bytes.length < offset + signature.length) return false;
  for (let i = 0; i < signature.length; i++)
    if (bytes[offset + i] !== signature.charCodeAt(i)) return false;
  return true;
}

/** Printable ASCII, UTF-8 and white space only. */
function looksLikeText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => (byte >= 0x20 ? byte !== 0x7f : byte >= 9 && byte <= 13));
}

function textHint(text: string): string {
  if (/^\*(filter|nat|mangle|raw|security)\b/m.test(text) || /\bip6?tables\b/.test(text))
    return 'this seems to be a ruleset: give it by --rules, and the capture as the argument';
  if (/\bIP6? .* > /.test(text))
    return "this seems to be tcpdump's printed output: record with tcpdump -w FILE";
  return 'give a pcap or pcapng file, as tcpdump -w or Wireshark write it';
}

/** An Endace ERF record has no magic number: a known type and lengths that fit. */
function looksLikeErf(view: DataView): boolean {
  if (view.byteLength < 16) return false;
  const type = view.getUint8(8) & 0x7f;
  const recordLength = view.getUint16(10);
  const wireLength = view.getUint16(14);
  const seconds = view.getUint32(4, true);
  return (
    type >= 1 &&
    type <= 27 &&
    recordLength >= 16 &&
    wireLength > 0 &&
    wireLength < 65_000 &&
    seconds > 900_000_000
  );
}

function sniffOther(bytes: Uint8Array, view: DataView): Sniffed {
  for (const [offset, signature, what, hint] of SIGNATURES)
    if (startsWith(bytes, offset, signature)) return { kind: 'other', what, hint };
  if (looksLikeText(bytes)) {
    const text = new TextDecoder().decode(bytes);
    return { kind: 'other', what: 'text', hint: textHint(text) };
  }
  if (looksLikeErf(view)) return { kind: 'other', what: 'an Endace ERF capture', hint: CONVERT };
  if (bytes.every((byte) => byte === 0))
    return { kind: 'other', what: 'zeros', hint: 'the file was never written, or is damaged' };
  return {
    kind: 'other',
    what: 'unknown data',
    hint: 'give a pcap or pcapng file, gzip or zstd compressed or not',
  };
}

/** Tells what a file is from its first bytes (all of them when it is shorter than 512). */
export function sniff(bytes: Uint8Array): Sniffed {
  if (bytes.length === 0) return { kind: 'empty' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b)
    return { kind: 'compressed', compression: 'gzip' };
  if (bytes.length < 4) return sniffOther(bytes, view);
  if (isZstdMagic(view.getUint32(0, true))) return { kind: 'compressed', compression: 'zstd' };
  if (view.getUint32(0) === BLOCK_SECTION_HEADER) return { kind: 'pcapng' };
  if (isPcapMagic(view)) return { kind: 'pcap' };
  return sniffOther(bytes, view);
}
