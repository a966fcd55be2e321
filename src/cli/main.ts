#!/usr/bin/env node
/** The program `fwreplay`: the command line of src/cli/run.ts in a process. */
import { isClosedPipe } from '../report/sink.ts';
import { EXIT_BUG, EXIT_OK } from './exit.ts';
import { processHost } from './host.ts';
import { run } from './run.ts';

// Help and completion are printed by yargs through the stream, whose errors come as events.
process.stdout.on('error', (error) => process.exit(isClosedPipe(error) ? EXIT_OK : EXIT_BUG));

process.exitCode = await run(process.argv.slice(2), processHost());
