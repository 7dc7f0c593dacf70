import type {
  BlobResourceContents,
  CompleteRequestParams,
  GetPromptResult,
  InputRequiredResult,
  Prompt,
  Resource,
  ResourceTemplateType,
  ServerContext,
  TextResourceContents,
} from '@modelcontextprotocol/server';
import { acceptedContent, inputRequired, ProtocolError, ProtocolErrorCode, ResourceNotFoundError } from '@modelcontextprotocol/server';

/** One red pixel as PNG, base64. */
export const PIXEL_PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

/** A WAV file of eight silent samples, base64. */
export const SILENCE_WAV = ((): string => {
  const samples = Buffer.alloc(8, 0x80);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8_000, 24);
  head.writeUInt32LE(8_000, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]).toString('base64');
})();

const TEMPLATE = /^test:\/\/template\/([^/]+)\/data$/;

export const CONFORMANCE_RESOURCES: Resource[] = [
  { uri: 'test://static-text', name: 'static-text', description: 'A text that never changes.', mimeType: 'text/plain' },
  { uri: 'test://static-binary', name: 'static-binary', description: 'A picture that never changes.', mimeType: 'image/png' },
  { uri: 'test://watched-resource', name: 'watched-resource', description: 'A text that may be watched.', mimeType: 'text/plain' },
];

export const CONFORMANCE_TEMPLATES: ResourceTemplateType[] = [
  { uriTemplate: 'test://template/{id}/data', name: 'template', description: 'The data of an id.', mimeType: 'application/json' },
];

/** Reads a resource of the fixture. Throws `-32602` with the address where there is none (2026-07-28, resources). */
export const readConformanceResource = (uri: string): TextResourceContents | BlobResourceContents => {
  switch (uri) {
    case 'test://static-text':
      return { uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' };
    case 'test://static-binary':
      return { uri, mimeType: 'image/png', blob: PIXEL_PNG };
    case 'test://watched-resource':
      return { uri, mimeType: 'text/plain', text: 'This is the content of the watched resource.' };
    default: {
      const id = TEMPLATE.exec(uri)?.[1];
      if (id === undefined) throw new ResourceNotFoundError(uri);
      return { uri, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) };
    }
  }
};

export const CONFORMANCE_PROMPTS: Prompt[] = [
  { name: 'test_simple_prompt', description: 'A prompt without arguments.' },
  {
    name: 'test_prompt_with_arguments',
    description: 'A prompt with two arguments.',
    arguments: [
      { name: 'arg1', description: 'The first.', required: true },
      { name: 'arg2', description: 'The second.', required: true },
    ],
  },
  {
    name: 'test_prompt_with_embedded_resource',
    description: 'A prompt that embeds a resource.',
    arguments: [{ name: 'resourceUri', description: 'What to embed.', required: true }],
  },
  { name: 'test_prompt_with_image', description: 'A prompt with a picture.' },
  { name: 'test_input_required_result_prompt', description: 'A prompt that asks the user first.' },
];

const saying = (text: string): GetPromptResult['messages'][number] => ({ role: 'user', content: { type: 'text', text } });

/** Gets a prompt of the fixture. Throws `-32602` for an unknown one. */
export const conformancePrompt = (
  name: string,
  args: Readonly<Record<string, string>>,
  context: ServerContext,
): GetPromptResult | InputRequiredResult => {
  switch (name) {
    case 'test_simple_prompt':
      return { messages: [saying('This is a simple prompt for testing.')] };
    case 'test_prompt_with_arguments':
      return { messages: [saying(`Prompt with arguments: arg1='${args.arg1 ?? ''}', arg2='${args.arg2 ?? ''}'`)] };
    case 'test_prompt_with_embedded_resource': {
      const resource = { uri: args.resourceUri ?? '', mimeType: 'text/plain', text: 'Embedded resource content for testing.' };
      return {
        messages: [{ role: 'user', content: { type: 'resource', resource } }, saying('Please process the embedded resource above.')],
      };
    }
    case 'test_prompt_with_image':
      return {
        messages: [
          { role: 'user', content: { type: 'image', data: PIXEL_PNG, mimeType: 'image/png' } },
          saying('Please analyze the image above.'),
        ],
      };
    case 'test_input_required_result_prompt': {
      const answer = acceptedContent<{ context: string }>(context.mcpReq.inputResponses, 'user_context');
      if (answer !== undefined) return { messages: [saying(`Use this context: ${answer.context}`)] };
      return inputRequired({
        inputRequests: {
          user_context: inputRequired.elicit({
            message: 'What context should the prompt use?',
            requestedSchema: { type: 'object', properties: { context: { type: 'string' } }, required: ['context'] },
          }),
        },
      });
    }
    default:
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'no such prompt');
  }
};

const COMPLETIONS: readonly string[] = ['paris', 'park', 'party', 'hello', 'world'];

/** Completes an argument by what it begins with. */
export const completeArgument = ({
  argument,
}: CompleteRequestParams): { completion: { values: string[]; total: number; hasMore: boolean } } => {
  const values = COMPLETIONS.filter((value) => value.startsWith(argument.value));
  return { completion: { values, total: values.length, hasMore: false } };
};
