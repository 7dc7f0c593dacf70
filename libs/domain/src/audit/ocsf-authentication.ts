import { type AnyEnvelope, type ConsoleSessionEnd, LOGIN_FAILED, type OcsfAuthenticationV1 } from '@sallyport/contracts';
import { epochMsOf } from './instant.js';

const OCSF_VERSION = '1.8.0';
const CLASS_UID = 3002;
const LOGON = { id: 1, name: 'Logon' } as const;
const LOGOFF = { id: 2, name: 'Logoff' } as const;
const INFORMATIONAL = { id: 1, name: 'Informational' } as const;
const LOW = { id: 2, name: 'Low' } as const;
const OPEN_ID = { auth_protocol_id: 4, auth_protocol: 'OpenID' } as const;

const ENDS: Readonly<Record<ConsoleSessionEnd, string>> = {
  'logged-out': 'logged out',
  revoked: 'was revoked',
  replaced: 'gave way to a new login in the same browser',
  displaced: 'gave way to a newer session of the same person',
  idle: 'was not used for too long',
  expired: 'grew too old',
};

const userOf = (subject: string | null) =>
  subject === null
    ? { name: 'unknown', type: 'Unknown', type_id: 0 }
    : { uid: subject, name: subject.slice(subject.indexOf(':') + 1), type: 'User', type_id: 1 };

interface Said {
  readonly activity: { readonly id: number; readonly name: string };
  readonly severity: { readonly id: number; readonly name: string };
  readonly success: boolean;
  readonly detail: string;
  readonly subject: string | null;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const saidBy = (event: AnyEnvelope): Said | null => {
  if (event.type === 'ConsoleSessionOpened') {
    const { sessionId, subject, roles, issuer, expiresAt } = event.data;
    const session = { uid: sessionId, issuer, created_time: epochMsOf(event.occurredAt), expiration_time: epochMsOf(expiresAt) };
    return {
      ...{ activity: LOGON, severity: INFORMATIONAL, success: true, detail: 'opened', subject },
      message: `${subject} logged in to the console`,
      fields: { session, is_remote: true, unmapped: { roles } },
    };
  }
  if (event.type === 'ConsoleSessionEnded') {
    const { sessionId, subject, reason, endedBy, endedAt } = event.data;
    return {
      ...{ activity: LOGOFF, severity: INFORMATIONAL, success: true, detail: reason, subject },
      message: `${subject}: the session of the console ${ENDS[reason]}${endedBy === null || endedBy === subject ? '' : ` by ${endedBy}`}`,
      fields: {
        session: { uid: sessionId },
        ...(endedBy === null ? {} : { actor: { user: userOf(endedBy) } }),
        unmapped: { ended_at: endedAt },
      },
    };
  }
  if (event.type === 'RequestRejected' && event.data.code === LOGIN_FAILED) {
    const { count, from, to, sourceHash } = event.data;
    return {
      ...{ activity: LOGON, severity: LOW, success: false, detail: 'failed', subject: null },
      message: `${count} logins to the console failed`,
      fields: {
        ...{ status_code: LOGIN_FAILED, count, start_time: epochMsOf(from), end_time: epochMsOf(to) },
        unmapped: { source_hash: sourceHash },
      },
    };
  }
  return null;
};

/**
 * A login to the console, a failed one (with the exact count of those gathered), or the end of a session as OCSF 1.8.0 Authentication (class 3002);
 * `null` for every other event. Its `metadata.uid` is the id of the event. Neither tokens nor secrets nor addresses are in it.
 */
export const toOcsfAuthentication = (event: AnyEnvelope): OcsfAuthenticationV1 | null => {
  const said = saidBy(event);
  if (said === null) return null;
  const { activity, severity, success, detail, subject, message, fields } = said;
  return {
    category_uid: 3,
    category_name: 'Identity & Access Management',
    class_uid: CLASS_UID,
    class_name: 'Authentication',
    activity_id: activity.id,
    activity_name: activity.name,
    type_uid: CLASS_UID * 100 + activity.id,
    type_name: `Authentication: ${activity.name}`,
    severity_id: severity.id,
    severity: severity.name,
    status_id: success ? 1 : 2,
    status: success ? 'Success' : 'Failure',
    status_detail: detail,
    time: epochMsOf(event.occurredAt) ?? 0,
    timezone_offset: 0,
    message,
    metadata: {
      version: OCSF_VERSION,
      uid: event.id,
      tenant_uid: event.tenantId,
      event_code: event.type,
      original_time: event.occurredAt,
      product: { name: 'Sallyport', vendor_name: 'Sallyport' },
      log_name: 'tool-call.events.v1',
    },
    user: userOf(subject),
    service: { name: 'sallyport console' },
    ...OPEN_ID,
    ...fields,
  };
};
