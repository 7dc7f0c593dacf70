import type { AccountStatement, BudgetAccountKind, BudgetTally, BudgetWindow, LimitInForce, WindowStatement } from '@sallyport/contracts';

/** The branches of the tree below the tenant. */
export const BRANCHES: readonly (readonly [kind: Exclude<BudgetAccountKind, 'tenant'>, label: string])[] = [
  ['user', 'People'],
  ['agent', 'Agents'],
  ['tool', 'Tools'],
  ['workflow', 'Workflows'],
  ['service', 'Services'],
];

/** How long a step of spending is. */
export const STEP_MS = { hour: 3_600_000, day: 86_400_000 } as const;

export const WINDOWS: readonly BudgetWindow[] = ['month', 'day', 'hour', 'minute'];

export const windowOf = ({ windows }: AccountStatement, window: BudgetWindow): WindowStatement | undefined =>
  windows.find((one) => one.window === window);

/** Currencies of a window, that of its limit first. */
export const currenciesOf = ({ money, limit }: WindowStatement): string[] => {
  const own = limit?.currency;
  return [...new Set([...(own === undefined ? [] : [own]), ...Object.keys(money).toSorted()])].filter(
    (currency) => currency !== 'XXX' || currency === own,
  );
};

export const tallyOf = ({ money }: WindowStatement, currency: string): BudgetTally => money[currency] ?? { held: 0, spent: 0 };

/** How much of a limit is spent and held, as parts of a hundred; of money where that is limited, else of calls. `null`: no limit. */
export const usedParts = (statement: WindowStatement): { readonly spent: number; readonly held: number } | null => {
  const { limit, calls } = statement;
  const [max, tally] =
    limit?.maxMicros !== undefined && limit.currency !== undefined
      ? [limit.maxMicros, tallyOf(statement, limit.currency)]
      : [limit?.maxCalls, calls];
  if (max === undefined) return null;
  if (max === 0) return { spent: 100, held: 0 };
  const spent = Math.min(100, (tally.spent / max) * 100);
  return { spent, held: Math.min(100 - spent, (tally.held / max) * 100) };
};

/** Where the calls that an account is charged for are listed. What Calls cannot be filtered by (the tenant, a workflow) is left to the time. */
export const callsOf = (account: string, { from, to }: { readonly from: string; readonly to: string }): string => {
  const kind = account.slice(0, account.indexOf(':'));
  const query = new URLSearchParams();
  if (kind === 'user' || kind === 'service') query.set('subject', account);
  if (kind === 'agent') query.set('agent', account);
  if (kind === 'tool') query.set('tool', account.slice('tool:'.length));
  query.set('from', from);
  query.set('to', to);
  return `/calls?${query}`;
};

/** The limit that holds for an account, with who set it: its own, or that of its kind. */
export const limitInForceOf = ({ limitOf }: AccountStatement, limits: readonly LimitInForce[]): LimitInForce | undefined =>
  limits.find(({ account, limit }) => account === limitOf && limit !== null);

const MICROS_DIGITS = 6;

/** `12.5` as millionths, exactly; `null` where it is no amount. */
export const microsOf = (text: string): number | null => {
  const match = /^(\d{1,9})(?:\.(\d{1,6}))?$/.exec(text.trim());
  if (match === null) return null;
  return Number(match[1]) * 10 ** MICROS_DIGITS + Number((match[2] ?? '').padEnd(MICROS_DIGITS, '0'));
};

/** Millionths as a person types them: `12.5`. */
export const typedMicros = (micros: number): string => {
  const fraction = String(micros % 10 ** MICROS_DIGITS)
    .padStart(MICROS_DIGITS, '0')
    .replace(/0+$/, '');
  return `${Math.trunc(micros / 10 ** MICROS_DIGITS)}${fraction === '' ? '' : `.${fraction}`}`;
};
