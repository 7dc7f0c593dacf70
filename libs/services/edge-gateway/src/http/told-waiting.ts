import { approvalPending, type Era, inputRequired, type JsonObject, type RequestId } from '@sallyport/mcp';
import type { FastifyReply } from 'fastify';
import type { CallOutcome } from '../invoke/exchange.port.js';
import { sendJson } from './door.js';
import type { ReplyStream } from './reply-stream.js';

type Waiting = Extract<CallOutcome, { readonly kind: 'waiting' }>;

/** Words for an MCP client that people have been asked: to come back, or to send the call again (`docs/how-to/approve-a-call.md`). */
export const tellWaiting = async (
  { callId, approval, requestState }: Waiting,
  { id, era }: { readonly id: RequestId; readonly era: Era },
  { reply, stream }: { readonly reply: FastifyReply; readonly stream: ReplyStream },
): Promise<void> => {
  const message: JsonObject =
    requestState === null ? approvalPending({ id, era, approval, callId }) : inputRequired({ id, requestState, approval, callId });
  if (!stream.hasBegun) return sendJson(reply, 200, callId, message);
  await stream.event(message);
  stream.end();
};
