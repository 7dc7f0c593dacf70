import { parseArgs } from 'node:util';
import { countOf, listOf } from '../../command-line.ts';
import { EXPERIMENTS } from './experiments.ts';
import { FAULT_SIZES, type FaultSize, VICTIMS, type Victim } from './victims.ts';

/** Victims of one size, each killed at as many points. */
export interface FaultOptions {
  readonly runs: readonly { readonly size: FaultSize; readonly victim: Victim }[];
  /** Tried instead of kills. */
  readonly experiments: readonly string[];
  readonly points: number;
  /** Of the first point; each point after it has the next number. */
  readonly seed: number;
  readonly sideBySide: number;
  readonly json: boolean;
  /** Path of the JSON file; `undefined` for one in `fault-results/`. */
  readonly out: string | undefined;
}

export const USAGE = `npm run faults [-- options]

Kills the product's processes, its broker and its PostgreSQL while calls of every kind are in flight, starts them again as
a supervisor would, and holds what came of every call against what the upstream saw. Prints what it finds and writes it to
a JSON file, after each victim anew. Ends with 1 when a promise was broken.

  --size LIST        of ${FAULT_SIZES.join(',')} (default: both)
  --victim LIST      of ${VICTIMS.kafka.join(',')} on Kafka,
                     of ${VICTIMS.embedded.join(',')} on the embedded size (default: all)
  --points N         kills of each victim (default: 200)
  --seed N           of the first point, each point after it has the next number (default: a random one, printed).
                     A point is run again by its own seed: --victim V --points 1 --seed N
  --side-by-side N   victims at once, each in a cluster of its own (default: 1)
  --experiment LIST  instead of kills: of
                     ${Object.keys(EXPERIMENTS).join(',\n                     ')}
                     (those with a full disk need root, for a file system of their own)
  --json             prints the JSON instead of tables
  --out FILE         where to write the JSON (default: fault-results/<time>.json)
  --help             prints this
`;

const SEEDS = 2 ** 30;

/** Reads the command line; `'help'` when that is asked for. Throws with one line that says what does not fit. */
export const parseOptions = (args: readonly string[]): FaultOptions | 'help' => {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: text,
      victim: text,
      points: text,
      seed: text,
      experiment: text,
      'side-by-side': text,
      out: text,
      json: flag,
      help: flag,
    },
  });
  if (values.help) return 'help';
  const sizes = listOf('size', values.size ?? FAULT_SIZES.join(), FAULT_SIZES);
  const known = [...new Set(sizes.flatMap((size): readonly Victim[] => VICTIMS[size]))];
  const victims = listOf('victim', values.victim ?? known.join(), known);
  const experiments = Object.keys(EXPERIMENTS);
  return {
    experiments: values.experiment === undefined ? [] : listOf('experiment', values.experiment, experiments),
    runs: sizes.flatMap((size) => {
      const own: readonly Victim[] = VICTIMS[size];
      return own.filter((victim) => victims.includes(victim)).map((victim) => ({ size, victim }));
    }),
    points: countOf('points', values.points ?? '200', 1),
    seed: countOf('seed', values.seed ?? String(Math.floor(Math.random() * SEEDS)), 0),
    sideBySide: countOf('side-by-side', values['side-by-side'] ?? '1', 1),
    json: values.json,
    out: values.out,
  };
};
