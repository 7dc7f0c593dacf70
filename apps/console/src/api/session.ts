import { ConsoleLogout, ConsoleSession, HTTP_HEADERS } from '@sallyport/contracts';
import { useSuspenseQuery } from '@tanstack/react-query';
import { ApiFault, faultOfAnswer, malformedFault, offlineFault } from './api-fault.js';
import { queryClient } from './query-client.js';

const SESSION_PATH = '/console/session';
const RENEW_AHEAD_MS = 15_000;
const RENEW_PAUSE_MIN_MS = 5_000;

/** Where the login begins; it comes back to `path`, an address of the console. */
export const loginAddress = (path: string): string => `${SESSION_PATH}/login?${new URLSearchParams({ return: path })}`;

/** What a person does, as a browser tells it. Streams, refetches and pages that scroll by themselves are none of it. */
const ACTS = ['pointerdown', 'keydown', 'wheel', 'touchmove'] as const;
/** Whether somebody did something since the session was told of it last; who opens the page did. */
let acted = true;
for (const act of ACTS)
  window.addEventListener(
    act,
    ({ isTrusted }) => {
      acted ||= isTrusted;
    },
    { capture: true, passive: true },
  );

const askForSession = (csrfToken: string | undefined): Promise<Response> =>
  fetch(csrfToken === undefined ? SESSION_PATH : `${SESSION_PATH}/renew`, {
    ...(csrfToken === undefined ? {} : { method: 'POST' }),
    credentials: 'same-origin',
    cache: 'no-store',
    redirect: 'error',
    headers: { accept: 'application/json', ...(csrfToken === undefined ? {} : { [HTTP_HEADERS.csrf]: csrfToken }) },
  }).catch((cause: unknown) => {
    throw offlineFault(cause);
  });

/** Only what a person did renews the session; without it a token is fetched for the rest of its time. */
const fetchSession = async (): Promise<ConsoleSession> => {
  const csrfToken = acted ? queryClient.getQueryData<ConsoleSession>(sessionQuery.queryKey)?.csrfToken : undefined;
  let response = await askForSession(csrfToken);
  if (csrfToken !== undefined && response.ok) acted = false;
  // Another tab logged in meanwhile, so the secret of the page is that of a session before.
  if (csrfToken !== undefined && response.status === 403) response = await askForSession(undefined);
  if (!response.ok) throw await faultOfAnswer(response);
  const session = ConsoleSession.safeParse(await response.json().catch(() => undefined));
  if (!session.success) throw malformedFault(session.error);
  return session.data;
};

const sessionQuery = { queryKey: ['session'], queryFn: fetchSession, staleTime: Number.POSITIVE_INFINITY } as const;

/**
 * The session; the shell has it before it shows a page, so that a page always has one. Its token is renewed while a page is seen, the session itself
 * only by what a person does there. Throws the fault of a
 * session that has ended, which leads to the login.
 */
export const useSession = (): ConsoleSession => {
  const { data, error } = useSuspenseQuery({
    ...sessionQuery,
    // A page that comes into sight again asks at once, as its session may have ended meanwhile.
    refetchOnWindowFocus: 'always',
    refetchInterval: ({ state }) =>
      state.data === undefined ? false : Math.max(RENEW_PAUSE_MIN_MS, Date.parse(state.data.renewBefore) - Date.now() - RENEW_AHEAD_MS),
  });
  if (error instanceof ApiFault && error.kind === 'signed-out') throw error;
  return data;
};

/** The secret that an unsafe request shows. Throws the fault of the session where there is none. */
export const csrfTokenInForce = async (): Promise<string> => (await queryClient.ensureQueryData(sessionQuery)).csrfToken;

/** Asks anew who is logged in. Resolves to whether somebody is; where nobody is, the page leads to the login. */
export const renewSession = async (): Promise<boolean> => {
  try {
    await queryClient.fetchQuery({ ...sessionQuery, staleTime: 0 });
    return true;
  } catch (error) {
    if (error instanceof ApiFault && error.kind === 'signed-out') return false;
    throw error;
  }
};

/** Ends the session here and on the server, then goes to where the identity provider ends its own, or back to the console's door. */
export const logout = async (): Promise<void> => {
  const { change } = await import('./client.js');
  const { providerLogoutUrl } = await change(ConsoleLogout, { method: 'POST', path: `${SESSION_PATH}/logout`, body: {} });
  queryClient.clear();
  window.location.assign(providerLogoutUrl ?? '/console/');
};
