/** The camera, live: each frame is looked at when the one before is done, and those in between are passed over. */
import {pixelsOf, show} from './pictures.js';

/**
 * @typedef {import('./engine.js').Engine} Engine
 * @typedef {import('./engine.js').DrawSettings} DrawSettings
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
    this.running = false;
  }

  /**
   * Runs until stop() is called or the camera goes away. Throws Error if there is none, or it may not be used.
   * @param {() => DrawSettings} drawSettings
   */
  async run(drawSettings) {
    if (!navigator.mediaDevices) throw new Error('camera: this browser gives it only to pages that came by https');
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 640}, height: {ideal: 480}}});
    } catch (error) {
      throw new Error(`camera: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.running = true;
    stream.getVideoTracks()[0].addEventListener('ended', () => this.stop());
    const video = document.createElement('video');
    video.srcObject = stream;
    video.muted = true;
    video.playsInline = true;
    try {
      await video.play();
      await this.watch(video, drawSettings);
    } finally {
      this.running = false;
      for (const track of stream.getTracks()) track.stop();
      video.srcObject = null;
    }
  }

  stop() {
    this.running = false;
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {() => DrawSettings} drawSettings
   */
  async watch(video, drawSettings) {
    let last = performance.now();
    let rate = 0;
    for (let frame = 1; this.running; ++frame) {
      await newFrame(video);
      if (video.videoWidth === 0) continue;
      const photo = pixelsOf(video, video.videoWidth, video.videoHeight);
      const result = await this.engine.estimate({photo, name: 'camera', imageId: frame, draw: drawSettings()});
      if (!this.running) break;
      show(this.canvas, result.picture);
      const now = performance.now();
      // A mean that forgets: the last five frames or so.
      rate = rate === 0 ? 1000 / (now - last) : 0.8 * rate + 0.2 * (1000 / (now - last));
      last = now;
      const count = result.people.length === 1 ? '1 person' : `${result.people.length} people`;
      this.stats.textContent = `${count}, ${rate.toFixed(1)} frames a second, ${Math.round(result.milliseconds)} ms each`;
      this.canvas.dataset.frames = String(frame);
    }
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
