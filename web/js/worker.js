/** The engine's worker: the page asks it by messages {id, method, parameters}; engine.js is the other side. */
import {download} from './download.js';
import {Limn} from './limn.js';

/**
 * @typedef {import('./limn.js').Estimator} Estimator
 * @typedef {{bytes: Uint8Array, name: string}} ModelFile
 * @typedef {{threshold: number, box: boolean}} DrawSettings
 */

/** @type {Limn} */
let limn;
/** @type {Estimator | undefined} */
let estimator;
/** @type {{model: ModelFile, detector: ModelFile}} */
let usual;
/** @type {{model: ModelFile, detector: ModelFile}} */
let files;
/** @type {{flip: boolean, detectorThreshold: number | null}} */
let settings = {flip: false, detectorThreshold: null};
let build = '';

/**
 * Opens models with settings. Only if that succeeds do they take the place of the ones before; the photo stays.
 * @param {{model: ModelFile, detector: ModelFile}} newFiles
 * @param {typeof settings} newSettings
 */
function open(newFiles, newSettings) {
  const {model, detector} = newFiles;
  const {flip, detectorThreshold} = newSettings;
  const options = {model: model.bytes, modelName: model.name};
  const next =
    limn.kind(model.bytes, model.name) === 'several people'
      ? limn.open(options)
      : limn.open({...options, detector: detector.bytes, detectorName: detector.name, flip, detectorThreshold});
  if (estimator !== undefined) next.takePhoto(estimator);
  estimator?.close();
  estimator = next;
  files = newFiles;
  settings = newSettings;
  return description();
}

/** The estimator that is open. */
function opened() {
  if (estimator === undefined) throw new Error('no model is open');
  return estimator;
}

function description() {
  const own = files.model !== usual.model || files.detector !== usual.detector;
  return {...opened().description, flip: settings.flip, version: limn.version, build, own};
}

/**
 * @param {string} name
 * @param {number} threads
 * @param {string} base
 */
async function load(name, threads, base) {
  const paths = [`engine/${name}.wasm`, 'models/pose.safetensors', 'models/detector.safetensors'];
  const [wasmBinary, model, detector] = await download(paths, base, (loaded, total) => {
    postMessage({progress: {loaded, total}});
  });
  const {default: createModule} = await import(`../engine/${name}.js`);
  limn = await Limn.load(createModule, {threads, wasmBinary});
  usual = {model: {bytes: model, name: 'pose.safetensors'}, detector: {bytes: detector, name: 'detector.safetensors'}};
}

const methods = {
  /** @param {{threads: number, base: string}} parameters */
  async start({threads, base}) {
    build = threads > 1 ? 'SIMD and threads' : 'SIMD';
    await load(threads > 1 ? 'limn_threads' : 'limn', threads, base);
    return open(usual, settings);
  },

  /** @param {Partial<typeof settings>} changed */
  configure(changed) {
    return open(files, {...settings, ...changed});
  },

  /**
   * A model of the user's, or a person detector.
   * @param {ModelFile} file
   */
  openModel(file) {
    try {
      // The last detector's threshold says nothing about another one's scores.
      return limn.kind(file.bytes, file.name) === 'person detector'
        ? open({...files, detector: file}, {...settings, detectorThreshold: null})
        : open({...files, model: file}, settings);
    } catch (error) {
      if (!(error instanceof Error) || error.message.startsWith(file.name)) throw error;
      throw new Error(`${file.name}: ${error.message}`, {cause: error});
    }
  },

  useUsualModels() {
    return open(usual, {...settings, detectorThreshold: null});
  },

  /** What `limn info` says of the models in use. */
  info() {
    const texts = [limn.info(files.model.bytes, files.model.name)];
    if (!opened().description.several) texts.push(limn.info(files.detector.bytes, files.detector.name));
    return texts.join('\n\n');
  },

  /**
   * Everybody in a photo, or in the next frame of a film, and the photo with them drawn on it.
   * @param {{photo: import('./limn.js').Photo | Uint8Array, name: string, imageId: number, draw: DrawSettings,
   *   film?: {seconds: number, start: boolean}}} parameters
   *   pixels, or a file
   */
  estimate({photo, name, imageId, draw, film}) {
    if (photo instanceof Uint8Array) {
      opened().readPhoto(photo, name);
    } else {
      opened().setPhoto(photo);
    }
    return this.again({name, imageId, draw, film});
  },

  /**
   * The same for the last photo, after a change of the settings.
   * @param {{name: string, imageId: number, draw: DrawSettings, film?: {seconds: number, start: boolean}}} parameters
   */
  again({name, imageId, draw, film}) {
    const looking = opened();
    const start = performance.now();
    const people = film === undefined ? looking.estimate() : looking.follow(film);
    const milliseconds = performance.now() - start;
    const picture = looking.draw(draw);
    return {people, milliseconds, json: looking.json(name), coco: looking.coco(imageId), picture};
  },

  /** @param {DrawSettings} parameters */
  draw(parameters) {
    return opened().draw(parameters);
  },

  /** @param {{person: number, cellSize: number}} parameters */
  heatmaps({person, cellSize}) {
    return opened().heatmaps(person, cellSize);
  },
};

/**
 * Pixels are handed over instead of copied.
 * @param {any} result
 * @returns {Transferable[]}
 */
function transferable(result) {
  const data = result?.picture?.data ?? result?.data;
  return data === undefined ? [] : [data.buffer];
}

// One after the other: a message that comes while a model is opened waits.
let last = Promise.resolve();
addEventListener('message', ({data: {id, method, parameters}}) => {
  last = last.then(async () => {
    try {
      const result = await /** @type {any} */ (methods)[method](parameters);
      postMessage({id, result}, {transfer: transferable(result)});
    } catch (error) {
      // What WebAssembly itself throws leaves it in no state to go on.
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      const fatal = cause instanceof WebAssembly.RuntimeError || cause instanceof RangeError;
      postMessage({id, error: error instanceof Error ? error.message : String(error), fatal});
    }
  });
});
