import { Button, Group, Modal, Stack, Textarea } from '@mantine/core';
import { type FormEvent, type ReactNode, useEffect, useState } from 'react';
import { ErrorState } from './states.js';

export interface ConfirmProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  /** A question: `Reject this call?` */
  readonly title: string;
  /** What will happen, and to what. */
  readonly children?: ReactNode;
  /** The verb: `Reject`. */
  readonly confirmLabel: string;
  /** Takes something away that cannot be brought back. */
  readonly dangerous?: boolean;
  /** What the dialog asks for besides is not complete: nothing can be confirmed yet. */
  readonly incomplete?: boolean;
  /** Asks for a reason, which goes on record. */
  readonly reason?: { readonly label: string; readonly required: boolean; readonly maxLength: number };
  /** Does it. What it throws is shown in the dialog, which stays open; else the dialog closes. */
  readonly onConfirm: (reason: string) => Promise<void>;
}

/** Asks before something is done, with a reason where one is wanted. */
export const Confirm = ({
  opened,
  onClose,
  title,
  children,
  confirmLabel,
  dangerous = false,
  incomplete = false,
  reason,
  onConfirm,
}: ConfirmProps) => {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<unknown>(null);
  useEffect(() => {
    if (!opened) return;
    setText('');
    setFault(null);
  }, [opened]);

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setFault(null);
    try {
      await onConfirm(text.trim());
      onClose();
    } catch (error) {
      setFault(error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <form onSubmit={(event) => void submit(event)}>
        <Stack gap="md">
          {children}
          {reason !== undefined && (
            <Textarea
              data-autofocus
              label={reason.label}
              required={reason.required}
              maxLength={reason.maxLength}
              minRows={2}
              autosize
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
            />
          )}
          {fault !== null && <ErrorState error={fault} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              color={dangerous ? 'red.8' : undefined}
              loading={busy}
              disabled={incomplete || (reason?.required === true && text.trim() === '')}
            >
              {confirmLabel}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
};
