/** The service worker: the page without a network, and threads where the host does not send the headers for them. */

const RELOADED = 'limn: reloaded for threads';

/**
 * Registers the worker. Where only it makes threads possible, loads the page once more, through it.
 * @returns {Promise<boolean>} whether the page is about to be loaded again
 */
export async function useServiceWorker() {
  if (!('serviceWorker' in navigator) || !globalThis.isSecureContext) return false;
  try {
    const registration = await navigator.serviceWorker.register('service_worker.js');
    if (globalThis.crossOriginIsolated || sessionStorage.getItem(RELOADED) !== null) return false;
    // Once for a visit: where the headers do not help the page goes on without threads.
    sessionStorage.setItem(RELOADED, '1');
    if (!(await isActive(registration))) return false;
    location.reload();
    return true;
  } catch {
    return false; // Private windows and files opened from disk: everything else works.
  }
}

/**
 * Waits until the worker runs, or is known not to.
 * @param {ServiceWorkerRegistration | undefined} registration undefined where something blocks it
 * @returns {Promise<boolean>}
 */
async function isActive(registration) {
  const worker = registration?.installing ?? registration?.waiting ?? registration?.active;
  if (!worker) return false;
  while (worker.state !== 'activated' && worker.state !== 'redundant') {
    await new Promise((resolve) => worker.addEventListener('statechange', resolve, {once: true}));
  }
  return worker.state === 'activated';
}

/**
 * Has the worker keep all of the page for when there is no network.
 * @returns {Promise<boolean>} whether it does
 */
export async function keepForOffline() {
  if (!('serviceWorker' in navigator)) return false;
  const registration = await navigator.serviceWorker.getRegistration();
  if (!(await isActive(registration))) return false;
  const {port1, port2} = new MessageChannel();
  const answer = new Promise((resolve) => port1.addEventListener('message', ({data}) => resolve(data === 'kept')));
  port1.start();
  registration?.active?.postMessage('keep', [port2]);
  return answer;
}
