import { useSuspenseQuery } from '@tanstack/react-query';
import { z } from 'zod';
import { ApiFault, faultOfAnswer, malformedFault, offlineFault } from './api-fault.js';
import { queryClient } from './query-client.js';

/** Who is logged in, and what the server says this person may do. The server decides each request again; this is for showing. */
export const Session = z.object({
  subject: z.string(),
  tenantId: z.string(),
  roles: z.array(z.string()),
  scopes: z.array(z.string()),
  csrfToken: z.string(),
  expiresAt: z.string(),
});
export type Session = z.infer<typeof Session>;

const SESSION_PATH = '/console/session';

/** Where the login begins; it comes back to `returnTo`, a path of the console. */
export const loginAddress = (returnTo: string): string => `${SESSION_PATH}/login?${new URLSearchParams({ returnTo })}`;

const fetchSession = async (): Promise<Session> => {
  const response = await fetch(SESSION_PATH, { credentials: 'same-origin', headers: { accept: 'application/json' } }).catch(
    (cause: unknown) => {
      throw offlineFault(cause);
    },
  );
  if (!response.ok) throw await faultOfAnswer(response);
  const session = Session.safeParse(await response.json().catch(() => undefined));
  if (!session.success) throw malformedFault(session.error);
  return session.data;
};

const sessionQuery = { queryKey: ['session'], queryFn: fetchSession, staleTime: 5 * 60_000 } as const;

/** The session; the shell has it before it shows a page, so that a page always has one. */
export const useSession = (): Session => useSuspenseQuery(sessionQuery).data;

/** The secret that an unsafe request shows. Throws the fault of the session where there is none. */
export const csrfTokenInForce = async (): Promise<string> => (await queryClient.ensureQueryData(sessionQuery)).csrfToken;

/** Asks anew who is logged in. Resolves to whether somebody is. */
export const renewSession = async (): Promise<boolean> => {
  try {
    await queryClient.fetchQuery({ ...sessionQuery, staleTime: 0 });
    return true;
  } catch (error) {
    if (error instanceof ApiFault && error.kind === 'signed-out') return false;
    throw error;
  }
};

/** Ends the session here and on the server, and goes to where a new one begins. */
export const logout = async (): Promise<void> => {
  const { changeOnly } = await import('./client.js');
  await changeOnly({ method: 'DELETE', path: SESSION_PATH });
  queryClient.clear();
  window.location.assign('/console/');
};
