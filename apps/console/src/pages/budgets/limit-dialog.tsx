import { Group, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { type BudgetLimit, type BudgetWindow, LimitInForce, type WindowLimit } from '@sallyport/contracts';
import { useEffect, useState } from 'react';
import { change } from '../../api/client.js';
import { queryClient } from '../../api/query-client.js';
import { reportDone } from '../../components/action-result.js';
import { Confirm } from '../../components/confirm.js';
import { ForeignText } from '../../components/foreign-text.js';
import { microsOf, typedMicros, WINDOWS } from './accounts.js';

interface Typed {
  readonly money: string;
  readonly currency: string;
  readonly calls: string;
}

const REASON_MAX = 1_024;
const NOTHING: Typed = { money: '', currency: '', calls: '' };

const typedOf = (limit: WindowLimit | undefined): Typed => ({
  money: limit?.maxMicros === undefined ? '' : typedMicros(limit.maxMicros),
  currency: limit?.currency ?? '',
  calls: limit?.maxCalls === undefined ? '' : String(limit.maxCalls),
});

/** What is wrong with one window as it is typed; `null` when nothing is. */
const faultOf = ({ money, currency }: Typed): string | null => {
  if (money !== '' && microsOf(money) === null) return 'An amount such as 12.50, with at most six decimals';
  if (money !== '' && !/^[A-Z]{3}$/.test(currency)) return 'An amount needs its currency: three letters such as USD';
  return money === '' && currency !== '' ? 'A currency needs its amount' : null;
};

const limitOf = (typed: Readonly<Partial<Record<BudgetWindow, Typed>>>): BudgetLimit | null => {
  const windows = WINDOWS.flatMap((window): [BudgetWindow, WindowLimit][] => {
    const { money, currency, calls } = typed[window] ?? NOTHING;
    const maxMicros = money === '' ? null : microsOf(money);
    const bound = { ...(maxMicros === null ? {} : { maxMicros, currency }), ...(calls === '' ? {} : { maxCalls: Number(calls) }) };
    return Object.keys(bound).length === 0 ? [] : [[window, bound]];
  });
  return windows.length === 0 ? null : Object.fromEntries(windows);
};

interface LimitDialogProps {
  readonly account: string;
  readonly limit: BudgetLimit | null;
  readonly opened: boolean;
  readonly onClose: () => void;
}

/** Sets, changes or removes the limit of an account, with the reason that goes on record. */
export const LimitDialog = ({ account, limit, opened, onClose }: LimitDialogProps) => {
  const [typed, setTyped] = useState<Readonly<Partial<Record<BudgetWindow, Typed>>>>({});
  // biome-ignore lint/correctness/useExhaustiveDependencies: what others change while the dialog is open does not overwrite what is typed in it
  useEffect(() => {
    if (opened) setTyped(Object.fromEntries(WINDOWS.map((window) => [window, typedOf(limit?.[window])])));
  }, [opened]);
  const edit = (window: BudgetWindow, part: Partial<Typed>): void =>
    setTyped((before) => ({ ...before, [window]: { ...(before[window] ?? NOTHING), ...part } }));
  const wanted = limitOf(typed);

  const save = async (why: string): Promise<void> => {
    await change(LimitInForce, { method: 'PUT', path: '/v1/budgets', body: { account, limit: wanted, why } });
    await queryClient.invalidateQueries({ queryKey: ['budget', account] });
    reportDone({
      title: wanted === null ? 'Limit removed' : 'Limit set',
      detail: 'No reservation is decided by the one before. What is held already stays held.',
    });
  };

  return (
    <Confirm
      opened={opened}
      onClose={onClose}
      title="Limit of this account"
      confirmLabel={wanted === null ? 'Remove the limit' : 'Set the limit'}
      dangerous={wanted === null}
      incomplete={WINDOWS.some((window) => faultOf(typed[window] ?? NOTHING) !== null)}
      reason={{ label: 'Why, for the record', required: true, maxLength: REASON_MAX }}
      onConfirm={save}
    >
      <Stack gap="xs">
        <Text size="sm" component="div">
          <ForeignText text={account} />. A field that is left empty limits nothing; with all of them empty the limit is removed.
        </Text>
        {WINDOWS.map((window) => {
          const one = typed[window] ?? NOTHING;
          const fault = faultOf(one);
          return (
            <Group
              key={window}
              gap="xs"
              align="flex-start"
              wrap="nowrap"
              grow
              preventGrowOverflow={false}
              role="group"
              aria-label={`A ${window}`}
            >
              <TextInput
                label={`Money a ${window}`}
                inputMode="decimal"
                maxLength={16}
                value={one.money}
                error={fault}
                onChange={(event) => edit(window, { money: event.currentTarget.value.trim() })}
              />
              <TextInput
                label="Currency"
                aria-label={`Currency a ${window}`}
                maxLength={3}
                value={one.currency}
                onChange={(event) => edit(window, { currency: event.currentTarget.value.toUpperCase() })}
              />
              <NumberInput
                label={`Calls a ${window}`}
                min={0}
                max={Number.MAX_SAFE_INTEGER}
                allowDecimal={false}
                allowNegative={false}
                value={one.calls}
                onChange={(value) => edit(window, { calls: String(value) })}
              />
            </Group>
          );
        })}
      </Stack>
    </Confirm>
  );
};
