import { hash } from 'node:crypto';
import type { Sha256 } from '@sallyport/contracts';

/** SHA-256 of the UTF-8 bytes of a text, hexadecimal. */
export const sha256: Sha256 = (text) => hash('sha256', text, 'hex');
