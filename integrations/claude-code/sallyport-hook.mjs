#!/usr/bin/env node
// Hook of Claude Code: learns the prompt, the model and what the agent says it is about to do, for the bridge to put on each call.
// It prints nothing (what a UserPromptSubmit hook prints goes to the model) and never fails: a claim that is missing is recorded as missing.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { claimsFolder, forget, forgetOld, recall, remember } from './claims-store.mjs';

/** Enough of the end of a transcript to hold the message that made the call. */
const TAIL_BYTES = 512 * 1024;

const tailOf = (path) => {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const length = Math.min(size, TAIL_BYTES);
    const buffer = Buffer.alloc(length);
    readSync(file, buffer, 0, length, size - length);
    return buffer.toString('utf8');
  } finally {
    closeSync(file);
  }
};

/** Model and last words of the assistant since the person's last message, from the lines of a transcript. */
const lastWords = (transcript) => {
  let model;
  let intent;
  for (const line of transcript.split('\n').reverse()) {
    let entry;
    try {
      entry = JSON.parse(line);
    } catch {
      continue;
    }
    const content = entry?.message?.content;
    if (entry?.type === 'user' && !(Array.isArray(content) && content.some((part) => part?.type === 'tool_result'))) break;
    if (entry?.type !== 'assistant') continue;
    model ??= typeof entry.message?.model === 'string' ? entry.message.model : undefined;
    const said = Array.isArray(content)
      ? content
          .filter((part) => part?.type === 'text')
          .map((part) => part.text)
          .join('\n')
      : '';
    if (said.trim() !== '') {
      intent = said.trim();
      break;
    }
  }
  return { model, intent };
};

const act = (input, folder) => {
  const { hook_event_name: event, session_id: session } = input;
  if (event === 'SessionStart') remember(folder, 'session', session, { model: input.model });
  else if (event === 'UserPromptSubmit') remember(folder, 'session', session, { prompt: input.prompt });
  else if (event === 'PreToolUse') {
    const { model, intent } = typeof input.transcript_path === 'string' ? lastWords(tailOf(input.transcript_path)) : {};
    const known = { ...recall(folder, 'session', session), ...(model && { model }), ...(intent && { intent }) };
    remember(folder, 'call', input.tool_use_id, known);
  } else if (event === 'SessionEnd') forget(folder, 'session', session);
  forgetOld(folder);
};

try {
  act(JSON.parse(await text(process.stdin)), claimsFolder());
} catch (error) {
  if (process.env.SALLYPORT_HOOK_DEBUG) process.stderr.write(`sallyport-hook: ${error}\n`);
}
