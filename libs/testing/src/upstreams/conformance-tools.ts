import { setTimeout as delay } from 'node:timers/promises';
import type {
  CallToolResult,
  ClientCapabilities,
  InputRequiredResult,
  InputRequiredSpec,
  ServerContext,
  Tool,
} from '@modelcontextprotocol/server';
import {
  acceptedContent,
  inputRequired,
  inputResponse,
  MissingRequiredClientCapabilityError,
  type RequestStateCodec,
} from '@modelcontextprotocol/server';
import { PIXEL_PNG, SILENCE_WAV } from './conformance-content.js';
import { DEFAULTS_FORM, ENUMS_FORM, SCHEMA_2020_12 } from './conformance-schemas.js';

/** What a tool of the fixture may use besides the request. */
export interface ConformanceSurroundings {
  readonly context: ServerContext;
  readonly progressToken: string | number | undefined;
  readonly capabilities: ClientCapabilities;
  readonly states: RequestStateCodec<FlowState>;
  announceTools(): Promise<void>;
  announcePrompts(): Promise<void>;
}

/** What a tool that asks in rounds remembers between them. */
export interface FlowState {
  readonly round: number;
}

type Run = (args: Readonly<Record<string, unknown>>, around: ConformanceSurroundings) => Promise<CallToolResult | InputRequiredResult>;

interface ConformanceTool {
  readonly description: string;
  readonly inputSchema: Tool['inputSchema'];
  readonly run: Run;
}

type InputRequests = NonNullable<InputRequiredSpec['inputRequests']>;

const STEP_MS = 50;
const NOTHING: Tool['inputSchema'] = { type: 'object' };

const text = (said: string): CallToolResult => ({ content: [{ type: 'text', text: said }] });
const fixed =
  (...content: CallToolResult['content']): Run =>
  async () => ({ content });

const form = (message: string, field: string): InputRequests[string] =>
  inputRequired.elicit({
    message,
    requestedSchema: { type: 'object', properties: { [field]: { type: 'string' } }, required: [field] },
  });
const question = (said: string, maxTokens: number): InputRequests[string] =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: said } }], maxTokens });

const sampledText = ({ context }: ConformanceSurroundings, key: string): string | null => {
  const answer = inputResponse(context.mcpReq.inputResponses, key);
  if (answer.kind !== 'sampling') return null;
  const [first] = [answer.result.content].flat();
  return first?.type === 'text' ? first.text : '';
};
const rootsOf = ({ context }: ConformanceSurroundings, key: string): string[] | null => {
  const answer = inputResponse(context.mcpReq.inputResponses, key);
  return answer.kind === 'roots' ? answer.roots.map(({ uri }) => uri) : null;
};
const named = ({ context }: ConformanceSurroundings, key: string, field: string): string | null => {
  const value = acceptedContent(context.mcpReq.inputResponses, key)?.[field];
  return typeof value === 'string' ? value : null;
};
const roundOf = ({ context }: ConformanceSurroundings): number => context.mcpReq.requestState<FlowState>()?.round ?? 0;

/** Asks a form and tells what came back, as the elicitation scenarios expect it. */
const asking =
  (
    key: string,
    request: (args: Readonly<Record<string, unknown>>) => InputRequests[string],
    told: (action: string, content: string) => string,
  ): Run =>
  async (args, { context }) => {
    const answer = inputResponse(context.mcpReq.inputResponses, key);
    if (answer.kind !== 'elicit') return inputRequired({ inputRequests: { [key]: request(args) } });
    return text(told(answer.action, JSON.stringify(answer.content ?? {})));
  };

const steps: Run = async (_args, { context, progressToken }) => {
  for (const progress of [0, 50, 100]) {
    if (progressToken !== undefined)
      await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
    if (progress < 100) await delay(STEP_MS);
  }
  return text('All steps are done.');
};

const logging: Run = async (_args, { context }) => {
  for (const [index, line] of ['Tool execution started', 'Tool processing data', 'Tool execution completed'].entries()) {
    if (index > 0) await delay(STEP_MS);
    await context.mcpReq.log('info', line);
  }
  return text('Three lines were logged.');
};

const reconnecting: Run = async (_args, { context }) => {
  context.http?.closeSSE?.();
  await delay(STEP_MS * 2);
  return text('The answer came after the stream was closed.');
};

const multiRound: Run = async (_args, around) => {
  const round = roundOf(around);
  if (round === 2) return text(`Your favourite colour is ${named(around, 'step2', 'color') ?? 'a secret'}.`);
  const isSecond = round === 1 && named(around, 'step1', 'name') !== null;
  return inputRequired({
    inputRequests: isSecond
      ? { step2: form('Step 2: What is your favorite color?', 'color') }
      : { step1: form('Step 1: What is your name?', 'name') },
    requestState: await around.states.mint({ round: isSecond ? 2 : 1 }, around.context),
  });
};

const confirming =
  (done: string): Run =>
  async (_args, around) => {
    if (roundOf(around) === 1) return text(done);
    const confirm = inputRequired.elicit({
      message: 'Please confirm',
      requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
    });
    return inputRequired({ inputRequests: { confirm }, requestState: await around.states.mint({ round: 1 }, around.context) });
  };

const manyInputs: Run = async (_args, around) => {
  const [name, greeting, roots] = [named(around, 'user_name', 'name'), sampledText(around, 'greeting'), rootsOf(around, 'client_roots')];
  if (roundOf(around) === 1 && name !== null && greeting !== null && roots !== null)
    return text(`${greeting}, ${name}: ${roots.length} roots.`);
  return inputRequired({
    inputRequests: {
      user_name: form('What is your name?', 'name'),
      greeting: question('Generate a greeting', 50),
      client_roots: inputRequired.listRoots(),
    },
    requestState: await around.states.mint({ round: 1 }, around.context),
  });
};

/** Asks only what the client has said it can answer. */
const capable: Run = async (_args, { capabilities, context }) => {
  if (Object.keys(context.mcpReq.inputResponses ?? {}).length > 0) return text('Thank you.');
  const inputRequests: InputRequests = {
    ...(capabilities.sampling === undefined ? {} : { question: question('What is the capital of France?', 100) }),
    ...(capabilities.elicitation === undefined ? {} : { user_name: form('What is your name?', 'name') }),
    ...(capabilities.roots === undefined ? {} : { client_roots: inputRequired.listRoots() }),
  };
  return Object.keys(inputRequests).length === 0 ? text('This client can answer nothing.') : inputRequired({ inputRequests });
};

const needsSampling: Run = async (_args, { capabilities }) => {
  if (capabilities.sampling === undefined) throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } });
  return text('The client can sample.');
};

const withArgument = (name: string): Tool['inputSchema'] => ({
  type: 'object',
  properties: { [name]: { type: 'string' } },
  required: [name],
});

/** Every tool that the server scenarios of the official suite call, under the names they call them by. */
export const CONFORMANCE_TOOLS: Readonly<Record<string, ConformanceTool>> = {
  test_simple_text: {
    description: 'Answers with a text.',
    inputSchema: NOTHING,
    run: fixed({ type: 'text', text: 'This is a simple text response for testing.' }),
  },
  test_image_content: {
    description: 'Answers with a picture.',
    inputSchema: NOTHING,
    run: fixed({ type: 'image', data: PIXEL_PNG, mimeType: 'image/png' }),
  },
  test_audio_content: {
    description: 'Answers with a sound.',
    inputSchema: NOTHING,
    run: fixed({ type: 'audio', data: SILENCE_WAV, mimeType: 'audio/wav' }),
  },
  test_embedded_resource: {
    description: 'Answers with a resource.',
    inputSchema: NOTHING,
    run: fixed({
      type: 'resource',
      resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' },
    }),
  },
  test_multiple_content_types: {
    description: 'Answers with a text, a picture and a resource.',
    inputSchema: NOTHING,
    run: fixed(
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: PIXEL_PNG, mimeType: 'image/png' },
      {
        type: 'resource',
        resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{"test":"data","value":123}' },
      },
    ),
  },
  test_error_handling: {
    description: 'Fails and says so.',
    inputSchema: NOTHING,
    run: async () => ({ ...text('This tool intentionally returns an error for testing'), isError: true }),
  },
  test_tool_with_progress: { description: 'Reports its progress.', inputSchema: NOTHING, run: steps },
  test_tool_with_logging: { description: 'Logs while it works.', inputSchema: NOTHING, run: logging },
  test_logging_tool: { description: 'Logs what the client wants to read.', inputSchema: NOTHING, run: logging },
  test_reconnection: { description: 'Closes its stream before it answers.', inputSchema: NOTHING, run: reconnecting },
  test_sampling: {
    description: 'Asks the model of the client.',
    inputSchema: withArgument('prompt'),
    run: async (args, around) => {
      const said = sampledText(around, 'answer');
      if (said !== null) return text(`LLM response: ${said}`);
      return inputRequired({ inputRequests: { answer: question(String(args.prompt), 100) } });
    },
  },
  test_elicitation: {
    description: 'Asks the user.',
    inputSchema: withArgument('message'),
    run: asking(
      'user',
      ({ message }) =>
        inputRequired.elicit({
          message: String(message),
          requestedSchema: {
            type: 'object',
            properties: {
              username: { type: 'string', description: "User's response" },
              email: { type: 'string', description: "User's email address" },
            },
            required: ['username', 'email'],
          },
        }),
      (action, content) => `User response: action: ${action}, content: ${content}`,
    ),
  },
  test_elicitation_sep1034_defaults: {
    description: 'Asks the user with answers filled in.',
    inputSchema: NOTHING,
    run: asking(
      'form',
      () => inputRequired.elicit({ message: 'Is this right?', requestedSchema: DEFAULTS_FORM }),
      (action, content) => `Elicitation completed: action=${action}, content=${content}`,
    ),
  },
  test_elicitation_sep1330_enums: {
    description: 'Asks the user to choose.',
    inputSchema: NOTHING,
    run: asking(
      'form',
      () => inputRequired.elicit({ message: 'Which of these?', requestedSchema: ENUMS_FORM }),
      (action, content) => `Elicitation completed: action=${action}, content=${content}`,
    ),
  },
  test_streaming_elicitation: {
    description: 'Asks the user in the middle of its work.',
    inputSchema: NOTHING,
    run: asking(
      'user_name',
      () => form('What is your name?', 'name'),
      (action) => `The user said: ${action}.`,
    ),
  },
  test_missing_capability: { description: 'Needs a client that can sample.', inputSchema: NOTHING, run: needsSampling },
  test_trigger_tool_change: {
    description: 'Announces that tools changed.',
    inputSchema: NOTHING,
    run: async (_args, { announceTools }) => {
      await announceTools();
      return text('Announced.');
    },
  },
  test_trigger_prompt_change: {
    description: 'Announces that prompts changed.',
    inputSchema: NOTHING,
    run: async (_args, { announcePrompts }) => {
      await announcePrompts();
      return text('Announced.');
    },
  },
  test_input_required_result_elicitation: {
    description: 'Asks for a name and greets.',
    inputSchema: NOTHING,
    run: async (_args, around) => {
      const name = named(around, 'user_name', 'name');
      if (name !== null) return text(`Hello, ${name}!`);
      return inputRequired({ inputRequests: { user_name: form('What is your name?', 'name') } });
    },
  },
  test_input_required_result_sampling: {
    description: 'Asks the model a question.',
    inputSchema: NOTHING,
    run: async (_args, around) => {
      const said = sampledText(around, 'capital_question');
      if (said !== null) return text(said);
      return inputRequired({ inputRequests: { capital_question: question('What is the capital of France?', 100) } });
    },
  },
  test_input_required_result_list_roots: {
    description: 'Asks for the roots of the client.',
    inputSchema: NOTHING,
    run: async (_args, around) => {
      const roots = rootsOf(around, 'client_roots');
      if (roots !== null) return text(`Roots: ${roots.join(', ')}`);
      return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
    },
  },
  test_input_required_result_request_state: {
    description: 'Remembers its state with the client.',
    inputSchema: NOTHING,
    run: confirming('state-ok'),
  },
  test_input_required_result_tampered_state: {
    description: 'Notices when its state was changed.',
    inputSchema: NOTHING,
    run: confirming('The state is as it was.'),
  },
  test_input_required_result_multiple_inputs: { description: 'Asks three things at once.', inputSchema: NOTHING, run: manyInputs },
  test_input_required_result_multi_round: { description: 'Asks twice.', inputSchema: NOTHING, run: multiRound },
  test_input_required_result_capabilities: { description: 'Asks what the client can answer.', inputSchema: NOTHING, run: capable },
  json_schema_2020_12_tool: {
    description: 'Has a schema of many keywords.',
    inputSchema: SCHEMA_2020_12,
    run: fixed({ type: 'text', text: 'The arguments fit.' }),
  },
  test_x_mcp_header: {
    description: 'Mirrors an argument in a header.',
    inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } }, required: ['region'] },
    run: async ({ region }) => text(`Region: ${String(region)}`),
  },
};

/** The tools as a list tells of them. */
export const conformanceDefinitions = (): Tool[] =>
  Object.entries(CONFORMANCE_TOOLS).map(([name, { description, inputSchema }]) => ({ name, description, inputSchema }));
