/** The page's side of the engine: the worker's methods as promises. worker.js is the other side. */
import {isReadByLimn, readPicture} from './pictures.js';

/**
 * @typedef {import('./limn.js').Description &
 *   {flip: boolean, version: string, build: string, own: boolean}} EngineDescription
 * @typedef {import('./limn.js').Photo} Photo
 * @typedef {import('./limn.js').Person} Person
 * @typedef {{width: number, height: number, data: Uint8ClampedArray<ArrayBuffer>}} Picture
 * @typedef {{threshold: number, box: boolean}} DrawSettings
 * @typedef {{people: Person[], milliseconds: number, json: string, coco: object[], picture: Picture}} Estimate
 */

export class Engine {
  /** @param {{onProgress: (loaded: number, total: number) => void, onFailure: (message: string) => void}} listeners */
  constructor({onProgress, onFailure}) {
    this.onProgress = onProgress;
    this.onFailure = onFailure;
    /** @type {Map<number, {resolve: (value: any) => void, reject: (reason: Error) => void}>} */
    this.waiting = new Map();
    this.lastId = 0;
    /** @type {Worker | null} */
    this.worker = null;
  }

  /**
   * @param {number} threads
   * @returns {Promise<EngineDescription>}
   */
  start(threads) {
    const worker = new Worker(new URL('worker.js', import.meta.url), {type: 'module', name: 'limn'});
    this.worker = worker;
    worker.addEventListener('message', ({data}) => this.receive(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.fail(event.message || 'the engine could not be started');
    });
    return this.ask('start', {threads, base: document.baseURI});
  }

  /** @param {any} data */
  receive({id, result, error, fatal, progress}) {
    if (progress !== undefined) {
      this.onProgress(progress.loaded, progress.total);
      return;
    }
    const call = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) {
      call?.resolve(result);
    } else {
      call?.reject(new Error(error));
      if (fatal) this.fail(error);
    }
  }

  /**
   * The worker is of no use any more.
   * @param {string} message
   */
  fail(message) {
    this.worker?.terminate();
    this.worker = null;
    for (const {reject} of this.waiting.values()) reject(new Error(message));
    this.waiting.clear();
    this.onFailure(message);
  }

  /**
   * @param {string} method
   * @param {any} [parameters]
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   */
  ask(method, parameters, transfer = []) {
    return new Promise((resolve, reject) => {
      if (this.worker === null) {
        reject(new Error('the engine does not run'));
        return;
      }
      this.lastId += 1;
      this.waiting.set(this.lastId, {resolve, reject});
      this.worker.postMessage({id: this.lastId, method, parameters}, transfer);
    });
  }

  /**
   * @param {{flip?: boolean, detectorThreshold?: number}} settings
   * @returns {Promise<EngineDescription>}
   */
  configure(settings) {
    return this.ask('configure', settings);
  }

  /**
   * @param {{bytes: Uint8Array, name: string}} file
   * @returns {Promise<EngineDescription>}
   */
  openModel(file) {
    return this.ask('openModel', file, [file.bytes.buffer]);
  }

  /** @returns {Promise<EngineDescription>} */
  useUsualModels() {
    return this.ask('useUsualModels');
  }

  /** @returns {Promise<string>} */
  info() {
    return this.ask('info');
  }

  /**
   * @param {{photo: Photo | Uint8Array, name: string, imageId: number, draw: DrawSettings}} parameters
   *   the photo is pixels, or a file of a kind that limn reads; it is handed over
   * @returns {Promise<Estimate>}
   */
  estimate(parameters) {
    const {photo} = parameters;
    return this.ask('estimate', parameters, [(photo instanceof Uint8Array ? photo : photo.data).buffer]);
  }

  /**
   * The same of a file: read by limn if it can, so that the results are those of the limn program, else by the browser,
   * which knows more kinds of pictures. Throws Error if neither reads it.
   * @param {Blob} file
   * @param {{name: string, imageId: number, draw: DrawSettings}} parameters
   * @returns {Promise<Estimate>}
   */
  async estimateFile(file, parameters) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (isReadByLimn(bytes)) {
      try {
        return await this.estimate({photo: bytes, ...parameters});
      } catch (error) {
        if (this.worker === null) throw error;
      }
    }
    return this.estimate({photo: await readPicture(file, parameters.name), ...parameters});
  }

  /**
   * @param {{name: string, imageId: number, draw: DrawSettings}} parameters
   * @returns {Promise<Estimate>}
   */
  again(parameters) {
    return this.ask('again', parameters);
  }

  /**
   * @param {DrawSettings} settings
   * @returns {Promise<Picture>}
   */
  draw(settings) {
    return this.ask('draw', settings);
  }

  /**
   * @param {number} person
   * @param {number} cellSize
   * @returns {Promise<Picture>}
   */
  heatmaps(person, cellSize) {
    return this.ask('heatmaps', {person, cellSize});
  }
}
