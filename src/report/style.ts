/**
 * Colour for terminals: the few SGR sequences that the reports use (ECMA-48, 8.3.117). Reports
 * always call a style; the plain one returns its text unchanged, so no report asks about terminals.
 */

/** Puts text into a colour or weight. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

function sgr(on: number, off: number): (text: string) => string {
  return (text) => (text === '' ? '' : `\u001b[${on}m${text}\u001b[${off}m`);
}

const unchanged = (text: string): string => text;

/** For files, pipes and NO_COLOR. */
export const PLAIN_STYLE: Style = {
  bold: unchanged,
  dim: unchanged,
  red: unchanged,
  green: unchanged,
  yellow: unchanged,
  cyan: unchanged,
};

/** For terminals. */
export const COLOUR_STYLE: Style = {
  bold: sgr(1, 22),
  dim: sgr(2, 22),
  red: sgr(31, 39),
  green: sgr(32, 39),
  yellow: sgr(33, 39),
  cyan: sgr(36, 39),
};

/** What decides on colour. */
export interface ColourWish {
  /** `--color` (true), `--no-color` (false); undefined when neither was given. */
  readonly option: boolean | undefined;
  /** The output is a terminal. */
  readonly terminal: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The style to use: the option, else NO_COLOR when not empty (no-color.org), else the terminal. */
export function chooseStyle(wish: ColourWish): Style {
  const { option, terminal, environment } = wish;
  const colour =
    option ?? (terminal && (environment.NO_COLOR ?? '') === '' && environment.TERM !== 'dumb');
  return colour ? COLOUR_STYLE : PLAIN_STYLE;
}
