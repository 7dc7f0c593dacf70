// Verifying tokens is shared by every service that answers HTTP: it lives in the platform.
export { Authenticator, type AuthenticatorOptions, type IssuerSettings } from '@sallyport/platform';
