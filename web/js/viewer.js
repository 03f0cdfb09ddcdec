/** The photo with its skeletons: which keypoint is under the pointer, and the list of people for who has none. */
import {show} from './pictures.js';

/**
 * @typedef {import('./limn.js').Keypoint} Keypoint
 * @typedef {import('./limn.js').Person} Person
 * @typedef {import('./engine.js').Picture} Picture
 */

/** @param {string} name such as left_knee */
const words = (name) => name.replaceAll('_', ' ');

/** @param {number} score */
const text = (score) => score.toFixed(2);

export class Viewer {
  /** @param {{canvas: HTMLCanvasElement, ring: HTMLElement, tooltip: HTMLElement, list: HTMLElement}} elements */
  constructor({canvas, ring, tooltip, list}) {
    this.canvas = canvas;
    this.ring = ring;
    this.tooltip = tooltip;
    this.list = list;
    /** @type {Person[]} */
    this.people = [];
    this.threshold = 0;
    canvas.addEventListener('pointermove', (event) => this.point(event));
    canvas.addEventListener('pointerdown', (event) => this.point(event));
    canvas.addEventListener('pointerleave', (event) => {
      // A finger leaves when it is lifted; what it pointed at stays until it points elsewhere.
      if (event.pointerType === 'mouse') this.mark(null);
    });
  }

  /** @param {Picture} picture */
  showPicture(picture) {
    show(this.canvas, picture);
  }

  /** @param {Person[]} people */
  showPeople(people) {
    this.people = people;
    this.mark(null);
    this.list.replaceChildren();
    if (people.length === 0) this.list.textContent = 'Nobody was found.';
    people.forEach((person, i) => this.list.append(this.listPerson(person, i, people.length === 1)));
    const count = people.length === 1 ? '1 person' : `${people.length} people`;
    this.canvas.setAttribute('aria-label', `The photo with the skeletons of ${count}`);
  }

  /** @param {number} threshold keypoints with a lower score are not drawn */
  setThreshold(threshold) {
    this.threshold = threshold;
    for (const item of this.list.querySelectorAll('li')) {
      item.classList.toggle('weak', Number(item.dataset.score) < threshold);
    }
  }

  /**
   * @param {Person} person
   * @param {number} number
   * @param {boolean} open
   */
  listPerson(person, number, open) {
    const details = document.createElement('details');
    details.open = open;
    const summary = document.createElement('summary');
    summary.textContent = `Person ${number + 1}, score ${text(person.score)}`;
    const list = document.createElement('ul');
    for (const keypoint of person.keypoints) list.append(this.listKeypoint(keypoint));
    details.append(summary, list);
    return details;
  }

  /** @param {Keypoint} keypoint */
  listKeypoint(keypoint) {
    const item = document.createElement('li');
    item.dataset.score = String(keypoint.score);
    item.classList.toggle('weak', keypoint.score < this.threshold);
    const button = document.createElement('button');
    button.type = 'button';
    const name = document.createElement('span');
    name.textContent = words(keypoint.name);
    const score = document.createElement('span');
    score.textContent = text(keypoint.score);
    button.append(name, ' ', score);
    button.addEventListener('focus', () => this.mark(keypoint));
    button.addEventListener('pointerenter', () => this.mark(keypoint));
    button.addEventListener('pointerleave', () => this.mark(null));
    button.addEventListener('blur', () => this.mark(null));
    item.append(button);
    return item;
  }

  /** @param {PointerEvent} event */
  point(event) {
    const {left, top, width} = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / width;
    const [x, y] = [(event.clientX - left) * scale, (event.clientY - top) * scale];
    // What a finger covers, in the photo's pixels.
    let nearest = 16 * scale;
    /** @type {Keypoint | null} */
    let found = null;
    for (const {keypoints} of this.people) {
      for (const keypoint of keypoints) {
        const distance = Math.hypot(keypoint.x - x, keypoint.y - y);
        if (keypoint.score >= this.threshold && keypoint.score > 0 && distance < nearest) {
          nearest = distance;
          found = keypoint;
        }
      }
    }
    this.mark(found);
  }

  /** @param {Keypoint | null} keypoint */
  mark(keypoint) {
    this.ring.hidden = keypoint === null || keypoint.score <= 0;
    this.tooltip.hidden = this.ring.hidden;
    if (keypoint === null) return;
    // In shares of the photo, which stay right when it is shown in another size.
    const x = (100 * (keypoint.x + 0.5)) / this.canvas.width;
    const y = (100 * (keypoint.y + 0.5)) / this.canvas.height;
    this.ring.style.left = `${x}%`;
    this.ring.style.top = `${y}%`;
    this.tooltip.textContent = `${words(keypoint.name)} ${text(keypoint.score)}`;
    // To the side where there is room.
    const toTheLeft = x > 50;
    this.tooltip.style.left = toTheLeft ? '' : `calc(${x}% + 14px)`;
    this.tooltip.style.right = toTheLeft ? `calc(${100 - x}% + 14px)` : '';
    this.tooltip.style.top = y > 80 ? '' : `calc(${y}% + 14px)`;
    this.tooltip.style.bottom = y > 80 ? `calc(${100 - y}% + 14px)` : '';
  }
}
