/**
 * Link-layer types of captures: their registered names (tcpdump.org/linktypes.html), so that
 * messages name a type and not only its number, and which of them can be decoded.
 * `SUPPORTED_LINK_TYPES` is what packet/ decodes; everything else is refused with a name.
 */
import type { CaptureError } from '../errors.ts';
import { captureError } from './failure.ts';

/** LINKTYPE_ values that are decoded; most are also the DLT_ value of the same name. */
export const LINKTYPE_NULL = 0;
export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_PPP = 9;
/** DLT_RAW as most systems number it; a few old files hold it instead of LINKTYPE_RAW. */
export const LINKTYPE_RAW_DLT = 12;
/** DLT_RAW as OpenBSD numbers it. */
export const LINKTYPE_RAW_OPENBSD = 14;
export const LINKTYPE_PPP_HDLC = 50;
export const LINKTYPE_PPP_ETHER = 51;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_LOOP = 108;
export const LINKTYPE_LINUX_SLL = 113;
export const LINKTYPE_IPV4 = 228;
export const LINKTYPE_IPV6 = 229;
export const LINKTYPE_LINUX_SLL2 = 276;

/** The link types that can be decoded. */
export const SUPPORTED_LINK_TYPES: ReadonlySet<number> = new Set([
  LINKTYPE_NULL,
  LINKTYPE_ETHERNET,
  LINKTYPE_PPP,
  LINKTYPE_RAW_DLT,
  LINKTYPE_RAW_OPENBSD,
  LINKTYPE_PPP_HDLC,
  LINKTYPE_PPP_ETHER,
  LINKTYPE_RAW,
  LINKTYPE_LOOP,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL2,
]);

/** Runs of consecutive numbers: first number, then the names. */
const NAMES: readonly (readonly [number, string])[] = [
  [0, 'NULL ETHERNET EXP_ETHERNET AX25 PRONET CHAOS IEEE802_5 ARCNET_BSD SLIP PPP FDDI'],
  [12, 'RAW'],
  [14, 'RAW'],
  [32, 'REDBACK_SMARTEDGE'],
  [50, 'PPP_HDLC PPP_ETHER'],
  [99, 'SYMANTEC_FIREWALL ATM_RFC1483 RAW SLIP_BSDOS PPP_BSDOS C_HDLC IEEE802_11 ATM_CLIP'],
  [107, 'FRELAY LOOP ENC LANE8023 HIPPI HDLC LINUX_SLL LTALK ECONET IPFILTER PFLOG CISCO_IOS'],
  [119, 'IEEE802_11_PRISM IEEE802_11_AIRONET SIEMENS_HIPATH IP_OVER_FC SUNATM RIO PCI_EXP AURORA'],
  [127, 'IEEE802_11_RADIOTAP TZSP ARCNET_LINUX JUNIPER_MLPPP JUNIPER_MLFR JUNIPER_ES'],
  [133, 'JUNIPER_GGSN JUNIPER_MFR JUNIPER_ATM2 JUNIPER_SERVICES JUNIPER_ATM1'],
  [138, 'APPLE_IP_OVER_IEEE1394 MTP2_WITH_PHDR MTP2 MTP3 SCCP DOCSIS LINUX_IRDA IBM_SP IBM_SN'],
  [147, 'USER0 USER1 USER2 USER3 USER4 USER5 USER6 USER7 USER8 USER9 USER10 USER11 USER12'],
  [160, 'USER13 USER14 USER15 IEEE802_11_AVS JUNIPER_MONITOR BACNET_MS_TP PPP_PPPD'],
  [167, 'JUNIPER_PPPOE JUNIPER_PPPOE_ATM GPRS_LLC GPF_T GPF_F GCOM_T1E1 GCOM_SERIAL'],
  [174, 'JUNIPER_PIC_PEER ERF_ETH ERF_POS LINUX_LAPD JUNIPER_ETHER JUNIPER_PPP JUNIPER_FRELAY'],
  [181, 'JUNIPER_CHDLC MFR JUNIPER_VP A429 A653_ICM USB_FREEBSD BLUETOOTH_HCI_H4'],
  [188, 'IEEE802_16_MAC_CPS USB_LINUX CAN20B IEEE802_15_4_LINUX PPI IEEE802_16_MAC_CPS_RADIO'],
  [194, 'JUNIPER_ISM IEEE802_15_4_WITHFCS SITA ERF RAIF1 IPMB_KONTRON JUNIPER_ST'],
  [201, 'BLUETOOTH_HCI_H4_WITH_PHDR AX25_KISS LAPD PPP_WITH_DIR C_HDLC_WITH_DIR'],
  [206, 'FRELAY_WITH_DIR LAPB_WITH_DIR'],
  [209, 'I2C_LINUX FLEXRAY MOST LIN X2E_SERIAL X2E_XORAYA IEEE802_15_4_NONASK_PHY LINUX_EVDEV'],
  [217, 'GSMTAP_UM GSMTAP_ABIS MPLS USB_LINUX_MMAPPED DECT AOS WIHART FC_2'],
  [225, 'FC_2_WITH_FRAME_DELIMS IPNET CAN_SOCKETCAN IPV4 IPV6 IEEE802_15_4_NOFCS DBUS'],
  [232, 'JUNIPER_VS JUNIPER_SRX_E2E JUNIPER_FIBRECHANNEL DVB_CI MUX27010 STANAG_5066_D_PDU'],
  [
    238,
    'JUNIPER_ATM_CEMIC NFLOG NETANALYZER NETANALYZER_TRANSPARENT IPOIB MPEG_2_TS NG40 NFC_LLCP',
  ],
  [247, 'INFINIBAND SCTP USBPCAP RTAC_SERIAL BLUETOOTH_LE_LL WIRESHARK_UPPER_PDU NETLINK'],
  [254, 'BLUETOOTH_LINUX_MONITOR BLUETOOTH_BREDR_BB BLUETOOTH_LE_LL_WITH_PHDR PROFIBUS_DL PKTAP'],
  [259, 'EPON IPMI_HPM_2 ZWAVE_R1_R2 ZWAVE_R3 WATTSTOPPER_DLM ISO_14443 RDS USB_DARWIN OPENFLOW'],
  [268, 'SDLC TI_LLN_SNIFFER LORATAP VSOCK NORDIC_BLE DOCSIS31_XRA31 ETHERNET_MPACKET'],
  [275, 'DISPLAYPORT_AUX LINUX_SLL2 SERCOS_MONITOR OPENVIZSLA EBHSCR VPP_DISPATCH DSA_TAG_BRCM'],
  [282, 'DSA_TAG_BRCM_PREPEND IEEE802_15_4_TAP DSA_TAG_DSA DSA_TAG_EDSA ELEE Z_WAVE_SERIAL'],
  [288, 'USB_2_0 ATSC_ALP ETW NETANALYZER_NG ZBOSS_NCP USB_2_0_LOW_SPEED USB_2_0_FULL_SPEED'],
  [295, 'USB_2_0_HIGH_SPEED AUERSWALD_LOG ZWAVE_TAP SILABS_DEBUG_CHANNEL FIRA_UCI MDB DECT_NR'],
];

const NAME_BY_NUMBER: ReadonlyMap<number, string> = new Map(
  NAMES.flatMap(([first, names]) => names.split(' ').map((name, i) => [first + i, name] as const)),
);

/** `LINKTYPE_ETHERNET`, or `unknown` for a number without a registered name. */
export function linkTypeName(linkType: number): string {
  const name = NAME_BY_NUMBER.get(linkType);
  return name === undefined ? 'unknown' : `LINKTYPE_${name}`;
}

/** Names of the supported link types, each once, for messages. */
export function supportedLinkTypeNames(): string[] {
  return [...new Set([...SUPPORTED_LINK_TYPES].map(linkTypeName))];
}

/** The error for a packet of a link type that cannot be decoded. */
function unsupportedLinkType(linkType: number, file: string, byteOffset: number): CaptureError {
  return captureError(
    'unsupported-link-type',
    file,
    `packet of link type ${linkTypeName(linkType)} (${linkType}), which is not supported`,
    { byteOffset, hint: `supported: ${supportedLinkTypeNames().join(', ')}` },
  );
}

/**
 * Checks that packets of a link type can be decoded.
 * @param byteOffset where the packet's record is, for the message
 * @throws CaptureError 'unsupported-link-type', naming the type and the file
 */
export function requireSupportedLinkType(linkType: number, file: string, byteOffset: number): void {
  if (!SUPPORTED_LINK_TYPES.has(linkType)) throw unsupportedLinkType(linkType, file, byteOffset);
}
