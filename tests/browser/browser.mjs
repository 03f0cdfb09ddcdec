/** The page in Debian's Chromium: serving it, opening it, what several tests do with it. */
import {spawn} from 'node:child_process';
import fs from 'node:fs';
import {createRequire} from 'node:module';
import os from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const SITE = path.resolve(process.env.LIMN_SITE ?? path.join(ROOT, 'build/web'));
export const PHOTOS = path.join(ROOT, 'examples/photos');
export const SAMPLES = ['five_people.jpg', 'pool_players.jpg', 'person_dog_horse.jpg', 'grace_hopper.jpg'];
const SCREENSHOTS = path.resolve(process.env.LIMN_SCREENSHOTS ?? `${SITE}.screenshots`);
const CHROMIUM = process.env.LIMN_CHROMIUM ?? '/usr/bin/chromium';

/** Where tools/web.sh had npm put them. */
export const modules = createRequire(path.resolve(process.env.LIMN_NODE_MODULES ?? `${SITE}.modules`, 'package.json'));

/** A folder that is deleted when the tests are over. */
export function temporaryFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'limn-browser-'));
  process.on('exit', () => fs.rmSync(folder, {recursive: true, force: true}));
  return folder;
}

/**
 * Serves the page.
 * @param {{site?: string, plain?: boolean}} [options] `plain`: as a host does that sends none of the headers
 * @returns {Promise<{address: string, stop: () => void}>}
 */
export async function serve({site = SITE, plain = false} = {}) {
  const options = ['--port', '0', ...(plain ? ['--plain'] : [])];
  const server = spawn('python3', [path.join(ROOT, 'web/serve.py'), site, ...options]);
  process.on('exit', () => server.kill());
  const address = await new Promise((resolve, reject) => {
    server.stdout.once('data', (line) => resolve(/http\S+/.exec(String(line))[0]));
    server.once('exit', (status) => reject(new Error(`web/serve.py ended with ${status}`)));
  });
  return {address, stop: () => server.kill()};
}

/** @param {...string} options of Chromium */
export function launch(...options) {
  return modules('playwright-core').chromium.launch({
    executablePath: CHROMIUM,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
      ...['--disable-component-update', '--disable-sync', '--use-fake-ui-for-media-stream', ...options],
    ],
  });
}

/**
 * Opens the page and waits until its engine runs. What goes wrong on it unseen is in page.problems.
 * @param {import('playwright-core').BrowserContext} context
 * @param {string} address
 */
export async function open(context, address) {
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') page.problems.push(message.text());
  });
  await page.goto(address);
  await ready(page);
  return page;
}

/** Waits until the engine runs. */
export async function ready(page) {
  await page.waitForFunction(() => ['ready', 'failed'].includes(document.documentElement.dataset.state));
  const state = await page.evaluate(() => document.documentElement.dataset.state);
  if (state !== 'ready') throw new Error(`the page failed: ${await page.textContent('#error')}`);
}

/** Does something that opens a photo, and waits for its skeletons. */
export async function opening(page, action) {
  const before = await page.evaluate(() => document.querySelector('#people')?.firstChild);
  await page.evaluate(() => document.querySelector('#status').replaceChildren());
  await action();
  await page.waitForFunction(() => / found in /.test(document.querySelector('#status').textContent));
  return before;
}

/** Opens a photo by the file picker. */
export const openFile = (page, ...files) => opening(page, () => page.setInputFiles('#pick-photos', files));

/** Presses a button that saves a file. @returns {Promise<{name: string, bytes: Buffer}>} */
export async function saved(page, selector) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(selector)]);
  return {name: download.suggestedFilename(), bytes: fs.readFileSync(await download.path())};
}

/** What the page says went wrong, once it says so. */
export async function complaint(page) {
  await page.waitForSelector('#error:not([hidden])');
  return page.textContent('#error');
}

/** The results in view, as its JSON has them. */
export async function results(page) {
  return JSON.parse(String((await saved(page, '#download-json')).bytes));
}

/** A picture of the page for people to look at. */
export async function screenshot(page, name) {
  fs.mkdirSync(SCREENSHOTS, {recursive: true});
  await page.screenshot({path: path.join(SCREENSHOTS, `${name}.png`)});
}

/** A handle of a DataTransfer with those files, to be dropped or pasted. */
export function transferOf(page, files) {
  const contents = files.map((file) => ({name: path.basename(file), base64: fs.readFileSync(file).toString('base64')}));
  return page.evaluateHandle((list) => {
    const transfer = new DataTransfer();
    for (const {name, base64} of list) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      transfer.items.add(new File([bytes], name, {type: name.endsWith('.jpg') ? 'image/jpeg' : ''}));
    }
    return transfer;
  }, contents);
}
