import type { ProofCrypto } from '@sallyport/contracts';

const bytesToHex = (bytes: ArrayBuffer): string => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Hashes and signatures by WebCrypto; `null` where the browser has none, which it has on https and on this machine alone. */
export const browserProof = (): ProofCrypto | null => {
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  if (subtle === undefined) return null;
  return {
    sha256: async (text) => bytesToHex(await subtle.digest('SHA-256', new TextEncoder().encode(text))),
    verifyEd25519: async (x, signature, data) => {
      let key: CryptoKey;
      try {
        key = await subtle.importKey('jwk', { kty: 'OKP', crv: 'Ed25519', x }, 'Ed25519', false, ['verify']);
      } catch (error) {
        // Browsers before 2025 do not know the curve; a key that is none is not one that signed.
        return error instanceof DOMException && error.name === 'NotSupportedError' ? null : false;
      }
      return subtle.verify('Ed25519', key, signature, data);
    },
  };
};
