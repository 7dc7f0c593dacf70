import type { RequiredAnswer } from './tool-call.decider.js';

/** Only the call of a tool costs anything; everything else waits for policy alone (architecture, "Hot path"). */
export const requiredAnswersOf = (method: string): readonly RequiredAnswer[] =>
  method === 'tools/call' ? ['policy', 'budget'] : ['policy'];
