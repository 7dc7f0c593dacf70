/** Injection tokens of the module. */
export const DECIDE_CALLS = Symbol('DecideCalls');
export const SEE_GRANTS = Symbol('SeeGrants');
export const CHANGES = Symbol('Changes');
export const CONTROL_PLANE = Symbol('ControlPlane');
export const DEFINITIONS = Symbol('Definitions');
export const DATABASE = Symbol('Database');
export const AUTHENTICATOR = Symbol('Authenticator');
export const OPERATORS = Symbol('Operators');
export const CLOCK = Symbol('Clock');
