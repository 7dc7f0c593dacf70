export * from './approval/index.js';
export * from './audit/index.js';
export * from './budget/index.js';
export * from './catalog/index.js';
export * from './content/index.js';
export * from './identity/index.js';
export * from './policy/index.js';
export * from './tool-call/index.js';
