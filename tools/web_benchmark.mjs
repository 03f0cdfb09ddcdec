/**
 * Times the page's engine beside onnxruntime-web, in Chromium and in Node, on the same network with the same weights:
 * one thread each, floats and 8 bit, taking turns. Also what a visitor waits for, and the code's bytes.
 *
 *     tools/benchmark.py --int8 --prepare --networks resnet18_256x256     makes the network's files
 *     tools/web.sh test                                                   builds the page and what drives Chromium
 *     node tools/web_benchmark.mjs [ROUNDS [RUNS]]
 *
 * onnxruntime-web is installed beside the networks, in build/benchmark/web. Prints tables in Markdown.
 */
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import zlib from 'node:zlib';

import * as b from '../tests/browser/browser.mjs';
import {limnCase, ortCase, takeTurns} from './limn_benchmark/web_cases.mjs';

const [rounds, runs] = [Number(process.argv[2] ?? 5), Number(process.argv[3] ?? 10)];
const NETWORK = path.join(b.ROOT, 'build/benchmark/resnet18_256x256');
const FOLDER = path.join(b.ROOT, 'build/benchmark/web');
const MODELS = {
  'limn': `${NETWORK}.safetensors`,
  'limn int8': `${NETWORK}.int8.safetensors`,
  'onnxruntime-web': `${NETWORK}.onnx`,
  'onnxruntime-web int8': `${NETWORK}.int8.onnx`,
};

function installOnnxRuntime() {
  fs.mkdirSync(FOLDER, {recursive: true});
  if (!fs.existsSync(path.join(FOLDER, 'package.json'))) fs.writeFileSync(path.join(FOLDER, 'package.json'), '{}');
  if (!fs.existsSync(path.join(FOLDER, 'node_modules/onnxruntime-web'))) {
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', 'onnxruntime-web'], {cwd: FOLDER});
  }
  return path.join(FOLDER, 'node_modules/onnxruntime-web');
}

/** All that is timed. `read` gives the bytes of one of MODELS. */
async function casesOf({Limn, createLimn, ort, limnOptions}, read) {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const limn = await Limn.load(createLimn, limnOptions);
  const cases = {};
  for (const name of Object.keys(MODELS)) {
    const model = await read(name);
    cases[name] = name.startsWith('limn') ? await limnCase(limn, model) : await ortCase(ort, model);
  }
  return cases;
}

async function timeInNode(onnxruntime) {
  // emscripten's modules of this age expect what CommonJS has.
  globalThis.require = createRequire(import.meta.url);
  globalThis.__dirname = path.join(b.SITE, 'engine');
  const load = (...parts) => import(pathToFileURL(path.join(...parts)).href);
  // As modules, which the files of the page are by their tags only.
  const copy = path.join(FOLDER, 'node');
  fs.mkdirSync(copy, {recursive: true});
  fs.writeFileSync(path.join(copy, 'package.json'), '{"type": "module"}');
  fs.copyFileSync(path.join(b.SITE, 'js/limn.js'), path.join(copy, 'js.js'));
  fs.copyFileSync(path.join(b.SITE, 'engine/limn.js'), path.join(copy, 'engine.js'));
  const {Limn} = await load(copy, 'js.js');
  const {default: createLimn} = await load(copy, 'engine.js');
  const ort = await load(onnxruntime, 'dist/ort.node.min.mjs');
  const limnOptions = {wasmBinary: fs.readFileSync(path.join(b.SITE, 'engine/limn.wasm'))};
  const cases = await casesOf({Limn, createLimn, ort, limnOptions}, (name) => fs.readFileSync(MODELS[name]));
  return takeTurns(cases, rounds, runs);
}

async function timeInChromium(onnxruntime) {
  // The page with both beside it, served like the page itself.
  const site = path.join(FOLDER, 'site');
  fs.rmSync(site, {recursive: true, force: true});
  fs.cpSync(b.SITE, site, {recursive: true});
  fs.cpSync(path.join(onnxruntime, 'dist'), path.join(site, 'ort'), {recursive: true});
  fs.copyFileSync(path.join(b.ROOT, 'tools/limn_benchmark/web_cases.mjs'), path.join(site, 'web_cases.mjs'));
  for (const [i, file] of Object.values(MODELS).entries()) fs.copyFileSync(file, path.join(site, `model${i}`));
  fs.writeFileSync(path.join(site, 'worker.js'), `
    import {Limn} from './js/limn.js';
    import createLimn from './engine/limn.js';
    import * as ort from './ort/ort.wasm.min.mjs';
    import {limnCase, ortCase, takeTurns} from './web_cases.mjs';
    const MODELS = ${JSON.stringify(MODELS)};
    ort.env.wasm.wasmPaths = new URL('ort/', location.href).href;
    const read = async (name) =>
      new Uint8Array(await (await fetch('model' + Object.keys(MODELS).indexOf(name))).arrayBuffer());
    const limnOptions = {};
    ${casesOf.toString()}
    try {
      const cases = await casesOf({Limn, createLimn, ort, limnOptions}, read);
      postMessage({times: await takeTurns(cases, ${rounds}, ${runs})});
    } catch (error) {
      postMessage({error: String(error)});
    }`);
  fs.writeFileSync(path.join(site, 'benchmark.html'), '<!doctype html><title>benchmark</title>');
  const server = await b.serve({site});
  const browser = await b.launch();
  const page = await browser.newPage();
  await page.goto(`${server.address}benchmark.html`);
  const {times, error} = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const worker = new Worker('worker.js', {type: 'module'});
        worker.onmessage = ({data}) => resolve(data);
        worker.onerror = ({message}) => resolve({error: message});
      }),
  );
  const version = browser.version();
  await browser.close();
  server.stop();
  if (error) throw new Error(error);
  return {times, version};
}

/** What a visitor waits for: from the address to the page that is ready, and from a click to the first skeleton. */
async function timeVisits() {
  const server = await b.serve();
  const browser = await b.launch();
  const waits = {ready: [], again: [], skeleton: []};
  for (let i = 0; i < 5; ++i) {
    const context = await browser.newContext();
    let start = performance.now();
    const page = await b.open(context, server.address);
    waits.ready.push(performance.now() - start);
    await page.waitForSelector('#offline:not([hidden])');
    start = performance.now();
    await page.reload();
    await b.ready(page);
    waits.again.push(performance.now() - start);
    start = performance.now();
    await b.opening(page, () => page.click('[data-sample="person_dog_horse.jpg"]'));
    waits.skeleton.push(performance.now() - start);
    await context.close();
  }
  await browser.close();
  server.stop();
  return Object.fromEntries(Object.entries(waits).map(([name, list]) => [name, list.sort((a, c) => a - c)[2]]));
}

const onnxruntime = installOnnxRuntime();
const {version} = JSON.parse(fs.readFileSync(path.join(onnxruntime, 'package.json'), 'utf-8'));
const node = await timeInNode(onnxruntime);
const chromium = await timeInChromium(onnxruntime);
const row = (name, times) => {
  const [limn, int8, ort, ortInt8] = Object.keys(MODELS).map((key) => times[key]);
  const cells = [limn, ort, limn / ort, int8, ortInt8, int8 / ortInt8, int8 / ort];
  return `| ${name} | ${cells.map((cell) => (cell < 5 ? cell.toFixed(2) : `${cell.toFixed(1)} ms`)).join(' | ')} |`;
};
console.log(`
| ResNet18 + 3 deconvolutions, 256x256, 1 thread | limn | onnxruntime-web | ratio | limn int8 | onnxruntime-web int8 | \
ratio | limn int8 / onnxruntime-web |
| --- | --- | --- | --- | --- | --- | --- | --- |
${row(`Chromium ${chromium.version.split('.')[0]}`, chromium.times)}
${row(`Node ${process.versions.node}`, node)}

onnxruntime-web ${version}; medians of ${rounds} rounds of ${runs} runs, taking turns.
`);
for (const name of ['limn.js', 'limn.wasm', 'limn_threads.js', 'limn_threads.wasm']) {
  const bytes = fs.readFileSync(path.join(b.SITE, 'engine', name));
  const kilobytes = (content) => `${(content.length / 1000).toFixed(0)} KB`;
  console.log(`${name}: ${kilobytes(bytes)}, ${kilobytes(zlib.gzipSync(bytes, {level: 9}))} with gzip, \
${kilobytes(zlib.brotliCompressSync(bytes))} with brotli`);
}
const {ready, again, skeleton} = await timeVisits();
const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(2)} s`;
console.log(`first visit, from this machine: ready after ${seconds(ready)}; later ones: ${seconds(again)}; \
from a click on a photo of one person to its skeleton: ${seconds(skeleton)}`);
process.exit(0);
