/** The service worker: the page without a network, and threads where the host does not send the headers for them. */

const RELOADED = 'limn: reloaded for threads';

/**
 * Registers the worker. Where only it makes threads possible, loads the page once more, through it.
 * @returns {Promise<boolean>} whether the page is about to be loaded again
 */
export async function useServiceWorker() {
  if (!('serviceWorker' in navigator) || !globalThis.isSecureContext) return false;
  try {
    await navigator.serviceWorker.register('service_worker.js');
    if (globalThis.crossOriginIsolated || sessionStorage.getItem(RELOADED) !== null) return false;
    // Once for a visit: where the headers do not help the page goes on without threads.
    sessionStorage.setItem(RELOADED, '1');
    await navigator.serviceWorker.ready;
    location.reload();
    return true;
  } catch {
    return false; // Private windows and files opened from disk: everything else works.
  }
}
