import type { CallState } from './call-state.js';

/** Labels of what went in and what came out of a call. */
export const labelsOfCall = (state: CallState): { readonly labelsIn: readonly string[]; readonly labelsOut: readonly string[] } => {
  const { request, reevaluationLabels, rounds, end } = state;
  return {
    labelsIn: [...new Set([...(request?.labels ?? []), ...reevaluationLabels])].sort(),
    labelsOut: [...new Set([...rounds.flatMap(({ labels }) => labels), ...(end?.labels ?? [])])].sort(),
  };
};
