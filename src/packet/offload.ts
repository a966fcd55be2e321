/**
 * Segmentation offload as captures show it: a sender's capture holds TCP packets of many segments,
 * whose IP length field is 0 when the packet is too large for it (big TCP) or when the system leaves
 * the length to the network card. The kernel then counts the buffer's length (iph_totlen,
 * include/linux/ip.h), and so do we.
 */
const TCP = 6;
/** Ethernet's MTU: what fits it needs no segmentation, so a length of 0 is an error there. */
const LARGEST_UNSEGMENTED = 1500;

/**
 * True when an IP packet with length field 0 can only be one that segmentation offload left so.
 * @param onWire bytes from the IP header to the end of the frame
 */
export function isOffloaded(protocol: number, onWire: number): boolean {
  return protocol === TCP && onWire > LARGEST_UNSEGMENTED;
}
