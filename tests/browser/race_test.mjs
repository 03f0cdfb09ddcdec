/** What happens at the same time: photos beside a gallery, the camera, an engine that dies. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {after, before, test} from 'node:test';

import * as b from './browser.mjs';

const FIVE = path.join(b.PHOTOS, 'five_people.jpg');
const POOL = path.join(b.PHOTOS, 'pool_players.jpg');

let server, browser;

before(async () => {
  server = await b.serve();
  browser = await b.launch('--use-fake-device-for-media-stream');
});
after(async () => {
  await browser?.close();
  server?.stop();
});

/** Runs `use` with a page of a new visitor. */
async function visit(address, prepare, use) {
  const context = await browser.newContext({viewport: {width: 1280, height: 800}});
  try {
    await context.addInitScript(prepare);
    await use(await b.open(context, address), context);
  } finally {
    await context.close();
  }
}

const nothing = () => {};
const shown = (page) => page.evaluate(() => document.querySelector('#canvas').toDataURL());
/** What the canvas shows once it is as wanted. */
async function until(page, wanted) {
  for (let i = 0; i < 300; ++i) {
    const pixels = await shown(page);
    if (wanted(pixels)) return pixels;
    await page.waitForTimeout(50);
  }
  throw new Error('the canvas never shows what is wanted');
}
const slide = (page, selector, value) => page.fill(selector, String(value));

test('beside a gallery that runs, settings change the photo in view and no other', async () => {
  await visit(server.address, nothing, async (page) => {
    await b.openFile(page, FIVE);
    const usual = await shown(page);
    await slide(page, '#threshold', 0);
    const all = await until(page, (pixels) => pixels !== usual);
    await slide(page, '#threshold', 0.7);
    await until(page, (pixels) => pixels === usual);
    await page.setInputFiles('#pick-photos', [FIVE, ...Array(30).fill(POOL)]);
    await page.waitForSelector('#gallery-list button');
    await b.opening(page, () => page.locator('#gallery-list button').first().click());
    await slide(page, '#threshold', 0);
    const drawn = await until(page, (pixels) => pixels !== usual);
    assert.ok(drawn === all, 'the canvas shows something else');
    assert.match(await page.textContent('#gallery-text'), /photos$/, 'the gallery is still running');
    await b.opening(page, () => page.check('#flip'));
    assert.equal((await b.results(page)).poses.length, 5);
  });
});

test('after the engine has died and was started anew, the photo in view can still be drawn', async () => {
  await visit(server.address, nothing, async (page) => {
    await b.openFile(page, FIVE);
    const usual = await shown(page);
    const worker = page.workers().find((each) => each.url().endsWith('/js/worker.js'));
    await worker.evaluate(() => void setTimeout(() => { throw new Error('out of luck'); }));
    await b.complaint(page);
    await b.ready(page);
    await slide(page, '#threshold', 0);
    await page.waitForTimeout(1500);
    assert.match(await page.textContent('#error'), /was started anew/);
    assert.ok((await shown(page)) !== usual, 'the canvas shows the same');
  });
});

test('what is being done when the engine dies does not hide that it died', async () => {
  await visit(server.address, nothing, async (page) => {
    const worker = page.workers().find((each) => each.url().endsWith('/js/worker.js'));
    await page.setInputFiles('#pick-photos', Array(20).fill(FIVE));
    await page.waitForSelector('#gallery-list button');
    await page.evaluate(() => void (globalThis.cancel = document.querySelector('#gallery-cancel').click()));
    await page.setInputFiles('#pick-photos', FIVE);
    await worker.evaluate(() => void setTimeout(() => { throw new Error('out of luck'); }));
    await b.complaint(page);
    await page.waitForTimeout(1500);
    assert.match(await page.textContent('#error'), /was started anew/);
  });
});

/** Cameras are asked for, and given half a second later; globalThis.live counts those that are on. */
function slowCamera() {
  const devices = navigator.mediaDevices;
  const ask = devices.getUserMedia.bind(devices);
  const streams = [];
  devices.getUserMedia = async (wanted) => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const stream = await ask(wanted);
    streams.push(stream);
    return stream;
  };
  Object.defineProperty(globalThis, 'live', {
    get: () => streams.filter((s) => s.getTracks().some((t) => t.readyState === 'live')).length,
  });
}

test('a camera that comes when it is no longer wanted is switched off', async () => {
  await visit(server.address, slowCamera, async (page) => {
    await page.click('#camera-start');
    await b.openFile(page, FIVE);
    await page.waitForTimeout(1500);
    assert.equal(await page.evaluate(() => globalThis.live), 0, 'cameras on behind a photo');
    assert.ok(await page.isVisible('#canvas'));
  });
});

test('there is one camera however often it is asked for', async () => {
  await visit(server.address, slowCamera, async (page) => {
    await page.click('#camera-start');
    await page.click('#camera-start');
    await page.waitForTimeout(2000);
    assert.equal(await page.evaluate(() => globalThis.live), 1);
    await page.click('#camera-stop');
    await page.waitForTimeout(1000);
    assert.equal(await page.evaluate(() => globalThis.live), 0);
  });
});

test('a model that the browser cannot read is told', async () => {
  await visit(server.address, nothing, async (page) => {
    await page.evaluate(() => {
      File.prototype.arrayBuffer = () => Promise.reject(new Error('The requested file could not be read'));
    });
    await page.setInputFiles('#pick-model', path.join(b.SITE, 'models/detector.safetensors'));
    assert.match(await b.complaint(page), /detector.safetensors: .*could not be read/);
  });
});

test('photos of more than 50 million pixels are told before they take memory', async () => {
  await visit(server.address, nothing, async (page) => {
    // A sample whose frame header (FF C0 or FF C2, length, 8 bits, height, width) says so.
    const photo = fs.readFileSync(FIVE);
    const frame = Math.max(photo.indexOf('ffc0001108', 0, 'hex'), photo.indexOf('ffc2001108', 0, 'hex'));
    photo.writeUInt16BE(7500, frame + 5);
    photo.writeUInt16BE(10_000, frame + 7);
    await page.setInputFiles('#pick-photos', {name: 'large.jpg', mimeType: 'image/jpeg', buffer: photo});
    assert.match(await b.complaint(page), /^large.jpg: 10000x7500 pixels, more than the 50 million/);
  });
});

test('who opens a photo by keyboard is led to it, and back to its tile', async () => {
  await visit(server.address, nothing, async (page) => {
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
    await page.focus('[data-sample="grace_hopper.jpg"]');
    await b.opening(page, () => page.keyboard.press('Enter'));
    assert.equal(await focused(), 'photo-title');
    await page.setInputFiles('#pick-photos', [FIVE, POOL]);
    await page.waitForFunction(() => / photos done/.test(document.querySelector('#status').textContent));
    await page.locator('#gallery-list button').nth(1).focus();
    await b.opening(page, () => page.keyboard.press('Enter'));
    await page.focus('#photo-back');
    await page.keyboard.press('Enter');
    assert.match(await focused(), /pool_players/);
  });
});
