/**
 * Times limn and onnxruntime-web on the same network, in Chromium and in Node: imported by both. Each case is prepared
 * once and gives a function that looks at one picture; limn's time includes cutting the picture out and reading the
 * heatmaps, onnxruntime-web's is the network's alone.
 */

export const HEIGHT = 256;
export const WIDTH = 256;

/** Floats of a picture as the networks were fed with, from -1 to 1; always the same. */
function* noise() {
  for (let state = 1; ; ) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield ((state >>> 0) / 2 ** 32) * 2 - 1;
  }
}

/**
 * @param {any} limn a Limn
 * @param {Uint8Array} model
 * @returns {Promise<() => Promise<void>>}
 */
export async function limnCase(limn, model) {
  const estimator = limn.open({model});
  const data = new Uint8ClampedArray(WIDTH * HEIGHT * 4);
  const values = noise();
  for (let i = 0; i < data.length; ++i) data[i] = 128 + 127 * values.next().value;
  estimator.setPhoto({width: WIDTH, height: HEIGHT, data});
  return async () => {
    estimator.estimate();
  };
}

/**
 * @param {any} ort onnxruntime-web
 * @param {Uint8Array} model
 * @returns {Promise<() => Promise<void>>}
 */
export async function ortCase(ort, model) {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
  });
  const values = noise();
  const input = Float32Array.from({length: 3 * HEIGHT * WIDTH}, () => values.next().value);
  const feeds = {[session.inputNames[0]]: new ort.Tensor('float32', input, [1, 3, HEIGHT, WIDTH])};
  return async () => {
    await session.run(feeds);
  };
}

/**
 * Runs the cases in turns.
 * @param {Record<string, () => Promise<void>>} cases
 * @param {number} rounds
 * @param {number} runs of each in a round
 * @returns {Promise<Record<string, number>>} the median of each in milliseconds
 */
export async function takeTurns(cases, rounds, runs) {
  /** @type {Record<string, number[]>} */
  const times = {};
  for (const [name, run] of Object.entries(cases)) {
    times[name] = [];
    for (let i = 0; i < 3; ++i) await run(); // until the browser has compiled it for good
  }
  for (let round = 0; round < rounds; ++round) {
    for (const [name, run] of Object.entries(cases)) {
      for (let i = 0; i < runs; ++i) {
        const start = performance.now();
        await run();
        times[name].push(performance.now() - start);
      }
    }
  }
  return Object.fromEntries(
    Object.entries(times).map(([name, list]) => [name, list.sort((a, b) => a - b)[Math.floor(list.length / 2)]]),
  );
}
