// Replays a capture with the reference evaluator; prints packets, seconds inside Node, peak memory.
import { readFileSync } from 'node:fs';
import { replay } from '../../dist/index.js';

const [capture, rules, rules6] = process.argv.slice(2);
const started = process.hrtime.bigint();
const result = await replay({
  captures: [capture],
  rules: [
    { text: readFileSync(rules, 'utf8'), file: rules, family: 4 },
    ...(rules6 ? [{ text: readFileSync(rules6, 'utf8'), file: rules6, family: 6 }] : []),
  ],
});
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
console.log(
  JSON.stringify({
    packets: result.packets,
    verdicts: result.verdicts,
    seconds,
    peakMiB: Number(peak?.[1] ?? 0) / 1024,
  }),
);
