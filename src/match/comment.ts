/**
 * -m comment: a text that goes with the rule. It always matches (net/netfilter/xt_comment.c).
 */
import type { MatchDefinition } from './definition.ts';
import { YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import { cutToBytes, savedString } from './values.ts';

/** Options of -m comment. */
export interface CommentOptions {
  readonly text: string;
}

/** XT_MAX_COMMENT_LEN less the terminating zero; iptables cuts longer texts without a word. */
const LONGEST = 255;

/** -m comment. */
export const comment: MatchDefinition<CommentOptions> = {
  name: 'comment',
  families: [4, 6],
  help: 'a comment of at most 255 bytes; always matches',
  options: [{ name: 'comment', argument: 'text', help: 'the comment' }],
  reads: ['nothing'],
  parse(uses) {
    let text = '';
    readOptions('comment', comment.options, uses, {
      comment: (use) => {
        text = cutToBytes(argument(use), LONGEST);
      },
    });
    requireOption('comment', uses, 'comment');
    return { text };
  },
  print: ({ text }) => `--comment ${savedString(text)}`,
  list: ({ text }) => `/* ${text} */`,
  matches: () => YES,
  explain: () => '',
};
