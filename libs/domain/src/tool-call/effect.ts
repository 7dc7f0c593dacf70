import { methodRuleOf } from '../policy/method-table.js';

/** Why a call ended whose client does not wait any more. */
export const CLIENT_GONE = 'client-gone';

/** Whether sending a request may change something at the upstream. What nobody knows may. */
export const mayHaveEffect = ({ method, riskTier }: { readonly method: string | null; readonly riskTier: string | null }): boolean => {
  if (method === 'tools/call') return riskTier !== 'read';
  return method === null || method === 'response' || methodRuleOf(method) === null;
};
