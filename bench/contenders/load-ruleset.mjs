// Loads a file of iptables-save; prints rules, seconds inside Node, peak memory.
import { readFileSync } from 'node:fs';
import { loadRuleset } from '../../dist/index.js';

const [file] = process.argv.slice(2);
const started = process.hrtime.bigint();
const { ruleset } = loadRuleset([{ text: readFileSync(file, 'utf8'), file, family: 4 }]);
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
let rules = 0;
for (const table of ruleset.families.get(4)?.tables.values() ?? [])
  for (const chain of table.chains.values()) rules += chain.rules.length;
const peakMiB = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ rules, seconds, peakMiB }));
