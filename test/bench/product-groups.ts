/** Groups of processes that are the product itself, in the order of reports. */
export const SERVICE_GROUPS = ['sallyport', 'edge-gateway', 'policy-decision', 'budget-accountant', 'approval', 'audit-projector'];
/** Groups that it stands on. */
export const STORE_GROUPS = ['postgresql', 'broker'];
const AROUND_GROUPS = ['upstream'];

/** Names of groups in the order of reports. */
export const inOrder = (names: readonly string[]): readonly string[] =>
  [...SERVICE_GROUPS, ...STORE_GROUPS, ...AROUND_GROUPS].filter((name) => names.includes(name));
