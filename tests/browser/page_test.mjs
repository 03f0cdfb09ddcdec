/** The page with photos: each way in, each way out, its settings, and that it computes what the program computes. */
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {after, before, beforeEach, afterEach, test} from 'node:test';

import * as b from './browser.mjs';

const FIVE = path.join(b.PHOTOS, 'five_people.jpg');
const POOL = path.join(b.PHOTOS, 'pool_players.jpg');
const PROGRAM = process.env.LIMN_PROGRAM;
const folder = b.temporaryFolder();

let server, browser, context, page;

before(async () => {
  server = await b.serve();
  // What the camera sees: frames of a film are JPEG files one after the other.
  const film = path.join(folder, 'film.mjpeg');
  fs.writeFileSync(film, Buffer.concat(Array(10).fill(fs.readFileSync(FIVE))));
  browser = await b.launch('--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${film}`);
});
after(async () => {
  await browser?.close();
  server?.stop();
});
beforeEach(async () => {
  context = await browser.newContext({viewport: {width: 1280, height: 800}});
  page = await b.open(context, server.address);
});
afterEach(async () => {
  const {problems} = page;
  await context.close();
  assert.deepEqual(problems, [], 'what went wrong unseen');
});

test('a photo that is picked is shown with everybody in it', async () => {
  await b.openFile(page, FIVE);
  assert.match(await page.textContent('#status'), /^5 people found in \d+ ms$/);
  assert.equal(await page.locator('#people details').count(), 5);
  const engine = await page.textContent('#engine');
  assert.match(engine, /WebAssembly \(SIMD and threads\), \d threads; the last photo took \d+ ms/);
  await b.screenshot(page, 'photo');
});

test('a photo that is dropped, or pasted, is shown', async () => {
  const transfer = await b.transferOf(page, [POOL]);
  await b.opening(page, () => page.dispatchEvent('body', 'drop', {dataTransfer: transfer}));
  assert.equal((await b.results(page)).file, 'pool_players.jpg');
  assert.equal((await b.results(page)).poses.length, 2);

  const pasted = await b.transferOf(page, [FIVE]);
  await b.opening(page, () =>
    page.evaluate((clipboardData) => dispatchEvent(new ClipboardEvent('paste', {clipboardData})), pasted),
  );
  assert.equal((await b.results(page)).poses.length, 5);
});

test('sample photos are shown', async () => {
  await b.screenshot(page, 'start');
  for (const sample of b.SAMPLES) {
    await page.evaluate(() => document.querySelector('#start').hidden = false);
    await b.opening(page, () => page.click(`[data-sample="${sample}"]`));
    assert.equal((await b.results(page)).file, sample);
  }
});

const skip = !PROGRAM && 'LIMN_PROGRAM does not name the program';
test('the keypoints are those of the limn program, within half a pixel', {skip}, async () => {
  const photos = b.SAMPLES.map((sample) => path.join(b.PHOTOS, sample));
  photos.push(path.join(b.PHOTOS, 'photographer.png'));
  const json = path.join(folder, 'native.json');
  execFileSync(PROGRAM, ['estimate', ...photos, '--no-pictures', '--quiet', '--json', json], {stdio: 'inherit'});
  const native = JSON.parse(fs.readFileSync(json, 'utf-8')).photos;
  for (const [i, photo] of photos.entries()) {
    await b.openFile(page, photo);
    const here = await b.results(page);
    assert.equal(here.file, path.basename(photo));
    assert.deepEqual([here.width, here.height], [native[i].width, native[i].height]);
    assert.equal(here.poses.length, native[i].poses.length, photo);
    for (const [p, pose] of native[i].poses.entries()) {
      for (const [k, {name, x, y}] of pose.keypoints.entries()) {
        const found = here.poses[p].keypoints[k];
        assert.equal(found.name, name);
        const distance = Math.hypot(found.x - x, found.y - y);
        assert.ok(distance <= 0.5, `${photo}: ${name} of person ${p + 1} is ${distance} pixels away`);
      }
    }
  }
});

test('the photo with its skeletons is saved as PNG, the people as JSON and as COCO has them', async () => {
  await b.openFile(page, FIVE);
  const png = await b.saved(page, '#download-png');
  assert.equal(png.name, 'five_people_pose.png');
  assert.equal(png.bytes.subarray(1, 4).toString(), 'PNG');
  assert.deepEqual([png.bytes.readUInt32BE(16), png.bytes.readUInt32BE(20)], [640, 480]);
  const json = JSON.parse(String((await b.saved(page, '#download-json')).bytes));
  assert.deepEqual(Object.keys(json), ['file', 'width', 'height', 'poses']);
  assert.equal(json.poses[0].keypoints.length, 16);
  const coco = JSON.parse(String((await b.saved(page, '#download-coco')).bytes));
  assert.equal(coco.length, 5);
  assert.equal(coco[0].keypoints.length, 48);
  assert.equal(coco[0].keypoints[0], json.poses[0].keypoints[0].x);
});

/** What the canvas shows, as a string that is another one when a pixel is. */
const pixels = () =>
  page.evaluate(async () => {
    const {width, height} = document.querySelector('#canvas');
    const {data} = document.querySelector('#canvas').getContext('2d').getImageData(0, 0, width, height);
    return [...new Uint8Array(await crypto.subtle.digest('SHA-256', data))].join();
  });

test('thresholds, boxes and the flip test change what is shown', async () => {
  await b.openFile(page, FIVE);
  const usual = await pixels();
  await page.fill('#threshold', '1');
  await page.waitForFunction(() => document.querySelector('#threshold-value').textContent === '1.00');
  await assert.doesNotReject(() => changed(usual));
  const none = await pixels();
  await page.fill('#threshold', '0');
  await changed(none);
  const all = await pixels();
  assert.notEqual(all, usual);
  await page.check('#boxes');
  await changed(all);

  const before = await b.results(page);
  await b.opening(page, () => page.check('#flip'));
  const flipped = await b.results(page);
  assert.notDeepEqual(flipped.poses[0], before.poses[0]);
  assert.equal(flipped.poses.length, 5);
  await b.opening(page, () => setSlider('#detector-threshold', '0.95'));
  assert.ok((await b.results(page)).poses.length < 5);
});

/** Waits until the canvas shows something else. */
async function changed(before) {
  for (let i = 0; i < 200; ++i) {
    if ((await pixels()) !== before) return;
    await page.waitForTimeout(25);
  }
  throw new Error('the canvas still shows the same');
}

/** Moves a slider and lets it go. */
async function setSlider(selector, value) {
  await page.fill(selector, value);
  await page.dispatchEvent(selector, 'change');
}

test('a keypoint under the pointer, or in focus, says its name and score', async () => {
  await b.openFile(page, FIVE);
  const {poses} = await b.results(page);
  const nose = poses[0].keypoints.find(({name}) => name === 'head_top');
  const {x, y, width} = await page.locator('#canvas').boundingBox();
  const scale = width / 640;
  await page.mouse.move(x + nose.x * scale, y + nose.y * scale);
  assert.equal(await page.textContent('#tooltip'), `head top ${nose.score.toFixed(2)}`);
  await b.screenshot(page, 'hover');
  await page.mouse.move(x + 2, y + 2);
  assert.ok(await page.isHidden('#tooltip'));

  await page.focus('#people summary');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  const first = poses[0].keypoints[0];
  assert.equal(await page.textContent('#tooltip'), `${first.name.replaceAll('_', ' ')} ${first.score.toFixed(2)}`);
  assert.ok(await page.isVisible('#ring'));
});

test('heatmaps of each person are shown', async () => {
  await b.openFile(page, FIVE);
  await page.selectOption('#heatmaps-person', '2');
  await page.click('#heatmaps');
  await page.waitForSelector('#heatmaps-dialog[open]');
  assert.equal(await page.textContent('#heatmaps-title'), 'Heatmaps of person 3');
  assert.match(await page.textContent('#heatmaps-legend'), /right ankle, .*left wrist/);
  assert.equal(await page.evaluate(() => document.querySelector('#heatmaps-canvas').width), 4 * 256 + 3 * 4);
  await b.screenshot(page, 'heatmaps');
  await page.keyboard.press('Escape');
  assert.ok(await page.isHidden('#heatmaps-dialog'));
});

test('a folder of 50 photos, one of them bad, becomes a gallery', async () => {
  const photos = path.join(folder, 'fifty');
  fs.mkdirSync(path.join(photos, 'deeper'), {recursive: true});
  for (let i = 0; i < 49; ++i) {
    const name = `${String(i).padStart(2, '0')}.jpg`;
    fs.copyFileSync(path.join(b.PHOTOS, b.SAMPLES[i % 4]), path.join(photos, i % 5 === 0 ? 'deeper' : '.', name));
  }
  fs.writeFileSync(path.join(photos, 'bad.jpg'), 'no picture');
  await page.setInputFiles('#pick-folder', photos);
  await page.waitForFunction(() => / photos done/.test(document.querySelector('#status').textContent));
  assert.equal(await page.textContent('#status'), '49 photos done, 1 could not be read');
  assert.equal(await page.textContent('#gallery-text'), '50 of 50 photos, 1 could not be read: done');
  assert.equal(await page.locator('#gallery-list li').count(), 50);
  assert.match(await page.textContent('#gallery-list .bad'), /^fifty\/bad.jpg: not a picture/);
  await b.screenshot(page, 'gallery');

  const {model, photos: entries} = JSON.parse(String((await b.saved(page, '#gallery-json')).bytes));
  assert.match(model, /^pose_resnet18/);
  assert.equal(entries.length, 50);
  assert.equal(entries.filter(({error}) => error !== undefined).length, 1);
  const coco = JSON.parse(String((await b.saved(page, '#gallery-coco')).bytes));
  assert.equal(coco.length, entries.reduce((sum, {poses}) => sum + (poses?.length ?? 0), 0));

  await b.opening(page, () => page.locator('#gallery-list button').nth(3).click());
  assert.ok(await page.isVisible('#canvas'));
  await page.click('#photo-back');
  assert.ok(await page.isVisible('#gallery-list'));
});

test('a gallery is cancelled after the photo that is being looked at', async () => {
  const photos = Array(30).fill(FIVE);
  await page.setInputFiles('#pick-photos', photos);
  await page.waitForSelector('#gallery-list li');
  await page.click('#gallery-cancel');
  await page.waitForFunction(() => /cancelled$/.test(document.querySelector('#gallery-text').textContent));
  assert.ok((await page.locator('#gallery-list li').count()) < 30);
});

test('the camera is shown live, with everybody it sees and their numbers', async () => {
  await page.click('#camera-start');
  await page.waitForFunction(() => Number(document.querySelector('#camera-canvas').dataset.frames) > 5);
  assert.match(await page.textContent('#camera-stats'), /^5 people, \d+\.\d frames a second, \d+ ms each$/);
  const ids = () => page.getAttribute('#camera-canvas', 'data-ids');
  assert.equal(await ids(), '1 2 3 4 5');
  const frames = Number(await page.getAttribute('#camera-canvas', 'data-frames'));
  await page.waitForFunction((n) => Number(document.querySelector('#camera-canvas').dataset.frames) > n + 5, frames);
  assert.equal(await ids(), '1 2 3 4 5');
  await b.screenshot(page, 'camera');
  await page.click('#camera-stop');
  await page.waitForFunction(() => document.documentElement.dataset.view === 'start');
  assert.equal(await page.textContent('#status'), 'Camera off');
});
