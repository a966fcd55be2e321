/**
 * Carries a command out on the open tables, as do_command4 and libiptc do, with their errors. In a
 * script each command is committed by itself; in a file of iptables-restore COMMIT does it.
 */
import type { IpMatch, Table } from '../../ruleset/types.ts';
import type { MaskedAddress } from './addresses.ts';
import type { CommandName } from './base-options.ts';
import type { Command, RuleDraft } from './command.ts';
import { unknownTargetHint } from './extensions.ts';
import { addressCondition } from './finish-line.ts';
import { kernelRefusals, refusalsOfAdded } from './kernel-checks.ts';
import { announcedRule } from './list-print.ts';
import { printCommands, printList } from './print.ts';
import type { Findings, RefusalDetails, Word } from './source.ts';
import { positionOf, Refusal } from './source.ts';
import type { OpenChain, OpenFamily, OpenRule, OpenTable, OpenTarget } from './tables.ts';
import { sameRule } from './tables.ts';

/** Where a command is carried out. */
export interface ExecuteContext {
  readonly tables: OpenFamily;
  readonly findings: Findings;
  /** Within iptables-restore: the kernel sees nothing before COMMIT. */
  readonly restore: boolean;
}

const NO_CHAIN = 'No chain/target/match by that name';
const NO_RULE = 'Bad rule (does a matching rule exist in that chain?)';

/** Whether a name is one of the kernel's own verdicts. */
function isVerdict(name: string): boolean {
  return ['ACCEPT', 'DROP', 'QUEUE', 'RETURN'].includes(name);
}

/** Commands that change the table. */
const CHANGING: ReadonlySet<CommandName> = new Set<CommandName>([
  'append',
  'delete',
  'delete-number',
  'insert',
  'replace',
  'flush',
  'zero',
  'zero-number',
  'new-chain',
  'delete-chain',
  'rename-chain',
  'policy',
]);

/** Carries out a command. Returns what it prints. @throws Refusal; the tables are then as before */
export function execute(command: Command, context: ExecuteContext): string {
  const table = context.tables.table(command.table, !context.restore);
  return new Execution(command, context, table).run();
}

class Execution {
  readonly #command: Command;
  readonly #context: ExecuteContext;
  readonly #table: OpenTable;
  readonly #verbose: boolean;
  #output = '';

  constructor(command: Command, context: ExecuteContext, table: OpenTable) {
    this.#command = command;
    this.#context = context;
    this.#table = table;
    this.#verbose = command.options.has('v');
  }

  run(): string {
    const { commands } = this.#command;
    if (commands.includes('list') || commands.includes('list-rules')) this.#list();
    switch (commands.find((name) => name !== 'list' && name !== 'list-rules')) {
      case 'append':
      case 'insert':
        this.#addRules();
        break;
      case 'delete':
      case 'check':
        this.#deleteRules();
        break;
      case 'delete-number':
        this.#deleteNumber();
        break;
      case 'replace':
        this.#replace();
        break;
      case 'flush':
        this.#flush();
        break;
      case 'zero':
        this.#zero();
        break;
      case 'zero-number':
        this.#zeroNumber();
        break;
      case 'new-chain':
        this.#newChain();
        break;
      case 'delete-chain':
        this.#deleteChains();
        break;
      case 'rename-chain':
        this.#renameChain();
        break;
      case 'policy':
        this.#setPolicy();
        break;
    }
    if (!this.#context.restore && commands.some((name) => CHANGING.has(name))) {
      // libiptc puts them back to 0 with every change of the table, but for one that is given.
      this.#table.zeroPolicies(this.#command.policy && this.#command.chain?.text);
    }
    return this.#output;
  }

  #state(code: string, message: string, word: Word, hint?: RefusalDetails['hint']): Refusal {
    return new Refusal(code, message, word, { state: true, hint });
  }

  #chain(message = NO_CHAIN): OpenChain {
    const word = this.#command.chain ?? this.#command.word;
    const chain = this.#table.chain(word.text);
    if (chain === undefined) {
      throw this.#state('no-chain', message, word, () => this.#chainHint(word));
    }
    return chain;
  }

  #chainHint(word: Word): string {
    const names = this.#table.chains().map((chain) => chain.name);
    const near = names.find((name) => name.toLowerCase() === word.text.toLowerCase());
    if (near !== undefined) return `did you mean "${near}"?`;
    return `the table ${this.#table.name} has the chains ${names.slice(0, 12).join(', ')}`;
  }

  /** The chain named, or all of the table. */
  #chains(): readonly OpenChain[] {
    return this.#command.chain === undefined ? this.#table.chains() : [this.#chain()];
  }

  #rules(draft: RuleDraft): OpenRule[] {
    const rules: OpenRule[] = [];
    const target = this.#target(draft);
    for (const source of draft.sources) {
      for (const destination of draft.destinations) {
        rules.push(this.#rule(draft, source, destination, target));
      }
    }
    return rules;
  }

  #rule(
    draft: RuleDraft,
    source: MaskedAddress,
    destination: MaskedAddress,
    target: OpenTarget,
  ): OpenRule {
    const { word, counters } = this.#command;
    const { sourceInverted, destinationInverted } = draft;
    const ip: IpMatch = {
      source: addressCondition(source, sourceInverted),
      destination: addressCondition(destination, destinationInverted),
      inInterface: draft.ip.inInterface,
      outInterface: draft.ip.outInterface,
      protocol: draft.ip.protocol,
      fragment: draft.ip.fragment,
    };
    const anyProtocolGiven =
      this.#command.family === 6 && draft.protocolGiven && ip.protocol === undefined;
    return {
      ip,
      matches: draft.matches,
      target,
      anyProtocolGiven,
      unconditionalVerdict:
        target.kind === 'target' &&
        isVerdict(target.target.name) &&
        draft.matches.length === 0 &&
        !anyProtocolGiven &&
        Object.values(ip).every((wanted) => wanted === undefined),
      restrictions: draft.restrictions,
      packets: counters?.packets ?? 0,
      bytes: counters?.bytes ?? 0,
      where: positionOf(word),
      sourceLine: word.line.text,
      word: draft.jump?.word ?? word,
    };
  }

  #target({ jump }: RuleDraft): OpenTarget {
    if (jump === undefined) return { kind: 'none' };
    const { word, goto, target } = jump;
    const chain = this.#table.chain(word.text);
    if (chain === undefined) {
      if (target !== undefined) return { kind: 'target', target };
      // The kernel refuses the rule: it is never put into the table.
      if (jump.isTarget) return { kind: 'none' };
      const hint = (): string => {
        const names = this.#table.chains().map((each) => each.name);
        return unknownTargetHint(word.text, this.#command.family, names);
      };
      const message = goto
        ? `goto '${word.text}' is not a chain`
        : `Couldn't load target \`${word.text}':No such file or directory`;
      throw new Refusal(goto ? 'no-chain' : 'unknown-target', message, word, { hint });
    }
    if (jump.isTarget) {
      const message = `using chain ${word.text}, not extension`;
      this.#context.findings.warn('chain-not-target', message, word);
    }
    if (chain.policy !== undefined) {
      const message = "Invalid argument. Run `dmesg' for more information";
      throw new Refusal('jump-to-builtin', message, word, {
        hint: `${word.text} is a built-in chain: rules cannot jump to it`,
      });
    }
    return { kind: goto ? 'goto' : 'jump', chain };
  }

  #addRules(): void {
    const { rule: draft, ruleNumber, commands } = this.#command;
    if (draft === undefined) return;
    const chain = this.#chain();
    const append = commands.includes('append');
    const index = (): number => (append ? chain.rules.length : (ruleNumber ?? 1) - 1);
    if (index() > chain.rules.length) throw this.#tooBig('insertion', chain);
    const rules = this.#rules(draft);
    if (draft.kernelRefusal !== undefined) throw draft.kernelRefusal;
    for (const rule of rules) {
      this.#announce(rule);
      this.#table.insert(chain, index(), rule);
    }
    this.#commit(refusalsOfAdded, chain, rules, () => {
      for (const rule of rules) this.#table.delete(chain, chain.rules.lastIndexOf(rule));
    });
  }

  #tooBig(what: string, chain: OpenChain): Refusal {
    const message = `Index of ${what} too big`;
    const count = chain.rules.length;
    const most = what === 'insertion' ? `: the highest number here is ${count + 1}` : '';
    const hint = `${chain.name} has ${count} ${count === 1 ? 'rule' : 'rules'} here${most}`;
    return this.#state('index-too-big', message, this.#command.chain ?? this.#command.word, hint);
  }

  /** -v prints each rule that is added, deleted or replaced. */
  #announce(rule: OpenRule): void {
    if (!this.#verbose) return;
    const { target } = rule;
    const shown = {
      ...rule,
      target: 'chain' in target ? { kind: target.kind, chain: target.chain.name } : target,
    };
    this.#output += announcedRule(shown, this.#command.family);
  }

  /** Outside of iptables-restore the kernel looks at the table after each command. */
  #commit(
    check: typeof refusalsOfAdded,
    chain: OpenChain,
    rules: readonly OpenRule[],
    undo: () => void,
  ): void {
    if (this.#context.restore) return;
    const [first, ...more] = check(this.#table, chain, rules);
    if (first === undefined) return;
    undo();
    for (const refusal of more) this.#context.findings.add(refusal);
    throw first;
  }

  #deleteRules(): void {
    const { rule: draft, commands } = this.#command;
    if (draft === undefined) return;
    const chain = this.#chain(NO_RULE);
    const before = [...chain.rules];
    let missing = false;
    for (const wanted of this.#rules(draft)) {
      this.#announce(wanted);
      const impossible = draft.kernelRefusal !== undefined;
      const index = impossible ? -1 : chain.rules.findIndex((rule) => sameRule(rule, wanted));
      if (index < 0) missing = true;
      else if (!commands.includes('check')) this.#table.delete(chain, index);
    }
    if (missing) {
      this.#restoreRules(chain, before);
      throw this.#noSuchRule(draft);
    }
    this.#commitDeletion(chain, before);
  }

  /** libiptc says it in two ways: the second when the rule jumps to a chain or an extension. */
  #noSuchRule({ jump }: RuleDraft): Refusal {
    const verdict = jump === undefined || isVerdict(jump.word.text);
    const hint = 'no rule has exactly these conditions and this target';
    const message = verdict ? NO_RULE : NO_CHAIN;
    return this.#state('no-such-rule', message, this.#command.word, hint);
  }

  #restoreRules(chain: OpenChain, rules: readonly OpenRule[]): void {
    this.#table.flush(chain);
    for (const rule of rules) this.#table.insert(chain, chain.rules.length, rule);
  }

  /** Without an unconditional verdict, rules behind it count again. */
  #commitDeletion(chain: OpenChain, before: readonly OpenRule[]): void {
    const gone = before.some((rule) => rule.unconditionalVerdict && !chain.rules.includes(rule));
    if (gone) this.#commit(kernelRefusals, chain, [], () => this.#restoreRules(chain, before));
  }

  #deleteNumber(): void {
    const chain = this.#chain();
    const index = (this.#command.ruleNumber ?? 1) - 1;
    if (index >= chain.rules.length) throw this.#tooBig('deletion', chain);
    const verdict = chain.rules[index]?.unconditionalVerdict === true;
    const before = verdict ? [...chain.rules] : [];
    this.#table.delete(chain, index);
    if (verdict) this.#commitDeletion(chain, before);
  }

  #replace(): void {
    const { rule: draft, ruleNumber } = this.#command;
    if (draft === undefined) return;
    const chain = this.#chain();
    const index = (ruleNumber ?? 1) - 1;
    const [rule] = this.#rules(draft);
    if (rule !== undefined) this.#announce(rule);
    if (index >= chain.rules.length) throw this.#tooBig('replacement', chain);
    if (draft.kernelRefusal !== undefined) throw draft.kernelRefusal;
    const before = [...chain.rules];
    this.#table.delete(chain, index);
    if (rule !== undefined) this.#table.insert(chain, index, rule);
    this.#commit(kernelRefusals, chain, [], () => this.#restoreRules(chain, before));
  }

  #flush(): void {
    const chains = this.#chains();
    for (const chain of chains) {
      if (this.#verbose) this.#output += `Flushing chain \`${chain.name}'\n`;
      this.#table.flush(chain);
    }
  }

  #zero(): void {
    const chains = this.#chains();
    // Counters that the file itself gives are not touched.
    if (this.#context.restore) return;
    for (const chain of chains) {
      if (this.#verbose) this.#output += `Zeroing chain \`${chain.name}'\n`;
      for (const counted of [chain, ...chain.rules]) {
        counted.packets = 0;
        counted.bytes = 0;
      }
    }
  }

  #zeroNumber(): void {
    const chain = this.#chain();
    const rule = chain.rules[(this.#command.ruleNumber ?? 1) - 1];
    if (rule === undefined) throw this.#tooBig('counter', chain);
    rule.packets = 0;
    rule.bytes = 0;
  }

  #newChain(): void {
    const word = this.#command.chain ?? this.#command.word;
    if (this.#table.chain(word.text) !== undefined) {
      throw this.#state('chain-exists', 'Chain already exists', word);
    }
    this.#table.add(word.text);
  }

  #deleteChains(): void {
    const all = this.#command.chain === undefined;
    const chains = all
      ? this.#table.chains().filter((chain) => chain.policy === undefined)
      : [this.#chain()];
    for (const chain of chains) {
      if (this.#verbose) this.#output += `Deleting chain \`${chain.name}'\n`;
    }
    let problem: Refusal | undefined;
    for (const chain of chains) problem = this.#undeletable(chain) ?? problem;
    if (problem !== undefined) throw problem;
    for (const chain of chains) this.#table.remove(chain);
  }

  #undeletable(chain: OpenChain): Refusal | undefined {
    const word = this.#command.chain ?? this.#command.word;
    if (chain.policy !== undefined) {
      const message = "Invalid argument. Run `dmesg' for more information";
      return this.#state('builtin-chain', message, word, 'a built-in chain cannot be deleted');
    }
    if (chain.references > 0) {
      const hint = `the chain ${chain.name} is in use: ${chain.references} rule(s) jump to it`;
      return this.#state('chain-in-use', 'Too many links', word, hint);
    }
    if (chain.rules.length > 0) {
      const hint = `the chain ${chain.name} has rules: flush it first (-F ${chain.name})`;
      return this.#state('chain-not-empty', 'Directory not empty', word, hint);
    }
    return undefined;
  }

  #renameChain(): void {
    const { chain: word, newName } = this.#command;
    if (word === undefined || newName === undefined) return;
    if (this.#table.chain(newName.text) !== undefined || isVerdict(newName.text)) {
      throw this.#state('chain-exists', 'File exists', newName, 'a chain of that name exists');
    }
    const chain = this.#table.chain(word.text);
    if (chain === undefined || chain.policy !== undefined) {
      throw this.#state('no-chain', NO_CHAIN, word, this.#chainHint(word));
    }
    if (Buffer.byteLength(newName.text) > 31) {
      const message = "Invalid argument. Run `dmesg' for more information";
      throw new Refusal('chain-name', message, newName, {
        hint: 'the new name of a chain has at most 31 characters',
      });
    }
    // The kernel keeps 29 characters of a longer one.
    this.#table.rename(chain, newName.text.slice(0, 29));
  }

  #setPolicy(): void {
    const { chain: word, policy, counters } = this.#command;
    if (word === undefined || policy === undefined) return;
    const chain = this.#table.chain(word.text);
    setPolicy(this.#table, chain, word, policy);
    if (chain === undefined) return;
    chain.packets = counters?.packets ?? 0;
    chain.bytes = counters?.bytes ?? 0;
  }

  #list(): void {
    const { commands, chain, ruleNumber, options, family } = this.#command;
    if (chain !== undefined) this.#chain();
    const frozen = { family, tables: new Map([[this.#table.name, frozenTable(this.#table)]]) };
    const selection = {
      table: this.#table.name,
      ...(chain === undefined ? {} : { chain: chain.text }),
      ...(ruleNumber === undefined ? {} : { rule: ruleNumber }),
    };
    this.#output += commands.includes('list')
      ? printList(frozen, {
          ...selection,
          numeric: options.has('n'),
          verbose: options.has('v'),
          exact: options.has('x'),
          lineNumbers: options.has('0'),
        })
      : printCommands(frozen, { ...selection, verbose: options.has('v') });
  }
}

function frozenTable(table: OpenTable): Table {
  return table.freeze();
}

/**
 * Sets a policy; the counters are the caller's to set.
 * @throws Refusal no-chain, bad-policy
 */
export function setPolicy(
  table: OpenTable,
  chain: OpenChain | undefined,
  word: Word,
  policy: Word,
): void {
  if (chain === undefined || chain.policy === undefined) {
    throw new Refusal('no-chain', 'Bad built-in chain name', word, {
      state: true,
      hint:
        chain === undefined
          ? `the table ${table.name} has no chain ${word.text}`
          : 'only a built-in chain has a policy',
    });
  }
  if (policy.text !== 'ACCEPT' && policy.text !== 'DROP') {
    throw new Refusal('bad-policy', 'Bad policy name', policy, {
      hint:
        policy.text === 'REJECT'
          ? `a policy is ACCEPT or DROP; to reject what no rule took, make it the last rule: -A ${word.text} -j REJECT`
          : 'a policy is ACCEPT or DROP',
    });
  }
  chain.policy = policy.text;
}
