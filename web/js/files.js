/** Files that are dropped, pasted or picked. */

/** @typedef {{file: File, path: string}} NamedFile */

/** @param {string} path */
export const isModel = (path) => path.toLowerCase().endsWith('.safetensors');

/**
 * @param {FileList | File[]} list of a file input, or of the clipboard
 * @returns {NamedFile[]}
 */
export function namedFiles(list) {
  return sorted([...list].map((file) => ({file, path: file.webkitRelativePath || file.name})));
}

/**
 * All files of what was dropped, those in folders too.
 * @param {DataTransfer} transfer
 * @returns {Promise<NamedFile[]>}
 */
export async function droppedFiles(transfer) {
  // To be asked for at once: the list is empty when the event is over.
  const entries = [...transfer.items].filter((item) => item.kind === 'file').map((item) => item.webkitGetAsEntry());
  if (entries.length === 0 || entries.some((entry) => entry === null)) return namedFiles(transfer.files);
  /** @type {NamedFile[]} */
  const files = [];
  for (const entry of entries) await collect(/** @type {FileSystemEntry} */ (entry), files);
  return sorted(files);
}

/**
 * @param {FileSystemEntry} entry
 * @param {NamedFile[]} files
 */
async function collect(entry, files) {
  if (entry.isFile) {
    const {promise, resolve, reject} = deferred();
    /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject);
    files.push({file: await promise, path: entry.fullPath.replace(/^\//, '')});
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    // Some hundred at a time, and none when there are no more.
    const {promise, resolve, reject} = deferred();
    reader.readEntries(resolve, reject);
    const some = await promise;
    if (some.length === 0) return;
    for (const one of some) await collect(one, files);
  }
}

/** @returns {{promise: Promise<any>, resolve: (value: any) => void, reject: (reason: any) => void}} */
function deferred() {
  let resolve = (/** @type {any} */ _) => {};
  let reject = resolve;
  const promise = new Promise((onResult, onError) => {
    resolve = onResult;
    reject = onError;
  });
  return {promise, resolve, reject};
}

/** @param {NamedFile[]} files */
function sorted(files) {
  return files.sort((a, b) => a.path.localeCompare(b.path, 'en', {numeric: true}));
}
