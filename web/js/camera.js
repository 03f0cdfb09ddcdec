/** The camera, live: each frame is looked at when the one before is done, and those in between are passed over. */
import {pixelsOf, show} from './pictures.js';

/**
 * @typedef {import('./engine.js').Engine} Engine
 * @typedef {import('./engine.js').DrawSettings} DrawSettings
 * @typedef {import('./limn.js').Person} Person
 */

export class Camera {
  /**
   * @param {Engine} engine
   * @param {{canvas: HTMLCanvasElement, stats: HTMLElement}} elements
   */
  constructor(engine, {canvas, stats}) {
    this.engine = engine;
    this.canvas = canvas;
    this.stats = stats;
    /** Stands for the run that is going on. @type {object | null} */
    this.current = null;
  }

  get running() {
    return this.current !== null;
  }

  /**
   * Runs until stop() is called or the camera goes away. Throws Error if there is none, or it may not be used.
   * @param {() => DrawSettings} drawSettings
   */
  async run(drawSettings) {
    if (!navigator.mediaDevices) throw new Error('camera: this browser gives it only to pages that came by https');
    const mine = {};
    this.current = mine;
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 640}, height: {ideal: 480}}});
    } catch (error) {
      if (this.current === mine) this.current = null;
      throw new Error(`camera: ${error instanceof Error ? error.message : String(error)}`);
    }
    const video = document.createElement('video');
    video.srcObject = stream;
    video.muted = true;
    video.playsInline = true;
    const wanted = () => this.current === mine;
    stream.getVideoTracks()[0].addEventListener('ended', () => {
      if (wanted()) this.stop();
    });
    try {
      // The user may have gone elsewhere while the browser asked whether the camera may be used.
      if (wanted()) await video.play();
      await this.watch(video, drawSettings, wanted);
    } finally {
      if (wanted()) this.current = null;
      for (const track of stream.getTracks()) track.stop();
      video.srcObject = null;
    }
  }

  stop() {
    this.current = null;
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {() => DrawSettings} drawSettings
   * @param {() => boolean} wanted
   */
  async watch(video, drawSettings, wanted) {
    let last = 0;
    let rate = 0;
    for (let frame = 1; wanted(); ++frame) {
      await newFrame(video);
      if (video.videoWidth === 0) continue;
      const photo = pixelsOf(video, video.videoWidth, video.videoHeight);
      const film = {seconds: performance.now() / 1000, start: last === 0};
      const parameters = {photo, name: 'camera', imageId: frame, draw: drawSettings(), film};
      const result = await this.engine.turn(() => this.engine.estimate(parameters));
      if (!wanted()) break;
      show(this.canvas, result.picture);
      number(this.canvas, result.people);
      const now = performance.now();
      // A mean that forgets: the last five frames or so.
      if (last > 0) rate = rate === 0 ? 1000 / (now - last) : 0.8 * rate + 0.2 * (1000 / (now - last));
      last = now;
      const count = result.people.length === 1 ? '1 person' : `${result.people.length} people`;
      const milliseconds = Math.round(result.milliseconds);
      this.stats.textContent = `${count}, ${rate.toFixed(1)} frames a second, ${milliseconds} ms each`;
      this.canvas.dataset.ids = result.people.map((/** @type {Person} */ person) => person.id).join(' ');
      this.canvas.dataset.frames = String(frame);
    }
  }
}

/**
 * Writes everybody's number over them, which stays theirs.
 * @param {HTMLCanvasElement} canvas
 * @param {Person[]} people
 */
function number(canvas, people) {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const size = Math.max(14, canvas.height / 20);
  context.font = `bold ${size}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.lineWidth = size / 5;
  for (const {id, box} of people) {
    const place = /** @type {const} */ ([String(id), box[0] + box[2] / 2, Math.max(box[1] - 4, size)]);
    context.strokeStyle = '#14161c';
    context.strokeText(...place);
    context.fillStyle = '#f5f5f5';
    context.fillText(...place);
  }
}

/**
 * Waits for a frame that was not there before; not for long, since a hidden page is shown none.
 * @param {HTMLVideoElement} video
 * @returns {Promise<void>}
 */
function newFrame(video) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 200);
    const there = () => {
      clearTimeout(timer);
      resolve();
    };
    if ('requestVideoFrameCallback' in video) {
      video.requestVideoFrameCallback(there);
    } else {
      requestAnimationFrame(there);
    }
  });
}
