// Loaded into the built programs by `node --import`: on SIGUSR2 tells what is in use once everything unreachable has been collected.
// Resident memory is no measure of what is kept: V8 gives pages back when it likes.
import { writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { memoryLine } from './told-memory.ts';

const STANDARD_OUTPUT = 1;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  writeSync(STANDARD_OUTPUT, `${memoryLine(heapUsed + external)}\n`);
});
