import { Alert, Button, Group, Text } from '@mantine/core';
import { type ApprovalDetail, UnmaskedParams } from '@sallyport/contracts';
import { IconEye, IconEyeOff } from '@tabler/icons-react';
import { useState } from 'react';
import { change } from '../../api/client.js';
import { useSession } from '../../api/session.js';
import { reportDone } from '../../components/action-result.js';
import { Confirm } from '../../components/confirm.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Scrolled } from '../../components/scrolled.js';
import classes from './approvals.module.css';
import { Part } from './parts.js';

/** The arguments as they will be sent: masked, or true after an act that is on record. What was unmasked is kept by this page alone. */
export const ParamsPart = ({ approval }: { readonly approval: ApprovalDetail }) => {
  const { approvalId, paramsMasked, redactions, refusal, status } = approval;
  const { subject } = useSession();
  const [asks, setAsks] = useState(false);
  const [unmasked, setUnmasked] = useState<UnmaskedParams | null>(null);
  const mayUnmask = status === 'pending' && refusal === null;

  const unmask = async (): Promise<void> => {
    setUnmasked(await change(UnmaskedParams, { method: 'POST', path: `/v1/approvals/${encodeURIComponent(approvalId)}/unmask` }));
    reportDone({ title: 'Unmasked, and on record', detail: `That ${subject} looked at the true parameters is in the record.` });
  };

  return (
    <Part title="Parameters">
      <div className={classes.params} data-unmasked={unmasked === null ? undefined : true}>
        <Scrolled label={unmasked === null ? 'Parameters, masked' : 'Parameters, unmasked'} maxHeight="22rem">
          <ForeignText block text={JSON.stringify(unmasked === null ? paramsMasked : unmasked.params, null, 2)} />
        </Scrolled>
      </div>
      {redactions.length > 0 && unmasked === null && (
        <Text size="sm" mt="xs">
          Masked:{' '}
          {redactions.map(({ path, label, count }, index) => (
            <span key={`${path} ${label}`}>
              {index > 0 && ', '}
              <ForeignText text={label} />
              {count > 1 && ` ×${count}`} at <ForeignText text={path === '' ? 'the whole' : path} />
            </span>
          ))}
        </Text>
      )}
      {unmasked !== null && (
        <Alert variant="outline" color="yellow" py={6} mt="xs">
          These are the true values. That you looked is on record.
        </Alert>
      )}
      <Group gap="xs" mt="xs">
        {unmasked !== null ? (
          <Button size="compact-sm" variant="default" leftSection={<IconEyeOff size={14} stroke={1.5} />} onClick={() => setUnmasked(null)}>
            Hide
          </Button>
        ) : (
          mayUnmask && (
            <Button size="compact-sm" variant="default" leftSection={<IconEye size={14} stroke={1.5} />} onClick={() => setAsks(true)}>
              Unmask…
            </Button>
          )
        )}
      </Group>
      <Confirm opened={asks} onClose={() => setAsks(false)} title="Look at the true parameters?" confirmLabel="Unmask" onConfirm={unmask}>
        <Text size="sm">
          That you looked, when, and at which places is on record before they are shown. Nobody else sees them by it, and the request stays
          as it is.
        </Text>
      </Confirm>
    </Part>
  );
};
