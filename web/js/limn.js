/**
 * limn's C interface (include/limn/c.h) for JavaScript: a WebAssembly module, its memory and its errors. All calls are
 * synchronous and take as long as the network does, so this belongs into a worker, or into Node.
 */

/**
 * @typedef {{name: string, x: number, y: number, score: number}} Keypoint Photo pixels.
 * @typedef {{keypoints: Keypoint[], box: [number, number, number, number], score: number,
 *   id?: number}} Person
 *   Its box is x, y, width, height; the id is there in films.
 * @typedef {{width: number, height: number, data: Uint8Array | Uint8ClampedArray}} Photo RGBA pixels.
 * @typedef {{width: number, height: number, data: Uint8ClampedArray}} Picture RGBA pixels.
 *
 * @typedef {object} Options
 * @property {Uint8Array} model a model file's bytes
 * @property {string} [modelName] what it is called in messages
 * @property {Uint8Array | null} [detector] a person detector's; without one the photo is taken for one person
 * @property {string} [detectorName]
 * @property {boolean} [flip] the flip test
 * @property {number | null} [detectorThreshold] null: the file's
 *
 * @typedef {object} Description
 * @property {string} name the model's
 * @property {string[]} keypoints
 * @property {boolean} several whether it finds several people by itself; it then has no flip test
 * @property {string | null} detector the person detector's name
 * @property {number | null} detectorThreshold the least score of what it finds
 * @property {string} target the instruction set
 * @property {number} threads
 * @property {number} drawThreshold from which score on keypoints are worth drawing
 *
 * @typedef {any} Module what emscripten's factory makes
 * @typedef {(options?: object) => Promise<Module>} ModuleFactory
 */

// Sizes and places of the interface's structs in WebAssembly; bindings.cpp checks them.
const ERROR_BYTES = 1024;
const IMAGE_BYTES = 20;
const PERSON_BYTES = 24;
const KEYPOINT_BYTES = 12;
const BOX_BYTES = 16;
const DETECTOR_OPTIONS = {bytes: 40, threshold: 16, pool: 36};
const OPTIONS = {bytes: 64, flip: 20, pool: 52, detector: 56};
const DRAW_OPTIONS = {bytes: 40, threshold: 4, box: 8};
const RGBA = 2;
const KINDS = /** @type {const} */ (['one person', 'several people', 'person detector']);

/** The WebAssembly module's memory, in which everything lies that is handed over. */
class Memory {
  /** @param {Module} module */
  constructor(module) {
    this.module = module;
  }

  /** Of all memory as it is now: it moves when it grows. (What threads share grows behind the module's own view.) */
  view() {
    return new DataView((this.module.wasmMemory ?? this.module.HEAPU8).buffer);
  }

  /**
   * @param {number} bytes
   * @returns {number} the address of memory that is 0
   */
  allocate(bytes) {
    const address = this.reserve(bytes);
    this.bytes(address, bytes).fill(0);
    return address;
  }

  /**
   * @param {number} bytes
   * @returns {number} the address of memory in which anything is
   */
  reserve(bytes) {
    const address = this.module._malloc(Math.max(bytes, 1));
    if (address === 0) throw new Error(`not enough memory for ${(bytes / 1e6).toFixed(1)} MB`);
    return address;
  }

  /** @param {number} address */
  free(address) {
    this.module._free(address);
  }

  /**
   * Those bytes where they lie. Valid until memory grows.
   * @param {number} address
   * @param {number} length
   */
  bytes(address, length) {
    return new Uint8Array(this.view().buffer, address, length);
  }

  /**
   * @param {Uint8Array | Uint8ClampedArray} bytes
   * @returns {number} where a copy of them is
   */
  copy(bytes) {
    const address = this.reserve(bytes.length);
    this.bytes(address, bytes.length).set(bytes);
    return address;
  }

  /**
   * @param {string} text
   * @returns {number} where it is as UTF-8 that ends with 0
   */
  copyText(text) {
    return this.copy(new TextEncoder().encode(`${text.replaceAll('\0', ' ')}\0`));
  }

  /**
   * @param {number} address of UTF-8 that ends with 0
   * @returns {string}
   */
  text(address) {
    const all = this.bytes(0, this.view().byteLength);
    // A copy, since a TextDecoder does not read memory that threads share.
    return new TextDecoder().decode(all.slice(address, all.indexOf(0, address)));
  }

  /**
   * Calls `use` with memory that is freed afterwards.
   * @template T
   * @param {(allocate: (bytes: number) => number, keep: (address: number) => number) => T} use gets a function that
   *   allocates, and one that has an address freed which was got otherwise
   * @returns {T}
   */
  scoped(use) {
    /** @type {number[]} */
    const addresses = [];
    const keep = (/** @type {number} */ address) => {
      addresses.push(address);
      return address;
    };
    try {
      return use((bytes) => keep(this.allocate(bytes)), keep);
    } finally {
      for (const address of addresses) this.free(address);
    }
  }
}

/** One WebAssembly instance of limn, and the threads that it has. */
export class Limn {
  /**
   * @param {ModuleFactory} createModule the default export of engine/limn.js or engine/limn_threads.js
   * @param {{threads?: number} & Record<string, any>} [options] for emscripten's module; `threads` for the build that
   *   has any
   * @returns {Promise<Limn>}
   */
  static async load(createModule, options = {}) {
    /** @type {string[]} */
    const printed = [];
    const print = (/** @type {string} */ line) => printed.push(line);
    const module = await createModule({threads: 1, ...options, print});
    return new Limn(module, options.threads ?? 1, printed);
  }

  /**
   * @param {Module} module
   * @param {number} threads
   * @param {string[]} printed what the module prints, line by line
   */
  constructor(module, threads, printed) {
    this.module = module;
    this.memory = new Memory(module);
    this.printed = printed;
    this.threads = threads;
    this.version = this.memory.text(module._limn_version());
    // One pool for good: a thread that ends is not there again before the worker has come to rest.
    this.pool = this.create('_limn_pool_create', threads);
  }

  /**
   * Calls a function of the interface, which fails with an Error that says what it says.
   * @param {string} name
   * @param {...number} parameters all but the last, the error's address
   */
  call(name, ...parameters) {
    this.memory.scoped((allocate) => {
      const error = allocate(ERROR_BYTES);
      if (this.module[name](...parameters, error) !== 0) throw new Error(this.memory.text(error));
    });
  }

  /**
   * Calls a function that makes something, whose address it puts where its last parameter but one says.
   * @param {string} name
   * @param {...number} parameters all but the last two
   * @returns {number} the address
   */
  create(name, ...parameters) {
    return this.memory.scoped((allocate) => {
      const place = allocate(4);
      this.call(name, ...parameters, place);
      return this.memory.view().getUint32(place, true);
    });
  }

  /**
   * Calls a function that makes a text, likewise.
   * @param {string} name
   * @param {...number} parameters all but the last two
   */
  callForText(name, ...parameters) {
    const address = this.create(name, ...parameters);
    return this.memory.scoped((_, keep) => this.memory.text(keep(address)));
  }

  /**
   * A model that is ready to run. Throws Error if a file is not a valid one or the options do not fit it.
   * @param {Options} options
   * @returns {Estimator}
   */
  open({model, modelName = 'model', detector = null, detectorName = 'detector', flip = false, ...rest}) {
    const {detectorThreshold = null} = rest;
    const {memory} = this;
    return memory.scoped((allocate, keep) => {
      const options = allocate(OPTIONS.bytes);
      const detectorAddress = detector === null ? 0 : this.openDetector(detector, detectorName, detectorThreshold);
      try {
        const bytes = keep(memory.copy(model));
        const name = keep(memory.copyText(modelName));
        const view = memory.view();
        view.setUint32(options, OPTIONS.bytes, true);
        view.setInt32(options + OPTIONS.flip, flip ? 1 : 0, true);
        view.setUint32(options + OPTIONS.pool, this.pool, true);
        view.setUint32(options + OPTIONS.detector, detectorAddress, true);
        const estimator = this.create('_limn_estimator_from_bytes', bytes, model.length, name, options);
        try {
          return new Estimator(this, estimator, this.describeDetector(detectorAddress));
        } catch (error) {
          this.module._limn_estimator_free(estimator);
          throw error;
        }
      } finally {
        this.module._limn_detector_free(detectorAddress);
      }
    });
  }

  /**
   * @param {number} detector its address; 0 if there is none
   * @returns {{detector: string | null, detectorThreshold: number | null}}
   */
  describeDetector(detector) {
    if (detector === 0) return {detector: null, detectorThreshold: null};
    return {
      detector: this.memory.text(this.module._limn_detector_name(detector)),
      detectorThreshold: this.module._limn_detector_threshold(detector),
    };
  }

  /**
   * @param {Uint8Array} file
   * @param {string} fileName
   * @param {number | null} threshold
   * @returns {number} the detector's address
   */
  openDetector(file, fileName, threshold) {
    const {memory} = this;
    return memory.scoped((allocate, keep) => {
      const options = allocate(DETECTOR_OPTIONS.bytes);
      const bytes = keep(memory.copy(file));
      const name = keep(memory.copyText(fileName));
      const view = memory.view();
      view.setUint32(options, DETECTOR_OPTIONS.bytes, true);
      view.setFloat32(options + DETECTOR_OPTIONS.threshold, threshold ?? 0, true);
      view.setUint32(options + DETECTOR_OPTIONS.pool, this.pool, true);
      return this.create('_limn_detector_from_bytes', bytes, file.length, name, options);
    });
  }

  /**
   * What `limn info` prints of a model file. Throws Error if it is not one.
   * @param {Uint8Array} file
   * @param {string} name
   * @returns {string}
   */
  info(file, name) {
    return this.memory.scoped((_, keep) => {
      const bytes = keep(this.memory.copy(file));
      this.printed.length = 0;
      this.call('_limn_web_info', bytes, file.length, keep(this.memory.copyText(name)));
      return this.printed.join('\n');
    });
  }

  /**
   * What a model file is for. Throws Error if it is not one.
   * @param {Uint8Array} file
   * @param {string} name
   * @returns {'one person' | 'several people' | 'person detector'}
   */
  kind(file, name) {
    return this.memory.scoped((allocate, keep) => {
      const kind = allocate(4);
      const bytes = keep(this.memory.copy(file));
      this.call('_limn_kind_of_bytes', bytes, file.length, keep(this.memory.copyText(name)), kind);
      return KINDS[this.memory.view().getInt32(kind, true)];
    });
  }
}

/** A model with or without a detector, and one photo that it looks at. */
export class Estimator {
  /**
   * @param {Limn} limn
   * @param {number} address of the limn_estimator, which is this object's from now on
   * @param {{detector: string | null, detectorThreshold: number | null}} detector
   */
  constructor(limn, address, detector) {
    this.limn = limn;
    this.address = address;
    this.photo = {address: 0, width: 0, height: 0};
    this.workspace = limn.create('_limn_workspace_create', address);
    /** The limn_video of the film that is being followed; 0 for none. */
    this.video = 0;
    this.description = {...this.describe(), ...detector};
  }

  /** @returns {Omit<Description, 'detector' | 'detectorThreshold'>} */
  describe() {
    const {module, memory} = this.limn;
    const keypoints = [];
    for (let i = 0; i < module._limn_keypoint_count(this.address); ++i) {
      keypoints.push(memory.text(module._limn_keypoint_name(this.address, i)));
    }
    return {
      name: memory.text(module._limn_model_name(this.address)),
      keypoints,
      several: module._limn_finds_several(this.address) !== 0,
      target: memory.text(module._limn_target(this.address)),
      threads: this.limn.threads,
      drawThreshold: module._limn_draw_threshold(this.address),
    };
  }

  /**
   * The photo that the other calls are about; it is copied.
   * @param {Photo} photo
   */
  setPhoto({width, height, data}) {
    if (data.length !== width * height * 4) {
      throw new Error(`photo of ${width}x${height} pixels: expected ${width * height * 4} bytes, found ${data.length}`);
    }
    const {memory} = this.limn;
    // The next frame of a film goes where the last one was.
    if (this.photo.width !== width || this.photo.height !== height) {
      memory.free(this.photo.address);
      this.photo = {address: 0, width: 0, height: 0};
      this.photo = {address: memory.reserve(data.length), width, height};
    }
    memory.bytes(this.photo.address, data.length).set(data);
  }

  /**
   * The same of a JPEG, PNG or BMP file, which is read as the limn program reads it. Throws Error if it is none.
   * @param {Uint8Array} file
   * @param {string} name
   */
  readPhoto(file, name) {
    const {limn} = this;
    const {memory} = limn;
    memory.scoped((allocate, keep) => {
      const sides = allocate(8);
      const bytes = keep(memory.copy(file));
      const address = limn.create('_limn_web_picture', bytes, file.length, keep(memory.copyText(name)), sides);
      memory.free(this.photo.address);
      const view = memory.view();
      this.photo = {address, width: view.getInt32(sides, true), height: view.getInt32(sides + 4, true)};
    });
  }

  /**
   * Takes over the photo of another estimator of the same instance, which then has none.
   * @param {Estimator} other
   */
  takePhoto(other) {
    this.limn.memory.free(this.photo.address);
    this.photo = other.photo;
    other.photo = {address: 0, width: 0, height: 0};
  }

  /**
   * Calls `use` with the address of a limn_image or limn_canvas.
   * @template T
   * @param {number} pixels
   * @param {(image: number) => T} use
   * @returns {T}
   */
  withImage(pixels, use) {
    const {memory} = this.limn;
    const {width, height} = this.photo;
    if (pixels === 0) throw new Error('there is no photo yet');
    return memory.scoped((allocate) => {
      const image = allocate(IMAGE_BYTES);
      const view = memory.view();
      [pixels, width, height, width * 4, RGBA].forEach((value, i) => view.setInt32(image + i * 4, value, true));
      return use(image);
    });
  }

  /**
   * Everybody in the photo.
   * @returns {Person[]}
   */
  estimate() {
    this.withImage(this.photo.address, (image) => {
      this.limn.call('_limn_estimate_all', this.address, this.workspace, image);
    });
    return this.people();
  }

  /**
   * Everybody in the photo as the next frame of a film, with ids that stay theirs.
   * @param {{seconds: number, start: boolean}} film the frame's time, and whether it is the first of another film
   * @returns {Person[]}
   */
  follow({seconds, start}) {
    const {limn} = this;
    if (this.video === 0) this.video = limn.create('_limn_video_create', this.address, 0);
    if (start) limn.module._limn_video_reset(this.video);
    this.withImage(this.photo.address, (image) => {
      limn.call('_limn_video_next', this.video, this.workspace, image, seconds);
    });
    return limn.memory.scoped((allocate) => {
      const ids = limn.module._limn_ids(this.workspace, allocate(4));
      const view = limn.memory.view();
      return this.people().map((person, i) => ({...person, id: Number(view.getBigInt64(ids + 8 * i, true))}));
    });
  }

  /** @returns {Person[]} */
  people() {
    const {memory} = this.limn;
    return this.people_(this.workspace).map((person) => {
      const view = memory.view();
      const at = (/** @type {number} */ i) => view.getFloat32(person + 4 + i * 4, true);
      const first = view.getUint32(person, true);
      const keypoints = this.description.keypoints.map((name, i) => {
        const [x, y, score] = [0, 4, 8].map((place) => view.getFloat32(first + i * KEYPOINT_BYTES + place, true));
        return {name, x, y, score};
      });
      return {keypoints, box: [at(0), at(1), at(2), at(3)], score: at(4)};
    });
  }

  /**
   * @param {number} workspace
   * @returns {number[]} where the people are
   */
  people_(workspace) {
    const {module, memory} = this.limn;
    return memory.scoped((allocate) => {
      const count = allocate(4);
      const first = module._limn_people(workspace, count);
      return Array.from({length: memory.view().getUint32(count, true)}, (_, i) => first + i * PERSON_BYTES);
    });
  }

  /**
   * The people as the limn program writes a photo of that name.
   * @param {string} fileName
   * @returns {string}
   */
  json(fileName) {
    const {limn, photo} = this;
    return limn.memory.scoped((_, keep) => {
      const name = keep(limn.memory.copyText(fileName));
      return limn.callForText('_limn_web_people', this.address, this.workspace, name, photo.width, photo.height);
    });
  }

  /**
   * The people as COCO's keypoint results.
   * @param {number} imageId
   * @returns {object[]}
   */
  coco(imageId) {
    return JSON.parse(this.limn.callForText('_limn_web_coco', this.address, this.workspace, imageId));
  }

  /**
   * The photo with the people's skeletons.
   * @param {{threshold?: number, box?: boolean}} [options] keypoints with a lower score are left out
   * @returns {Picture}
   */
  draw({threshold = this.description.drawThreshold, box = false} = {}) {
    const {limn, photo} = this;
    const {memory} = limn;
    const bytes = photo.width * photo.height * 4;
    return memory.scoped((allocate, keep) => {
      const options = allocate(DRAW_OPTIONS.bytes);
      const pixels = photo.address === 0 ? 0 : keep(memory.reserve(bytes));
      const view = memory.view();
      view.setUint32(options, DRAW_OPTIONS.bytes, true);
      // 0 would stand for the model's.
      view.setFloat32(options + DRAW_OPTIONS.threshold, threshold > 0 ? threshold : -1, true);
      view.setInt32(options + DRAW_OPTIONS.box, box ? 1 : 0, true);
      return this.withImage(pixels, (canvas) => {
        memory.bytes(pixels, bytes).set(memory.bytes(photo.address, bytes));
        limn.call('_limn_draw_people', this.address, this.workspace, canvas, options);
        return {width: photo.width, height: photo.height, data: new Uint8ClampedArray(memory.bytes(pixels, bytes))};
      });
    });
  }

  /**
   * A grid of one person's heatmaps over the photo, in the order of the keypoints.
   * @param {number} person its number in people()
   * @param {number} [cellSize] the longer side of one copy of the photo, in pixels
   * @returns {Picture}
   */
  heatmaps(person, cellSize = 256) {
    const {limn} = this;
    return this.withImage(this.photo.address, (image) => {
      if (this.description.several) return this.heatmapsOf(this.workspace, image, cellSize);
      const found = this.people_(this.workspace)[person];
      if (found === undefined) throw new Error(`there is no person ${person}`);
      // In a workspace of its own: the other one keeps everybody.
      const workspace = limn.create('_limn_workspace_create', this.address);
      try {
        return limn.memory.scoped((allocate) => {
          const box = allocate(BOX_BYTES);
          const {memory} = limn;
          memory.bytes(box, BOX_BYTES).set(memory.bytes(found + 4, BOX_BYTES));
          limn.call('_limn_estimate_boxes', this.address, workspace, image, box, 1);
          return this.heatmapsOf(workspace, image, cellSize);
        });
      } finally {
        limn.module._limn_workspace_free(workspace);
      }
    });
  }

  /**
   * @param {number} workspace
   * @param {number} image
   * @param {number} cellSize
   * @returns {Picture}
   */
  heatmapsOf(workspace, image, cellSize) {
    const {limn} = this;
    const {memory, module} = limn;
    const picture = limn.create('_limn_draw_heatmaps', workspace, image, cellSize);
    try {
      return memory.scoped((allocate) => {
        const pixels = allocate(IMAGE_BYTES);
        module._limn_picture_pixels(pixels, picture);
        const view = memory.view();
        const [address, width, height] = [0, 4, 8].map((place) => view.getInt32(pixels + place, true));
        const rgb = memory.bytes(address, width * height * 3);
        const data = new Uint8ClampedArray(width * height * 4).fill(255);
        for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
          data[to] = rgb[from];
          data[to + 1] = rgb[from + 1];
          data[to + 2] = rgb[from + 2];
        }
        return {width, height, data};
      });
    } finally {
      module._limn_picture_free(picture);
    }
  }

  /** Frees its memory; it is of no use afterwards. */
  close() {
    const {module, memory} = this.limn;
    memory.free(this.photo.address);
    module._limn_video_free(this.video);
    module._limn_workspace_free(this.workspace);
    module._limn_estimator_free(this.address);
    this.photo = {address: 0, width: 0, height: 0};
    this.video = 0;
    this.workspace = 0;
    this.address = 0;
  }
}
