/** EtherTypes (linux/if_ether.h), the ones below 0x0600 being Linux's own for frames without one. */
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_PPP = 0x880b;
export const ETHERTYPE_PPPOE_SESSION = 0x8864;
export const ETHERTYPE_PROVIDER_VLAN = 0x88a8;
/** What switches used for stacked tags before 802.1ad. */
export const ETHERTYPE_QINQ_9100 = 0x9100;
export const ETHERTYPE_QINQ_9200 = 0x9200;
/** Below this an EtherType field is the length of an 802.3 frame. */
export const LEAST_ETHERTYPE = 0x0600;
export const ETHERTYPE_802_3 = 0x0001;
export const ETHERTYPE_802_2 = 0x0004;
