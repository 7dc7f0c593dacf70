/** What a handler of either SDK gives a tool to work with. */
export interface ToolSurroundings {
  /** Sends a progress notification when the caller asked for progress. */
  progress(progress: number, total: number | null): Promise<void>;
  /** Asks the person behind the client to confirm, in the way of the era: null means that the answer must come with a retry. */
  confirm(message: string): Promise<boolean | null>;
  readonly signal: AbortSignal;
}

export interface ToolOutcome {
  readonly [name: string]: unknown;
  content: { type: 'text'; text: string }[];
  structuredContent?: Record<string, unknown>;
  isError?: boolean;
}

interface FixtureTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: { type: 'object'; properties?: Record<string, { type: string }>; required?: string[] };
  readonly annotations?: { readOnlyHint?: boolean; destructiveHint?: boolean };
  run(args: Readonly<Record<string, unknown>>, surroundings: ToolSurroundings): Promise<ToolOutcome | 'input-required'>;
}

const text = (value: string): ToolOutcome => ({ content: [{ type: 'text', text: value }] });
const numberOf = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise);
const textOf = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise);

const untilAborted = (signal: AbortSignal, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });

const PROGRESS_STEPS = 4;
const ENDLESS_STEP_MS = 20;
/** The shape of a cloud provider's access key, put together here so that no scanner of this repository takes it for one. */
const EXAMPLE_SECRET = ['AKIA', 'IOSFODNN7', 'EXAMPLE'].join('');

/** The tools of a fixture upstream: each shows one thing that a gateway must deal with. */
export const FIXTURE_TOOLS: readonly FixtureTool[] = [
  {
    name: 'echo',
    description: 'Says what it was told.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
    annotations: { readOnlyHint: true },
    run: async (args) => text(textOf(args.text, '')),
  },
  {
    name: 'add',
    description: 'Adds two numbers.',
    inputSchema: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] },
    annotations: { readOnlyHint: true },
    run: async (args) => ({
      ...text(String(numberOf(args.a, 0) + numberOf(args.b, 0))),
      structuredContent: { sum: numberOf(args.a, 0) + numberOf(args.b, 0) },
    }),
  },
  {
    name: 'write_note',
    description: 'Writes a note: each run is one side effect.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
    run: async () => text('written'),
  },
  {
    name: 'delete_everything',
    description: 'Deletes everything there is.',
    inputSchema: { type: 'object' },
    annotations: { destructiveHint: true },
    run: async () => text('deleted'),
  },
  {
    name: 'leak_email',
    description: 'Answers with an e-mail address, the given one or its own.',
    inputSchema: { type: 'object', properties: { value: { type: 'string' } } },
    run: async (args) => {
      const value = textOf(args.value, 'ada.lovelace@example.org');
      return { ...text(`Write to ${value} for more.`), structuredContent: { contact: { email: value } } };
    },
  },
  {
    name: 'leak_secret',
    description: 'Answers with an access key, the given one or an example.',
    inputSchema: { type: 'object', properties: { value: { type: 'string' } } },
    run: async (args) => text(`key: ${textOf(args.value, EXAMPLE_SECRET)}`),
  },
  {
    name: 'slow',
    description: 'Takes its time and says how far it got.',
    inputSchema: { type: 'object', properties: { ms: { type: 'number' } } },
    annotations: { readOnlyHint: true },
    run: async (args, { progress, signal }) => {
      for (let step = 1; step <= PROGRESS_STEPS && !signal.aborted; step++) {
        await untilAborted(signal, numberOf(args.ms, 100) / PROGRESS_STEPS);
        await progress(step, PROGRESS_STEPS);
      }
      return text('done');
    },
  },
  {
    name: 'fail',
    description: 'Says that it failed.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
    run: async (args) => ({ ...text(textOf(args.text, 'It did not work.')), isError: true }),
  },
  {
    name: 'ask',
    description: 'Asks back before it goes on.',
    inputSchema: { type: 'object' },
    run: async (_args, { confirm }) => {
      const confirmed = await confirm('Go on?');
      if (confirmed === null) return 'input-required';
      return text(confirmed ? 'went on' : 'stopped');
    },
  },
  {
    name: 'big',
    description: 'Answers with that many letters.',
    inputSchema: { type: 'object', properties: { bytes: { type: 'number' } }, required: ['bytes'] },
    annotations: { readOnlyHint: true },
    run: async (args) => text('x'.repeat(numberOf(args.bytes, 1))),
  },
  {
    name: 'endless',
    description: 'Never ends; makes progress until it is cancelled.',
    inputSchema: { type: 'object' },
    run: async (_args, { progress, signal }) => {
      for (let step = 1; !signal.aborted; step++) {
        await progress(step, null);
        await untilAborted(signal, ENDLESS_STEP_MS);
      }
      return text('cancelled');
    },
  },
  {
    name: 'redirect',
    description: 'Is answered with an HTTP redirect.',
    inputSchema: { type: 'object' },
    run: async () => text('never answered by the protocol'),
  },
];

/** The definitions as a server lists them. */
export const fixtureDefinitions = (): {
  name: string;
  description: string;
  inputSchema: FixtureTool['inputSchema'];
  annotations?: FixtureTool['annotations'];
}[] =>
  FIXTURE_TOOLS.map(({ name, description, inputSchema, annotations }) => ({
    name,
    description,
    inputSchema,
    ...(annotations === undefined ? {} : { annotations }),
  }));

/** Runs a tool by name; null for a name that is none. */
export const runFixtureTool = async (
  name: string,
  args: Readonly<Record<string, unknown>>,
  surroundings: ToolSurroundings,
): Promise<ToolOutcome | 'input-required' | null> => {
  const tool = FIXTURE_TOOLS.find((candidate) => candidate.name === name);
  return tool === undefined ? null : tool.run(args, surroundings);
};
