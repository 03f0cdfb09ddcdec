/** The page's side of the engine: the worker's methods as promises. worker.js is the other side. */
import {readBytes} from './files.js';
import {isReadByLimn, pictureSize} from './picture_headers.js';
import {checkSize, readPicture} from './pictures.js';

/**
 * @typedef {import('./limn.js').Description &
 *   {flip: boolean, version: string, build: string, own: boolean}} EngineDescription
 * @typedef {import('./limn.js').Photo} Photo
 * @typedef {import('./limn.js').Person} Person
 * @typedef {{width: number, height: number, data: Uint8ClampedArray<ArrayBuffer>}} Picture
 * @typedef {{threshold: number, box: boolean}} DrawSettings
 * @typedef {{people: Person[], milliseconds: number, json: string, coco: object[], picture: Picture}} Estimate
 */

/** What calls end with whose engine has died. The page is told by onFailure, too. */
export class EngineStopped extends Error {}

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
    /** Deaths since it last found people. */
    this.failures = 0;
    /**
     * The file of the photo that the worker has, or will have when it is done with all it was asked.
     * @type {Blob | null}
     */
    this.file = null;
    /** @type {Promise<unknown>} */
    this.lastTurn = Promise.resolve();
  }

  /**
   * Calls `use` when nobody else has a turn: what it asks of the engine is then about one and the same photo.
   * @template T
   * @param {() => Promise<T>} use
   * @returns {Promise<T>}
   */
  turn(use) {
    const mine = this.lastTurn.then(use);
    this.lastTurn = mine.catch(() => {});
    return mine;
  }

  /**
   * @param {number} threads
   * @returns {Promise<EngineDescription>}
   */
  start(threads) {
    this.stop('the engine is started anew');
    const worker = new Worker(new URL('worker.js', import.meta.url), {type: 'module', name: 'limn'});
    this.worker = worker;
    worker.addEventListener('message', ({data}) => this.receive(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      if (this.worker !== worker) return;
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
      call?.reject(fatal ? new EngineStopped(error) : new Error(error));
      if (fatal) this.fail(error);
    }
  }

  /**
   * The worker is of no use any more.
   * @param {string} message
   */
  fail(message) {
    this.failures += 1;
    this.stop(message);
    this.onFailure(message);
  }

  /** @param {string} message for those who wait */
  stop(message) {
    this.worker?.terminate();
    this.worker = null;
    this.file = null;
    for (const {reject} of this.waiting.values()) reject(new EngineStopped(message));
    this.waiting.clear();
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
        reject(new EngineStopped('the engine does not run'));
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
   * @param {{photo: Photo | Uint8Array, name: string, imageId: number, draw: DrawSettings,
   *   film?: {seconds: number, start: boolean}}} parameters
   *   the photo is pixels, or a file of a kind that limn reads; it is handed over; a film's frame has its time
   * @param {Blob | null} [file] what it was read from
   * @returns {Promise<Estimate>}
   */
  async estimate(parameters, file = null) {
    const {photo} = parameters;
    this.file = file;
    try {
      const pixels = photo instanceof Uint8Array ? photo : photo.data;
      const estimate = await this.ask('estimate', parameters, [pixels.buffer]);
      this.failures = 0;
      return estimate;
    } catch (error) {
      if (this.file === file) this.file = null;
      throw error;
    }
  }

  /**
   * The same of a file: read by limn if it can, so that the results are those of the limn program, else by the browser,
   * which knows more kinds of pictures. Throws Error if neither reads it.
   * @param {Blob} file
   * @param {{name: string, imageId: number, draw: DrawSettings}} parameters
   * @returns {Promise<Estimate>}
   */
  async estimateFile(file, parameters) {
    const bytes = await readBytes(file, parameters.name);
    if (isReadByLimn(bytes)) {
      checkSize(pictureSize(bytes), parameters.name);
      try {
        return await this.estimate({photo: bytes, ...parameters}, file);
      } catch (error) {
        if (error instanceof EngineStopped) throw error;
      }
    }
    return this.estimate({photo: await readPicture(file, parameters.name), ...parameters}, file);
  }

  /**
   * The same once more, after a change of the settings.
   * @param {Blob} file
   * @param {{name: string, imageId: number, draw: DrawSettings}} parameters
   * @returns {Promise<Estimate>}
   */
  again(file, parameters) {
    return this.file === file ? this.ask('again', parameters) : this.estimateFile(file, parameters);
  }

  /**
   * Call it in a turn(), as heatmaps().
   * @param {Blob} file
   * @param {{name: string, imageId: number, draw: DrawSettings}} parameters
   * @returns {Promise<Picture>}
   */
  async draw(file, parameters) {
    return this.file === file ? this.ask('draw', parameters.draw) : (await this.estimateFile(file, parameters)).picture;
  }

  /**
   * @param {Blob} file
   * @param {{name: string, imageId: number, draw: DrawSettings}} parameters
   * @param {{person: number, cellSize: number}} which
   * @returns {Promise<Picture>}
   */
  async heatmaps(file, parameters, which) {
    if (this.file !== file) await this.estimateFile(file, parameters);
    return this.ask('heatmaps', which);
  }
}
