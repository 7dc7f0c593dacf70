// Import directions: which room may use which. Everything not allowed here is forbidden; the reasons are in the comments.
// test/contract/layering.contract.spec.ts derives the same rules from the sources, so that a disabled lint cannot hide a breach.

/** Specs, contract suites and the harnesses of one service may use more than the code they test; none of them is built or shipped. */
const TESTS = '\\.(spec|contract|harness)\\.ts$';

/** Every room: its own folder, and the rooms it may import from. */
const ROOMS = [
  ['contracts', '^libs/contracts/', []],
  ['domain', '^libs/domain/', ['contracts']],
  // The configuration and the sealer answer ports that the domain names, so platform knows the domain's types.
  ['platform', '^libs/platform/', ['domain', 'contracts']],
  ['log', '^libs/log/', ['platform', 'contracts']],
  ['mcp', '^libs/mcp/', ['platform', 'domain', 'contracts']],
  ['authorization-server', '^libs/authorization-server/', ['platform', 'contracts']],
  ['edge-gateway', '^libs/services/edge-gateway/', ['mcp', 'log', 'platform', 'domain', 'contracts']],
  ['policy-decision', '^libs/services/policy-decision/', ['log', 'platform', 'domain', 'contracts']],
  ['budget-accountant', '^libs/services/budget-accountant/', ['log', 'platform', 'domain', 'contracts']],
  ['approval', '^libs/services/approval/', ['log', 'platform', 'domain', 'contracts']],
  ['audit-projector', '^libs/services/audit-projector/', ['log', 'platform', 'domain', 'contracts']],
  ['app-edge-gateway', '^apps/edge-gateway/', ['edge-gateway', 'log', 'platform']],
  ['app-policy-decision', '^apps/policy-decision/', ['policy-decision', 'log', 'platform']],
  ['app-budget-accountant', '^apps/budget-accountant/', ['budget-accountant', 'log', 'platform']],
  ['app-approval', '^apps/approval/', ['approval', 'log', 'platform']],
  ['app-audit-projector', '^apps/audit-projector/', ['audit-projector', 'log', 'platform']],
  [
    'app-cli',
    '^apps/cli/',
    [
      'edge-gateway',
      'policy-decision',
      'budget-accountant',
      'approval',
      'audit-projector',
      'authorization-server',
      'mcp',
      'log',
      'platform',
      'domain',
      'contracts',
    ],
  ],
  ['app-console', '^apps/console/', ['contracts']],
];

const folderOf = (name) => ROOMS.find(([room]) => room === name)[1];

const directions = ROOMS.map(([name, folder, allowed]) => ({
  name: `${name}-imports-only-below`,
  severity: 'error',
  comment: `${name} may import ${allowed.length === 0 ? 'no other room' : allowed.join(', ')}: imports point down the layout, never up and never sideways`,
  from: { path: folder, pathNot: TESTS },
  to: { path: '^(libs|apps|test|tools|integrations)/', pathNot: [folder, ...allowed.map(folderOf)] },
}));

module.exports = {
  forbidden: [
    ...directions,
    {
      name: 'domain-is-pure',
      severity: 'error',
      comment: 'rules must replay anywhere and for ever: no npm package, no Node module, no clock, no I/O',
      from: { path: '^libs/domain/', pathNot: TESTS },
      to: {
        pathNot: '^libs/(domain|contracts)/',
        dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown', 'core', 'unknown', 'undetermined'],
      },
    },
    {
      name: 'contracts-use-zod-alone',
      severity: 'error',
      comment: 'whoever speaks to a service needs its contracts, and should get nothing else with them',
      from: { path: '^libs/contracts/', pathNot: TESTS },
      to: { path: ['(^|/)node_modules/', '^node:'], pathNot: '(^|/)node_modules/zod/' },
    },
    {
      name: 'kafkajs-behind-its-port',
      severity: 'error',
      comment: 'the broker client is replaceable only while one folder knows it',
      from: { path: '^(libs|apps|tools)/', pathNot: ['^libs/log/src/kafka/', '^libs/testing/', TESTS] },
      to: { path: '(^|/)node_modules/kafkajs/' },
    },
    {
      name: 'no-relative-imports-between-rooms',
      severity: 'error',
      comment: 'another room is reached by its package name, so that its index is the only door',
      from: { path: '^((?:libs/services|libs|apps)/[^/]+)/' },
      to: { path: '^(libs|apps)/', pathNot: '^$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'testing-in-tests-only',
      severity: 'error',
      comment: 'harnesses and builders must never ship',
      from: { path: '^(libs|apps|tools)/', pathNot: ['^libs/testing/', TESTS] },
      to: { path: '^libs/testing/' },
    },
    {
      name: 'testing-never-imports-apps',
      severity: 'error',
      comment: 'an app is a composition root: tests start it as a process',
      from: { path: '^libs/testing/' },
      to: { path: '^apps/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'a cycle makes the order of loading part of the behaviour (what is loaded later, by import(), closes none)',
      from: { pathNot: TESTS },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only', 'dynamic-import'] } },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      comment:
        'an import that resolves to nothing fails on the first machine that is not this one; deep imports end here too, as no lib exports them',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['sallyport-source', 'types', 'node', 'import', 'default'] },
  },
};
