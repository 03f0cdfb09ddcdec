/** Fetching what the engine is made of, and counting its bytes. */

/**
 * Fetches files side by side.
 * @param {string[]} paths relative to the page
 * @param {string} base the page's address
 * @param {(loaded: number, total: number) => void} onProgress bytes
 * @returns {Promise<Uint8Array[]>} in their order
 */
export async function download(paths, base, onProgress) {
  const build = await (await fetchFile(new URL('build.json', base))).json();
  const total = paths.reduce((sum, path) => sum + build.files[path], 0);
  let loaded = 0;
  return Promise.all(
    paths.map(async (path) => {
      const response = await fetchFile(new URL(path, base));
      const bytes = new Uint8Array(build.files[path]);
      let place = 0;
      const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
      for (;;) {
        const {done, value} = await reader.read();
        if (done) break;
        if (place + value.length > bytes.length) throw new Error(`${path}: longer than ${bytes.length} bytes`);
        bytes.set(value, place);
        place += value.length;
        loaded += value.length;
        onProgress(loaded, total);
      }
      if (place !== bytes.length) throw new Error(`${path}: expected ${bytes.length} bytes, found ${place}`);
      return bytes;
    }),
  );
}

/** @param {URL} address */
async function fetchFile(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address.pathname}: the host answers ${response.status}`);
  return response;
}
