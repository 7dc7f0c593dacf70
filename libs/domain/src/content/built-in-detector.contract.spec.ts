import { describe, test } from 'vitest';
import { builtInDetector } from './built-in-detector.js';
import { contentDetectorContract } from './content-detector.contract.js';

describe('the built-in detector keeps the contract', () => contentDetectorContract({ test }, () => builtInDetector));
