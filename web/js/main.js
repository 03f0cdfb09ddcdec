/** The page: what is on it, and what its controls do. */
import {Camera} from './camera.js';
import {Engine, EngineStopped} from './engine.js';
import {missingFeature, threadCount} from './features.js';
import {droppedFiles, isModel, namedFiles, readBytes} from './files.js';
import {Gallery} from './gallery.js';
import {keepForOffline, useServiceWorker} from './offline.js';
import {save, saveJson, show, stem} from './pictures.js';
import {Viewer} from './viewer.js';

/**
 * @typedef {import('./engine.js').EngineDescription} EngineDescription
 * @typedef {import('./engine.js').Estimate} Estimate
 * @typedef {import('./files.js').NamedFile} NamedFile
 * @typedef {{file: File, name: string, imageId: number, estimate: Estimate}} Shown
 */

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return found;
}
const button = (/** @type {string} */ id) => element(id, HTMLButtonElement);
const input = (/** @type {string} */ id) => element(id, HTMLInputElement);
const canvas = (/** @type {string} */ id) => element(id, HTMLCanvasElement);
const any = (/** @type {string} */ id) => element(id, HTMLElement);

const SAMPLES = [
  ['five_people.jpg', 'Five people'],
  ['pool_players.jpg', 'Pool players'],
  ['person_dog_horse.jpg', 'With dog and horse'],
  ['grace_hopper.jpg', 'Grace Hopper'],
];
const VIEWS = ['start', 'photo', 'gallery', 'camera'];

const root = document.documentElement;
const engine = new Engine({onProgress: showLoading, onFailure: restart});
const viewer = new Viewer({
  canvas: canvas('canvas'),
  ring: any('ring'),
  tooltip: any('tooltip'),
  list: any('people'),
});
const gallery = new Gallery(
  engine,
  {
    list: any('gallery-list'),
    progress: element('gallery-progress', HTMLProgressElement),
    text: any('gallery-text'),
    cancel: button('gallery-cancel'),
  },
  (file, imageId) => openPhoto(file, imageId),
);
const camera = new Camera(engine, {canvas: canvas('camera-canvas'), stats: any('camera-stats')});

/** @type {EngineDescription} */
let description;
/** The photo in view, and what was found in it. @type {Shown | null} */
let current = null;
/** Counts what the user asks for, so that what was overtaken is not shown. */
let request = 0;
// How often in a row the engine may die before the page gives up.
const MOST_FAILURES = 5;

// ---------------------------------------------------------------------------------------------------------------
// What the user is told.

/** @param {string} text */
function tell(text) {
  any('status').textContent = text;
}

/** @param {unknown} error null: nothing is wrong any more */
function complain(error) {
  if (error instanceof EngineStopped) return; // restart() says so, and what is done about it
  const message = any('error');
  message.hidden = error === null;
  message.textContent = error === null ? '' : error instanceof Error ? error.message : String(error);
}

/** @param {number} loaded @param {number} total */
function showLoading(loaded, total) {
  const progress = element('loading-progress', HTMLProgressElement);
  progress.max = total;
  progress.value = loaded;
  const megabytes = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(1);
  any('loading-text').textContent = `Loading ${megabytes(loaded)} of ${megabytes(total)} MB`;
}

/** @param {string} view */
function showView(view) {
  const last = root.dataset.view;
  const focused = document.activeElement;
  // Who works by keyboard is led on, since what was pressed is hidden now.
  const focusIsLost = last !== undefined && last !== view && (focused === document.body || any(last).contains(focused));
  root.dataset.view = view;
  for (const name of VIEWS) any(name).hidden = name !== view;
  any('results').hidden = view !== 'photo' || current === null;
  if (view !== 'photo') current = null;
  if (focusIsLost) any(`${view}-title`).focus();
}

/** @param {boolean} busy */
function setBusy(busy) {
  any('views').setAttribute('aria-busy', String(busy));
}

/** Shows what the engine says of itself and its models. @param {EngineDescription} now @param {boolean} sameModels */
function describe(now, sameModels) {
  description = now;
  any('model-name').textContent = now.detector === null ? now.name : `${now.name}, people found by ${now.detector}`;
  const usual = button('default-models');
  if (!now.own && document.activeElement === usual) input('pick-model').focus();
  usual.hidden = !now.own;
  any('detector-setting').hidden = now.detectorThreshold === null;
  if (now.detectorThreshold !== null) setSlider('detector-threshold', now.detectorThreshold);
  input('flip').disabled = now.several;
  input('flip').checked = now.flip;
  if (!sameModels) {
    element('model-info', HTMLDetailsElement).open = false;
    any('model-text').textContent = '';
  }
  showEngine();
}

/** @param {number} [milliseconds] the last photo's */
function showEngine(milliseconds) {
  const threads = description.threads === 1 ? '1 thread' : `${description.threads} threads`;
  const time = milliseconds === undefined ? '' : `; the last photo took ${Math.round(milliseconds)} ms`;
  any('engine').textContent = `limn ${description.version} in WebAssembly (${description.build}), ${threads}${time}`;
}

/** @param {string} id @param {number} value */
function setSlider(id, value) {
  input(id).value = String(value);
  any(`${id}-value`).textContent = Number(input(id).value).toFixed(2);
}

const drawSettings = () => ({threshold: Number(input('threshold').value), box: input('boxes').checked});

// ---------------------------------------------------------------------------------------------------------------
// Photos.

/** @param {NamedFile} file @param {number} imageId */
async function openPhoto(file, imageId) {
  const mine = ++request;
  camera.stop();
  element('heatmaps-dialog', HTMLDialogElement).close();
  complain(null);
  tell(`Looking at ${file.path}`);
  setBusy(true);
  try {
    const estimate = await engine.turn(async () => {
      if (mine !== request) return null;
      return engine.estimateFile(file.file, {name: file.path, imageId, draw: drawSettings()});
    });
    if (mine !== request || estimate === null) return;
    current = {file: file.file, name: file.path, imageId, estimate};
    any('photo-title').textContent = file.path;
    button('photo-back').hidden = any('gallery-list').childElementCount === 0;
    showEstimate(estimate);
    showView('photo');
  } catch (error) {
    if (mine !== request) return;
    complain(error);
    tell('');
    if (root.dataset.view === 'camera') showView('start'); // which was switched off
  } finally {
    if (mine === request) setBusy(false);
  }
}

/** @param {Estimate} estimate */
function showEstimate(estimate) {
  const {people, milliseconds, picture} = estimate;
  viewer.showPicture(picture);
  viewer.showPeople(people);
  viewer.setThreshold(drawSettings().threshold);
  const select = element('heatmaps-person', HTMLSelectElement);
  select.replaceChildren(...people.map((_, i) => new Option(`person ${i + 1}`, String(i))));
  select.disabled = description.several;
  any('heatmaps-row').hidden = people.length === 0;
  const count = people.length === 0 ? 'Nobody' : people.length === 1 ? '1 person' : `${people.length} people`;
  tell(`${count} found in ${Math.round(milliseconds)} ms`);
  showEngine(milliseconds);
}

/** @param {NamedFile[]} files */
async function openFiles(files) {
  const models = files.filter(({path}) => isModel(path));
  for (const {file, path} of models) await openModel(file, path);
  const photos = files.filter(({path}) => !isModel(path));
  if (photos.length === 1) {
    await openPhoto(photos[0], 1);
  } else if (photos.length > 1) {
    await openGallery(photos);
  } else if (models.length === 0) {
    complain(new Error('there is no picture and no model in it'));
  }
}

/** @param {NamedFile[]} files */
async function openGallery(files) {
  const mine = ++request;
  camera.stop();
  gallery.cancel();
  while (gallery.running) await new Promise((resolve) => setTimeout(resolve, 20));
  if (mine !== request) return;
  setBusy(false);
  complain(null);
  showView('gallery');
  tell('');
  const {done, failed} = await gallery.run(files, drawSettings);
  // Not over what is said of a photo that was opened meanwhile.
  if (root.dataset.view !== 'gallery') return;
  tell(`${done - failed} photos done${failed === 0 ? '' : `, ${failed} could not be read`}`);
}

async function openCamera() {
  if (camera.running) return;
  const mine = ++request;
  setBusy(false);
  gallery.cancel();
  complain(null);
  showView('camera');
  tell('Camera on');
  try {
    await camera.run(drawSettings);
    if (mine !== request) return;
    tell('Camera off');
  } catch (error) {
    if (mine !== request) return;
    complain(error);
    tell('');
  }
  showView('start');
}

/** @param {string} file */
async function openSample(file) {
  try {
    const response = await fetch(`samples/${file}`);
    if (!response.ok) throw new Error(`${file}: the host answers ${response.status}`);
    await openPhoto({file: new File([await response.blob()], file), path: file}, 1);
  } catch (error) {
    complain(error);
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Settings and models.

let drawing = false;
/** Draws once more; while that is being done further changes wait for the next time. */
async function redraw() {
  viewer.setThreshold(drawSettings().threshold);
  if (current === null || drawing) return;
  drawing = true;
  try {
    for (let drawn = ''; current !== null && drawn !== JSON.stringify(drawSettings()); ) {
      const mine = request;
      drawn = JSON.stringify(drawSettings());
      const {file, name, imageId} = /** @type {Shown} */ (current);
      const picture = await engine.turn(() => engine.draw(file, {name, imageId, draw: drawSettings()}));
      if (mine !== request || current?.file !== file) break;
      viewer.showPicture(picture);
    }
  } catch (error) {
    complain(error);
  } finally {
    drawing = false;
  }
}

/** What the user has set and the engine does not know yet. @type {{flip?: boolean, detectorThreshold?: number}} */
let unsaid = {};
let unsaidTimer = 0;

/** Tells the engine of changed settings when they rest for a moment. @param {typeof unsaid} change */
function set(change) {
  Object.assign(unsaid, change);
  clearTimeout(unsaidTimer);
  unsaidTimer = setTimeout(() => {
    const settings = unsaid;
    unsaid = {};
    reconfigure(() => engine.configure(settings), 'Looking again', true);
  }, 200);
}

/**
 * Changes the engine and looks at the photo again.
 * @param {() => Promise<EngineDescription>} change
 * @param {string} doing
 * @param {boolean} sameModels
 */
async function reconfigure(change, doing, sameModels) {
  complain(null);
  tell(doing);
  setBusy(true);
  const mine = request;
  try {
    await engine.turn(async () => {
      const now = await change();
      // While a slider is still moved, it stays where the user has it.
      if (Object.keys(unsaid).length === 0) {
        describe(now, sameModels);
      } else {
        description = now;
      }
      tell('');
      if (mine !== request || current === null) return;
      const {file, name, imageId} = current;
      const estimate = await engine.again(file, {name, imageId, draw: drawSettings()});
      if (mine !== request || current?.file !== file) return;
      current = {file, name, imageId, estimate};
      showEstimate(estimate);
    });
  } catch (error) {
    complain(error);
    tell('');
    if (!(error instanceof EngineStopped)) describe(description, true);
  } finally {
    if (mine === request) setBusy(false);
  }
}

/** @param {File} file @param {string} name */
async function openModel(file, name) {
  const read = async () => engine.openModel({bytes: await readBytes(file, name), name});
  await reconfigure(read, `Reading ${name}`, false);
  if (any('error').hidden) {
    setSlider('threshold', description.drawThreshold);
    await redraw();
    await showModelText();
    element('model-info', HTMLDetailsElement).open = true;
  }
}

async function showModelText() {
  if (any('model-text').textContent !== '') return;
  any('model-text').textContent = 'Reading';
  try {
    any('model-text').textContent = await engine.info();
  } catch (error) {
    any('model-text').textContent = '';
    complain(error);
  }
}

async function showHeatmaps() {
  if (current === null) return;
  const person = Number(element('heatmaps-person', HTMLSelectElement).value);
  tell('Drawing heatmaps');
  try {
    const {file, name, imageId} = current;
    const picture = await engine.turn(() =>
      engine.heatmaps(file, {name, imageId, draw: drawSettings()}, {person, cellSize: 256}),
    );
    tell('');
    if (current?.file !== file) return;
    show(canvas('heatmaps-canvas'), picture);
    const names = description.keypoints.map((name) => name.replaceAll('_', ' '));
    any('heatmaps-legend').textContent = `Row by row: ${names.join(', ')}.`;
    any('heatmaps-title').textContent = description.several ? 'Heatmaps' : `Heatmaps of person ${person + 1}`;
    element('heatmaps-dialog', HTMLDialogElement).showModal();
  } catch (error) {
    complain(error);
    tell('');
  }
}

// ---------------------------------------------------------------------------------------------------------------
// The page's life.

function listenToControls() {
  for (const id of ['pick-photos', 'pick-folder', 'pick-model']) {
    input(id).addEventListener('change', () => {
      const files = namedFiles(input(id).files ?? []);
      input(id).value = ''; // so that the same file can be chosen again
      if (files.length > 0) openFiles(files);
    });
  }
  button('camera-start').addEventListener('click', openCamera);
  button('camera-stop').addEventListener('click', () => camera.stop());
  button('photo-back').addEventListener('click', () => {
    ++request;
    setBusy(false);
    showView('gallery');
    gallery.opened?.focus();
  });
  button('gallery-cancel').addEventListener('click', () => gallery.cancel());
  button('gallery-json').addEventListener('click', () => {
    saveJson({model: description.name, detector: description.detector, photos: gallery.photos}, 'poses.json');
  });
  button('gallery-coco').addEventListener('click', () => saveJson(gallery.coco, 'poses_coco.json'));

  for (const id of ['threshold', 'detector-threshold']) {
    input(id).addEventListener('input', () => setSlider(id, Number(input(id).value)));
  }
  input('threshold').addEventListener('input', redraw);
  input('boxes').addEventListener('change', redraw);
  input('detector-threshold').addEventListener('input', () => {
    set({detectorThreshold: Number(input('detector-threshold').value)});
  });
  input('flip').addEventListener('change', () => set({flip: input('flip').checked}));
  button('default-models').addEventListener('click', async () => {
    await reconfigure(() => engine.useUsualModels(), 'Opening the usual models', false);
    setSlider('threshold', description.drawThreshold);
    redraw();
  });
  element('model-info', HTMLDetailsElement).addEventListener('toggle', showModelText);

  button('heatmaps').addEventListener('click', showHeatmaps);
  button('heatmaps-close').addEventListener('click', () => element('heatmaps-dialog', HTMLDialogElement).close());
  button('download-png').addEventListener('click', () => {
    const name = `${stem(current?.name ?? '')}_pose.png`;
    canvas('canvas').toBlob((blob) => blob !== null && save(blob, name), 'image/png');
  });
  button('download-json').addEventListener('click', () => {
    if (current !== null) saveJson(JSON.parse(current.estimate.json), `${stem(current.name)}.json`);
  });
  button('download-coco').addEventListener('click', () => {
    if (current !== null) saveJson(current.estimate.coco, `${stem(current.name)}_coco.json`);
  });
}

function listenToPage() {
  addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dragging');
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) document.body.classList.remove('dragging');
  });
  addEventListener('drop', async (event) => {
    event.preventDefault();
    document.body.classList.remove('dragging');
    const transfer = event.dataTransfer;
    if (root.dataset.state !== 'ready' || !transfer?.types.includes('Files')) return;
    try {
      await openFiles(await droppedFiles(transfer));
    } catch (error) {
      complain(error);
    }
  });
  addEventListener('paste', (event) => {
    const files = namedFiles(event.clipboardData?.files ?? []);
    if (root.dataset.state === 'ready' && files.length > 0) openFiles(files);
  });
}

function listSamples() {
  for (const [file, title] of SAMPLES) {
    const item = document.createElement('li');
    const sample = document.createElement('button');
    sample.type = 'button';
    sample.dataset.sample = file;
    const picture = document.createElement('img');
    picture.src = `samples/${file}`;
    picture.alt = '';
    const label = document.createElement('span');
    label.textContent = title;
    sample.append(picture, label);
    sample.addEventListener('click', () => openSample(file));
    item.append(sample);
    any('samples').append(item);
  }
}

/** Starts the engine, with threads if there can be any and without if they fail. */
async function startEngine() {
  const threads = threadCount();
  try {
    return await engine.start(threads);
  } catch (error) {
    if (threads === 1) throw error;
    return engine.start(1);
  }
}

/** After the worker has died. @param {string} message */
async function restart(message) {
  if (root.dataset.state !== 'ready') return; // start() says so
  if (engine.failures > MOST_FAILURES) {
    fail(new Error(`The engine stops again and again: ${message}`));
    return;
  }
  const {own, flip, detectorThreshold} = description;
  const models = own ? ', with the usual models' : '';
  try {
    root.dataset.state = 'loading';
    complain(new Error(`The engine stopped (${message}) and was started anew${models}.`));
    let now = await startEngine();
    // Another detector's threshold says nothing about this one's scores.
    now = await engine.configure(own || detectorThreshold === null ? {flip} : {flip, detectorThreshold});
    describe(now, !own);
    root.dataset.state = 'ready';
  } catch (error) {
    fail(error);
  }
}

/** @param {unknown} error */
function fail(error) {
  any('loading').hidden = true;
  complain(error instanceof Error ? error.message : error);
  setBusy(false);
  root.dataset.state = 'failed';
}

async function start() {
  root.dataset.state = 'loading';
  const missing = missingFeature();
  if (missing !== '') {
    fail(new Error(`This browser lacks ${missing}.`));
    return;
  }
  // At once: what is dropped on a page that does not care is opened in its place.
  listenToPage();
  if (await useServiceWorker()) return;
  try {
    describe(await startEngine(), false);
    setSlider('threshold', description.drawThreshold);
    listSamples();
    listenToControls();
    any('loading').hidden = true;
    any('views').hidden = false;
    showView('start');
    tell('Ready');
    root.dataset.state = 'ready';
  } catch (error) {
    fail(error);
    return;
  }
  const kept = await keepForOffline().catch(() => false);
  any('offline').hidden = !kept;
}

start();
