import type { Obligation, PolicyText } from '@sallyport/contracts';

/** What must be done, in a sentence. */
export const obligationInWords = (obligation: Obligation): string => {
  switch (obligation.type) {
    case 'mask-arguments':
      return `Masks in the arguments, before they are sent: ${obligation.labels.join(', ')}.`;
    case 'mask-result':
      return `Masks in the answer, before the agent reads it: ${obligation.labels.join(', ')}.`;
    case 'require-approval':
      return `Asks people first, by the approval rules ${obligation.ruleIds.join(', ')}.`;
    case 'dry-run':
      return 'Lets the tool be tried out only: it is told to change nothing.';
    case 'taint':
      return `Marks the chain of calls with: ${obligation.labels.join(', ')}.`;
  }
};

/** What a rule does, in a sentence: how it decides, or what it obliges to where another allows. */
export const ruleInWords = ({ effect, obligation }: Pick<PolicyText, 'effect' | 'obligation'>): string => {
  if (obligation !== null) return `Grants nothing. ${obligationInWords(obligation)}`;
  return effect === 'permit'
    ? 'Allows what it matches, unless another rule forbids it.'
    : 'Forbids what it matches, whatever else allows it.';
};

/** What a built-in rule means; `null` for a policy of a set. They stand in no file. */
export const builtInRule = (id: string): string | null => BUILT_IN[id] ?? BUILT_IN[`${id.split('.')[0]}.*`] ?? null;

const BUILT_IN: Readonly<Record<string, string>> = {
  'default.deny': 'No policy allows it, and what no policy allows is refused.',
  'catalog.not-callable': 'The catalog record of the tool is not complete, or its definition changed.',
  'catalog.pin-changed': 'The call was prepared for another definition of the tool than the accepted one.',
  'chain.poisoned': 'An earlier event of the chain could not be handled; an operator has to look at it.',
  'control.*': 'An operator has stopped it.',
  'engine.*': 'The policies could not be evaluated, so the answer is no.',
  'method.unknown': 'The method is not known.',
  'scope.ceiling': 'The tool asks for scopes that the person or the agent does not have.',
  'scope.token': 'The token does not carry a scope that this needs, though person and agent have it.',
  'server.unknown': 'The server is not in the catalog.',
  'target.mismatch': 'The method does not fit its target.',
  'tenant.*': 'The tenant is not known, or not that of the principal.',
  'tool.hidden': 'This principal may not even know of the tool.',
  'tool.unknown': 'There is no such tool.',
};
