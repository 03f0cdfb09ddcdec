/** Files that are dropped, pasted or picked. */

/** @typedef {{file: File, path: string}} NamedFile */

/** @param {string} path */
export const isModel = (path) => path.toLowerCase().endsWith('.safetensors');

/**
 * Of a folder's files: whatever else lies in it is passed over.
 * @param {File} file
 */
const isWanted = (file) => file.type.startsWith('image/') || isModel(file.name);

/**
 * Throws Error, with the file's name, if it cannot be read any more, or has no room in memory.
 * @param {Blob} file
 * @param {string} name
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function readBytes(file, name) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * @param {FileList | File[]} list of a file input, or of the clipboard
 * @returns {NamedFile[]}
 */
export function namedFiles(list) {
  const wanted = [...list].filter((file) => !file.webkitRelativePath || isWanted(file));
  return sorted(wanted.map((file) => ({file, path: file.webkitRelativePath || file.name})));
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
  for (const entry of entries) await collect(/** @type {FileSystemEntry} */ (entry), files, () => true);
  return sorted(files);
}

/**
 * @param {FileSystemEntry} entry
 * @param {NamedFile[]} files
 * @param {(file: File) => boolean} wanted
 */
async function collect(entry, files, wanted) {
  if (entry.isFile) {
    const {promise, resolve, reject} = deferred();
    /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject);
    // One that is gone is told like one that is no picture, and stops none of the others.
    const file = await promise.catch(() => new File([], entry.name, {type: 'image/gone'}));
    if (wanted(file)) files.push({file, path: entry.fullPath.replace(/^\//, '')});
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    // Some hundred at a time, and none when there are no more.
    const {promise, resolve, reject} = deferred();
    reader.readEntries(resolve, reject);
    const some = await promise;
    if (some.length === 0) return;
    for (const one of some) await collect(one, files, isWanted);
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
