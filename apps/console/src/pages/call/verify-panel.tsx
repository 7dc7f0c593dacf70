import { Alert, Button, List, Text } from '@mantine/core';
import { type CallDetail, CallProof, type CallVerification, JsonWebKeys, verifyCallProof } from '@sallyport/contracts';
import { IconShieldCheck, IconShieldX } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { read } from '../../api/client.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { Mono } from '../../components/mono.js';
import { Section } from '../../components/section.js';
import { ErrorState } from '../../components/states.js';
import { browserProof } from './browser-proof.js';

/** A browser that cannot hash says so, and nothing is claimed. */
type Outcome = CallVerification | 'no-crypto';

const verify = async (callId: string, detail: CallDetail): Promise<Outcome> => {
  const crypto = browserProof();
  if (crypto === null) return 'no-crypto';
  const [proof, keys] = await Promise.all([
    read(CallProof, `/v1/audit/calls/${encodeURIComponent(callId)}/proof`),
    read(JsonWebKeys, '/v1/audit/keys'),
  ]);
  return verifyCallProof({ callId, events: detail.events }, proof, keys, crypto);
};

/** Checks the place of what this page shows in the record, here in the browser, and says what that proves and what it does not. */
export const VerifyPanel = ({ callId, detail }: { readonly callId: string; readonly detail: CallDetail }) => {
  const check = useMutation({ mutationFn: () => verify(callId, detail) });
  return (
    <Section
      title="Place in the record"
      actions={
        <Button size="compact-sm" variant="default" loading={check.isPending} onClick={() => check.mutate()}>
          Verify
        </Button>
      }
    >
      <div aria-live="polite">
        {check.error !== null && <ErrorState error={check.error} onRetry={() => check.mutate()} />}
        {check.data === undefined && check.error === null && (
          <Text size="sm" c="dimmed">
            Your browser computes the hash of each event below as it is shown, follows the chain to the next signed checkpoint and checks
            the signature. It believes nothing the server says but the public key.
          </Text>
        )}
        {check.data === 'no-crypto' && (
          <Alert
            color="gray"
            styles={{ label: { color: 'var(--mantine-color-text)' } }}
            variant="outline"
            title="This browser cannot verify here"
          >
            It has cryptography on https and on its own machine alone. Nothing was checked; <code>sallyport audit verify</code> can.
          </Alert>
        )}
        {typeof check.data === 'object' && <Verification found={check.data} />}
      </div>
    </Section>
  );
};

const Verification = ({ found }: { readonly found: CallVerification }) => {
  const { ok, events, intact, signed, unsigned, tooFar, hashesComputed, checkpoints, signaturesUnchecked, faults } = found;
  if (!ok) {
    return (
      <Alert
        color="gray"
        styles={{ label: { color: 'var(--mantine-color-text)' } }}
        variant="outline"
        icon={<IconShieldX size={18} color="var(--console-bad)" aria-hidden />}
        title="This is not what the record holds, or the record was altered"
      >
        <List size="sm">
          {faults.map(({ kind, detail }) => (
            <List.Item key={`${kind} ${detail}`}>
              <strong>{kind}</strong>: <ForeignText text={detail} />
            </List.Item>
          ))}
        </List>
        <Text size="sm" mt="xs">
          Keep this page and the answers behind it, and run <code>sallyport audit verify --log</code>: it names the event, and what the log
          still says.
        </Text>
      </Alert>
    );
  }
  const isSigned = signed === events;
  return (
    <Alert
      color="gray"
      styles={{ label: { color: 'var(--mantine-color-text)' } }}
      variant="outline"
      icon={<IconShieldCheck size={18} color={isSigned ? 'var(--console-good)' : 'var(--console-waiting)'} aria-hidden />}
      title={
        isSigned
          ? `Verified: all ${events} events stand in the signed record`
          : `Intact, and ${signed} of ${events} events are signed so far`
      }
    >
      <List size="sm" spacing={2}>
        <List.Item>
          {intact} of {events} events give the hash that is shown; {hashesComputed} hashes were computed in this browser.
        </List.Item>
        {checkpoints.map(({ sequence, at, kid }) => (
          <List.Item key={sequence}>
            Checkpoint {sequence} of <Instant at={at} />, signed by the key <Mono text={kid} copy="key id" first={16} />
          </List.Item>
        ))}
        {unsigned > 0 && (
          <List.Item>{unsigned} events came after the last checkpoint. One is signed every minute or so: verify again then.</List.Item>
        )}
        {tooFar > 0 && (
          <List.Item>
            {tooFar} events lie too far from their checkpoint for a browser, or are older than proofs: run sallyport audit verify.
          </List.Item>
        )}
        {signaturesUnchecked && <List.Item>This browser does not know Ed25519, so the signatures were not checked.</List.Item>}
      </List>
      <Text size="sm" mt="xs">
        <strong>What this proves:</strong> these events stood in the record in this form when the checkpoint was signed.{' '}
        <strong>What it does not:</strong> that no other event of this call was left out, that the services told the truth, or that the key
        is your operator’s: compare its id with one that you got another way.
      </Text>
    </Alert>
  );
};
