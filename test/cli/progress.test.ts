/** The progress line: its words, and that it is drawn on its stream only, and taken away again. */
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { progressText, terminalProgress } from '../../src/cli/progress.ts';

describe('the words', () => {
  it('are packets, bytes, rate and time left', () => {
    expect(progressText(1_200_000, 50e6, 200e6, 4)).toBe(
      '1,200,000 packets, 50.0 MB of 200 MB, 300 K packets/s, 12 s left',
    );
  });

  it('without a total are packets and rate', () => {
    expect(progressText(1000, 5000, undefined, 2)).toBe('1,000 packets, 500 packets/s');
  });

  it('divide by no zero', () => {
    expect(progressText(0, 0, 100, 0)).toBe('0 packets, 0 packets/s');
  });
});

/** A terminal that keeps what is written to it. */
class Terminal extends Writable {
  readonly isTTY = true;
  readonly columns = 120;
  written = '';
  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.written += String(chunk);
    done();
  }
}

describe('the line', () => {
  const watch = (seconds: readonly number[], total: number | undefined): string => {
    const terminal = new Terminal();
    const left = [0, ...seconds];
    const now = (): number => left.shift() ?? 0;
    const progress = terminalProgress(terminal as unknown as NodeJS.WriteStream, now);
    for (let i = 0; i < seconds.length; i++) progress.update(1000 * (i + 1), 10 * (i + 1), total);
    progress.stop();
    progress.stop();
    return terminal.written;
  };

  it('does not appear for a short replay', () => {
    expect(watch([0.1, 0.4], 100)).toBe('');
  });

  it('appears after half a second and is removed at the end', () => {
    const written = watch([0.6, 1], 100);
    expect(written).toContain('1,000 packets');
    expect(written.endsWith('\u001b[2K')).toBe(true);
    // No cursor or line wrapping is turned off that an interruption would leave so.
    expect(written).not.toContain('\u001b[?');
  });

  it('has no share without a total', () => {
    expect(watch([0.6], undefined)).not.toContain('%');
  });
});
