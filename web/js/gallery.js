/** Many photos, one after the other. Of each only a small picture and its results are kept. */
import {thumbnail} from './pictures.js';

/**
 * @typedef {import('./files.js').NamedFile} NamedFile
 * @typedef {import('./engine.js').Engine} Engine
 * @typedef {import('./engine.js').DrawSettings} DrawSettings
 */

const THUMBNAIL = 320;

export class Gallery {
  /**
   * @param {Engine} engine
   * @param {{list: HTMLElement, progress: HTMLProgressElement, text: HTMLElement, cancel: HTMLButtonElement}} elements
   * @param {(file: NamedFile, imageId: number) => void} onOpen
   */
  constructor(engine, {list, progress, text, cancel}, onOpen) {
    this.engine = engine;
    this.list = list;
    this.progress = progress;
    this.text = text;
    this.cancelButton = cancel;
    this.onOpen = onOpen;
    this.cancelled = false;
    this.running = false;
    /** @type {object[]} as `limn estimate --json` has them */
    this.photos = [];
    /** @type {object[]} */
    this.coco = [];
    /** @type {HTMLElement | null} */
    this.opened = null;
  }

  /** Ends after the photo that is being looked at. */
  cancel() {
    this.cancelled = true;
  }

  /**
   * @param {NamedFile[]} files
   * @param {() => DrawSettings} drawSettings
   * @returns {Promise<{done: number, failed: number}>}
   */
  async run(files, drawSettings) {
    this.cancelled = false;
    this.running = true;
    this.cancelButton.disabled = false;
    this.photos = [];
    this.coco = [];
    this.opened = null;
    for (const picture of this.list.querySelectorAll('img')) URL.revokeObjectURL(picture.src);
    this.list.replaceChildren();
    this.progress.max = files.length;
    let failed = 0;
    let done = 0;
    for (const [i, file] of files.entries()) {
      if (this.cancelled) break;
      this.tell(done, files.length, failed);
      try {
        await this.estimate(file, i + 1, drawSettings());
      } catch (error) {
        failed += 1;
        const message = error instanceof Error ? error.message : String(error);
        this.photos.push({file: file.path, error: message});
        this.addBad(file, message);
      }
      done += 1;
    }
    this.running = false;
    this.cancelButton.disabled = true;
    this.tell(done, files.length, failed);
    return {done, failed};
  }

  /**
   * @param {NamedFile} file
   * @param {number} imageId
   * @param {DrawSettings} draw
   */
  async estimate(file, imageId, draw) {
    const parameters = {name: file.path, imageId, draw};
    const {json, coco, picture} = await this.engine.turn(() => this.engine.estimateFile(file.file, parameters));
    const result = JSON.parse(json);
    this.photos.push(result);
    this.coco.push(...coco);
    await this.add(file, imageId, picture, result.poses.length);
  }

  /**
   * @param {number} done
   * @param {number} all
   * @param {number} failed
   */
  tell(done, all, failed) {
    this.progress.value = done;
    const bad = failed === 0 ? '' : `, ${failed} could not be read`;
    const how = this.running ? '' : done < all ? ': cancelled' : ': done';
    this.text.textContent = `${done} of ${all} photos${bad}${how}`;
  }

  /**
   * @param {NamedFile} file
   * @param {number} imageId
   * @param {import('./engine.js').Picture} picture
   * @param {number} people
   */
  async add(file, imageId, picture, people) {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    const small = document.createElement('img');
    small.alt = '';
    small.src = URL.createObjectURL(await thumbnail(picture, THUMBNAIL));
    const label = document.createElement('span');
    label.textContent = `${file.path} (${people})`;
    button.setAttribute('aria-label', `${file.path}, ${people === 1 ? '1 person' : `${people} people`}: open`);
    button.append(small, label);
    button.addEventListener('click', () => {
      this.opened = button;
      this.onOpen(file, imageId);
    });
    item.append(button);
    this.list.append(item);
  }

  /**
   * @param {NamedFile} file
   * @param {string} message
   */
  addBad(file, message) {
    const item = document.createElement('li');
    item.className = 'bad';
    const label = document.createElement('span');
    label.textContent = message.startsWith(file.path) ? message : `${file.path}: ${message}`;
    item.append(label);
    this.list.append(item);
  }
}
