/**
 * Refusals that the real tool leaves to the kernel: the rule is well-formed, but a checkentry
 * function says no when the table is loaded, and iptables only passes on the error number.
 */
import type { ParseContext } from './definition.ts';
import { OptionError } from './definition.ts';

/** EINVAL; `hint` says what the kernel wants. */
export function kernelRefuses(code: string, hint: string): OptionError {
  return new OptionError(code, "Invalid argument. Run `dmesg' for more information.", { hint });
}

/** ERANGE; `hint` says what the kernel wants. */
export function kernelFindsOutOfRange(code: string, hint: string): OptionError {
  return new OptionError(code, 'Numerical result out of range.', { hint });
}

/** ENOENT, as the real tool words it; `hint` says what the kernel did not find. */
export function kernelFindsNothing(code: string, hint: string): OptionError {
  return new OptionError(code, 'No chain/target/match by that name.', { hint });
}

/**
 * Refuses a match or target of one protocol in a rule that is not for exactly that one
 * (xt_check_match: "only valid for protocol").
 * @throws OptionError protocol-required
 */
export function requireProtocol(
  extension: string,
  context: ParseContext,
  number: number,
  name: string,
): void {
  const { protocol } = context.ip;
  if (protocol?.number === number && !protocol.inverted) return;
  throw kernelRefuses('protocol-required', `${extension} needs -p ${name} in the same rule`);
}
