/** What of WebAssembly this browser has. */

// The smallest modules that use what is asked for: one function that makes a vector, one that throws.
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];
const EXCEPTIONS = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 8, 1, 6, 0, 6, 64, 25, 11, 11,
];

/** @param {number[]} bytes */
const understands = (bytes) =>
  typeof WebAssembly === 'object' && WebAssembly.validate(new Uint8Array(bytes));

/**
 * What is missing for limn to run at all; empty if nothing is.
 * @returns {string}
 */
export function missingFeature() {
  if (typeof WebAssembly !== 'object') return 'WebAssembly';
  if (!understands(SIMD)) return "WebAssembly's 128-bit vectors (Chrome 91, Firefox 89, Safari 16.4 or later)";
  if (!understands(EXCEPTIONS)) return "WebAssembly's exceptions (Chrome 95, Firefox 100, Safari 15.2 or later)";
  if (typeof OffscreenCanvas === 'undefined') return 'OffscreenCanvas (Chrome 69, Firefox 105, Safari 16.4 or later)';
  return '';
}

/**
 * How many threads the page may have: those that share memory are only there where the host, or the page's service
 * worker, sends the headers for it.
 * @returns {number}
 */
export function threadCount() {
  if (!globalThis.crossOriginIsolated || typeof SharedArrayBuffer === 'undefined') return 1;
  return Math.max(1, Math.min(navigator.hardwareConcurrency || 1, 4));
}
