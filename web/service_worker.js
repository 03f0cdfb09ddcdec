/**
 * Keeps the page for when there is no network, and adds the headers that let it have threads and reach nothing else,
 * for hosts that cannot be told to send them.
 */

// One page's, of which a host may have several; the hash is put in when the page is built: another one for other files.
const worker = /** @type {any} */ (globalThis);
const PREFIX = `limn ${worker.registration.scope} `;
const CACHE = `${PREFIX}@HASH@`;

const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy':
    "default-src 'none'; connect-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
    "style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; manifest-src 'self'; " +
    "form-action 'none'; base-uri 'none'",
};

worker.addEventListener('install', () => worker.skipWaiting());

worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));

// The page asks for it when it runs, so that loading it is not held up; it is told when all is here.
worker.addEventListener('message', (/** @type {any} */ event) => {
  event.waitUntil(
    keepAll().then(
      () => event.ports[0].postMessage('kept'),
      (/** @type {Error} */ error) => event.ports[0].postMessage(error.message),
    ),
  );
});

worker.addEventListener('fetch', (/** @type {any} */ event) => {
  const {request} = event;
  const address = new URL(request.url);
  if (request.method !== 'GET' || address.origin !== location.origin) return;
  event.respondWith(answer(request));
});

/** Fetches the files that are not here yet, and lets go of those of other versions. */
async function keepAll() {
  const cache = await caches.open(CACHE);
  const response = await fetch('build.json', {cache: 'no-cache'});
  const {files} = await response.clone().json();
  await cache.put('build.json', response);
  for (const path of ['./', ...Object.keys(files)]) {
    if ((await cache.match(path)) === undefined) await cache.add(new Request(path, {cache: 'no-cache'}));
  }
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  }
}

/** @param {Request} request */
async function answer(request) {
  const cache = await caches.open(CACHE);
  const response = (await cache.match(request, {ignoreSearch: true})) ?? (await fetch(request));
  // What is no answer of this host's cannot be given other headers.
  if (response.type === 'opaque' || response.status === 0) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  return new Response(response.body, {status: response.status, statusText: response.statusText, headers});
}
