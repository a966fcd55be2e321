// Reads a capture with the npm package pcap-parser, as a peer; prints packets and seconds.
import pcapParser from 'pcap-parser';

const started = process.hrtime.bigint();
const parser = pcapParser.parse(process.argv[2]);
let packets = 0;
parser.on('packet', () => {
  packets += 1;
});
parser.on('end', () => {
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  console.log(JSON.stringify({ packets, seconds }));
});
