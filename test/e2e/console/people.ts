import type { TokenRequest } from '@sallyport/testing';

/** Somebody who may do all that the console offers. */
export const GRACE: TokenRequest = {
  subject: 'grace',
  scopes: ['tools:read', 'tools:write', 'sallyport:audit', 'sallyport:operate', 'sallyport:approve'],
};
/** Somebody who may call tools and look at nothing. */
export const ADA: TokenRequest = { subject: 'ada', scopes: ['tools:read', 'tools:write'] };
/** ADA through the agent that writes. */
export const WRITER: TokenRequest = { subject: 'ada', agent: 'writer' };
export const OTHER_TENANT = 'globex';
/** GRACE's like in another tenant. */
export const INA: TokenRequest = { ...GRACE, subject: 'ina', tenant: OTHER_TENANT };
