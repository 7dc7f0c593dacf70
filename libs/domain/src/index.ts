export * from './content/index.js';
export * from './tool-call/index.js';
