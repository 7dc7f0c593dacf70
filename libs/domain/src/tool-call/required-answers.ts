import type { RequestFacts } from '@sallyport/contracts';
import type { RequiredAnswer } from './tool-call.decider.js';

/** Only the call of a server's tool costs anything; everything else waits for policy alone (architecture, "Hot path"). */
export const requiredAnswersOf = ({ method, target }: Pick<RequestFacts, 'method' | 'target'>): readonly RequiredAnswer[] =>
  method === 'tools/call' && target.kind !== 'gateway' ? ['policy', 'budget'] : ['policy'];
