export { CONTENT_DETECTORS, type ContentSample, contentSample, contentSamples } from './content-generators.js';
