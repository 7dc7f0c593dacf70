/** One tool of the story upstream with what the catalog says of it. */
export interface StoryTool {
  readonly description: string;
  readonly inputSchema: ArgumentsSchema;
  /** The catalog's entry as YAML; `null` where the catalog does not know the tool. */
  readonly record: string | null;
}

interface ArgumentsSchema {
  readonly type: 'object';
  readonly properties: Record<string, { type: string } | { type: 'array'; items: { type: string } }>;
  readonly required?: string[];
}

const NOTHING: ArgumentsSchema = { type: 'object', properties: {} };
const TEXT: ArgumentsSchema = { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] };

/** The tools of the story upstream, one for each thing that stories are about. */
export const STORY_TOOLS = {
  echo: {
    description: 'Says what it was told.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' }, items: { type: 'array', items: { type: 'string' } } } },
    record: '{ tier: read }',
  },
  person: { description: 'Tells of a person, with address and number.', inputSchema: NOTHING, record: '{ tier: read }' },
  wait: { description: 'Answers when the test lets it.', inputSchema: NOTHING, record: '{ tier: read }' },
  half: { description: 'Begins an answer and hangs up.', inputSchema: NOTHING, record: '{ tier: read }' },
  steps: { description: 'Reports a step, and ends when the test lets it.', inputSchema: NOTHING, record: '{ tier: read }' },
  fails: { description: 'Says of itself that it failed.', inputSchema: NOTHING, record: '{ tier: read }' },
  tell: { description: 'Says what the test told it to say.', inputSchema: NOTHING, record: '{ tier: read }' },
  breaks: { description: 'Answers with a protocol error that says too much.', inputSchema: NOTHING, record: '{ tier: read }' },
  write: { description: 'Changes something small.', inputSchema: TEXT, record: '{ tier: write-low }' },
  transfer: {
    description: 'Moves an amount to an account.',
    inputSchema: { type: 'object', properties: { to: { type: 'string' }, amount: { type: 'number' } }, required: ['to'] },
    record: '{ tier: write-high, costMicros: 250 }',
  },
  publish: { description: 'Hands a text out of the house.', inputSchema: TEXT, record: '{ tier: write-low, tags: [export] }' },
  amend: { description: 'Changes an agreement.', inputSchema: TEXT, record: '{ tier: write-high }' },
  erase: { description: 'Changes something for good.', inputSchema: NOTHING, record: '{ tier: write-high, tags: [delete] }' },
  unowned: { description: 'Nobody answers for it.', inputSchema: NOTHING, record: '{ tier: read, owner: null }' },
  unlisted: { description: 'The catalog does not know it.', inputSchema: NOTHING, record: null },
} satisfies Record<string, StoryTool>;

export type StoryToolName = keyof typeof STORY_TOOLS;
/** Their names, in the order they are listed. */
export const STORY_TOOL_NAMES = Object.keys(STORY_TOOLS) as readonly StoryToolName[];

/** What `person` says, and what of it must not reach an agent. */
export const PERSON = {
  email: 'margarethe.oberlaender@posteo.example.net',
  phone: '+49 30 901820 417',
  iban: 'DE89 3704 0044 0532 0130 00',
};
export const PERSON_TEXT = `Margarethe asks to be called back: ${PERSON.phone}, ${PERSON.email}, refund to ${PERSON.iban}.`;

/** The catalog file of the story upstream. */
export const storyCatalog = (server: string): string =>
  [
    `server: ${server}`,
    'defaults:',
    '  owner: story-team',
    '  dataDomain: stories',
    '  supportContact: the story desk',
    '  version: 1.0.0',
    '  lifecycle: active',
    '  lastReviewed: 2026-11-16',
    '  costMicros: 0',
    '  currency: USD',
    '  pin: on-first-use',
    'tools:',
    ...Object.entries(STORY_TOOLS).flatMap(([name, { record }]) => (record === null ? [] : [`  ${name}: ${record}`])),
    '',
  ].join('\n');
