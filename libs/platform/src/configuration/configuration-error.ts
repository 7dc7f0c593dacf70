import { AppError } from '@sallyport/contracts';

/** One thing that is wrong with the configuration. */
export interface ConfigurationFault {
  /** Where, as `gateway.port` or `upstreams[0].server`; empty for the file as a whole. */
  readonly path: string;
  /** Line of the file; absent where a variable said it. */
  readonly line?: number;
  /** Name of the variable that said it. */
  readonly variable?: string;
  readonly message: string;
}

/** A fault before its place in the file is known. */
export interface FaultAt {
  readonly at: readonly PropertyKey[];
  readonly message: string;
}

const lineOf = ({ path, line, variable, message }: ConfigurationFault): string => {
  const place = variable ?? (line === undefined ? undefined : `line ${line}`);
  return `  ${[place, path].filter((part) => part !== undefined && part !== '').join(', ')}: ${message}`;
};

/** The configuration has faults; nothing was started. The message lists all of them, one a line; no value of the file or a variable is in it. */
export class ConfigurationError extends AppError {
  constructor(
    readonly file: string,
    readonly faults: readonly ConfigurationFault[],
    options: { cause?: unknown } = {},
  ) {
    super(
      'configuration.invalid',
      [`${file} has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:`, ...faults.map(lineOf)].join('\n'),
      options,
    );
    this.name = 'ConfigurationError';
  }
}
