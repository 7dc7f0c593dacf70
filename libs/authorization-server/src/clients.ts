import type { ClientMetadata } from 'oidc-provider';

/** The console: a person's own browser, which acts for nobody else. */
export const CONSOLE_CLIENT_ID = 'sallyport-console';
/** The command line of a person, by the device flow (RFC 8628). */
export const CLI_CLIENT_ID = 'sallyport-cli';

/** Where the console comes back to after a login. */
const CONSOLE_CALLBACK = '/console/session/callback';

/** Clients of ours: they act as the person who logs in, where others act as an agent of that person. */
export const ownClients = (publicUrl: string): ClientMetadata[] => [
  {
    client_id: CONSOLE_CLIENT_ID,
    client_name: 'Sallyport console',
    application_type: 'web',
    subject_type: 'pairwise',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [`${publicUrl}${CONSOLE_CALLBACK}`],
    post_logout_redirect_uris: [`${publicUrl}/console/`],
    id_token_signed_response_alg: 'EdDSA',
  },
  {
    client_id: CLI_CLIENT_ID,
    client_name: 'Sallyport command line',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    response_types: [],
    redirect_uris: [],
    id_token_signed_response_alg: 'EdDSA',
  },
];

/** Whether a client acts as the person itself. */
export const isOwnClient = (clientId: string): boolean => clientId === CONSOLE_CLIENT_ID || clientId === CLI_CLIENT_ID;
