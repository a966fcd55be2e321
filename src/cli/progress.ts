/**
 * The progress line of long replays, on standard error and only on a terminal: packets, share of the
 * file, rate, time left. Appears after a moment, so that short replays do not flicker.
 */
import cliProgress from 'cli-progress';
import { countText, durationText, scaledText } from '../report/units.ts';

/** A progress line in the making. */
export interface Progress {
  update(packets: number, bytesRead: number, bytesTotal: number | undefined): void;
  /** Removes the line. May be called more than once. */
  stop(): void;
}

/** For outputs that nobody watches. */
export const NO_PROGRESS: Progress = { update: () => undefined, stop: () => undefined };

const SECONDS_BEFORE_SHOWN = 0.5;

/** The words of the line; without a total (standard input) there is neither share nor time left. */
export function progressText(
  packets: number,
  bytesRead: number,
  bytesTotal: number | undefined,
  seconds: number,
): string {
  const rate = seconds > 0 ? packets / seconds : 0;
  const parts = [`${countText(packets)} packets`, `${scaledText(rate)} packets/s`];
  if (bytesTotal === undefined || bytesRead <= 0) return parts.join(', ');
  parts.splice(1, 0, `${scaledText(bytesRead)}B of ${scaledText(bytesTotal)}B`);
  const left = (seconds * Math.max(0, bytesTotal - bytesRead)) / bytesRead;
  parts.push(left < 60 ? `${Math.ceil(left)} s left` : `${durationText(left)} left`);
  return parts.join(', ');
}

function makeBar(
  stream: NodeJS.WriteStream,
  bytesTotal: number | undefined,
): cliProgress.SingleBar {
  return new cliProgress.SingleBar({
    format: bytesTotal === undefined ? '{text}' : '{bar} {percentage}% {text}',
    stream,
    barsize: 10,
    clearOnComplete: true,
    // The replay does not yield to timers or signal handlers: the line is drawn as it is updated,
    // and an interruption ends the program at once. Nothing may then have to be put back: neither a
    // hidden cursor nor line wrapping (true: lines are cut to the width instead).
    synchronousUpdate: true,
    gracefulExit: false,
    hideCursor: false,
    linewrap: true,
  });
}

/** A progress line on a terminal. @param now seconds of a steady clock */
export function terminalProgress(stream: NodeJS.WriteStream, now: () => number): Progress {
  const started = now();
  let bar: cliProgress.SingleBar | undefined;
  return {
    update(packets, bytesRead, bytesTotal) {
      const seconds = now() - started;
      const text = progressText(packets, bytesRead, bytesTotal, seconds);
      if (bar !== undefined) {
        bar.update(bytesRead, { text });
      } else if (seconds >= SECONDS_BEFORE_SHOWN) {
        bar = makeBar(stream, bytesTotal);
        bar.start(bytesTotal ?? 0, bytesRead, { text });
      }
    },
    stop() {
      bar?.stop();
      bar = undefined;
    },
  };
}
