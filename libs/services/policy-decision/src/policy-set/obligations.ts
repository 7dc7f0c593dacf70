import type { Obligation } from '@sallyport/contracts';
import { CONTENT_LABELS } from '@sallyport/domain';

/** Annotations that mean something. Any other is a fault: a misspelt `@obligation` would turn a duty into a grant. */
const KNOWN_ANNOTATIONS = new Set(['id', 'reason', 'obligation', 'labels', 'rules']);

/** Reads the duty of a policy from its annotations: `null` for a policy that grants or forbids. Faults are messages. */
export const obligationOf = (annotations: Readonly<Record<string, string>>): { obligation: Obligation | null; faults: string[] } => {
  const faults = Object.keys(annotations)
    .filter((name) => !KNOWN_ANNOTATIONS.has(name))
    .map((name) => `the annotation @${name} is not known (known: ${[...KNOWN_ANNOTATIONS].map((known) => `@${known}`).join(', ')})`);
  const type = annotations.obligation;
  if (type === undefined) {
    for (const name of ['labels', 'rules']) {
      if (annotations[name] !== undefined) faults.push(`@${name} means nothing without @obligation`);
    }
    return { obligation: null, faults };
  }
  switch (type) {
    case 'mask-arguments':
    case 'mask-result':
    case 'taint': {
      const { labels, fault } = expandLabels(annotations.labels, type !== 'taint');
      if (fault !== null) faults.push(fault);
      return { obligation: { type, labels }, faults };
    }
    case 'require-approval': {
      const ruleIds = split(annotations.rules);
      if (ruleIds.length === 0) faults.push('@obligation("require-approval") needs @rules("rule, rule")');
      return { obligation: { type, ruleIds }, faults };
    }
    case 'dry-run':
      return { obligation: { type }, faults };
    default:
      faults.push(`@obligation("${type}") is not known (known: mask-arguments, mask-result, require-approval, dry-run, taint)`);
      return { obligation: null, faults };
  }
};

/** Joins obligations of one type into one, in a fixed order. */
export const mergeObligations = (obligations: readonly Obligation[]): Obligation[] => {
  const labels = new Map<'mask-arguments' | 'mask-result' | 'taint', Set<string>>();
  const rules = new Set<string>();
  let dryRun = false;
  for (const obligation of obligations) {
    switch (obligation.type) {
      case 'mask-arguments':
      case 'mask-result':
      case 'taint': {
        const held = labels.get(obligation.type) ?? new Set<string>();
        for (const label of obligation.labels) held.add(label);
        labels.set(obligation.type, held);
        break;
      }
      case 'require-approval':
        for (const rule of obligation.ruleIds) rules.add(rule);
        break;
      case 'dry-run':
        dryRun = true;
        break;
    }
  }
  const merged: Obligation[] = [...labels].map(([type, held]) => ({ type, labels: [...held].sort() }));
  if (rules.size > 0) merged.push({ type: 'require-approval', ruleIds: [...rules].sort() });
  if (dryRun) merged.push({ type: 'dry-run' });
  return merged.sort((left, right) => (left.type < right.type ? -1 : 1));
};

/** `secret.*` becomes every label of that kind: obligations name labels, never patterns. */
const expandLabels = (list: string | undefined, mustBeDetected: boolean): { labels: string[]; fault: string | null } => {
  const labels = new Set<string>();
  const unknown: string[] = [];
  for (const pattern of split(list)) {
    const matching = CONTENT_LABELS.filter(
      (label) => label === pattern || (pattern.endsWith('.*') && label.startsWith(pattern.slice(0, -1))),
    );
    for (const label of matching) labels.add(label);
    if (matching.length > 0) continue;
    if (!mustBeDetected && /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)*$/.test(pattern)) labels.add(pattern);
    else unknown.push(pattern);
  }
  if (unknown.length > 0)
    return { labels: [...labels], fault: `@labels: nothing detects ${unknown.join(', ')} (known: ${CONTENT_LABELS.join(', ')})` };
  return { labels: [...labels].sort(), fault: labels.size === 0 ? '@labels("label, label") is missing' : null };
};

const split = (list: string | undefined): string[] =>
  (list ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
