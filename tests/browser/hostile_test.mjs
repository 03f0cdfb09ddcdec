/** Files that are not what they say, and an engine that dies: one message each, and the page goes on. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {after, before, test} from 'node:test';
import zlib from 'node:zlib';

import * as b from './browser.mjs';

const FIVE = path.join(b.PHOTOS, 'five_people.jpg');
const folder = b.temporaryFolder();

let server, browser, page;

before(async () => {
  server = await b.serve();
  browser = await b.launch();
  page = await b.open(await browser.newContext({viewport: {width: 1280, height: 800}}), server.address);
});
after(async () => {
  await browser?.close();
  server?.stop();
});

/** A file of that name in the tests' folder. */
function file(name, content) {
  fs.writeFileSync(path.join(folder, name), content);
  return path.join(folder, name);
}

async function stillWorks() {
  await b.openFile(page, FIVE);
  assert.equal((await b.results(page)).poses.length, 5);
  assert.ok(await page.isHidden('#error'));
}

/** A PNG file that says it has so many pixels. */
function png(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const ends = [Buffer.alloc(4), Buffer.alloc(4)];
    ends[0].writeUInt32BE(data.length);
    ends[1].writeUInt32BE(crc32(body));
    return Buffer.concat([ends[0], body, ends[1]]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 0], 8);
  const rows = zlib.deflateSync(Buffer.alloc(Math.min(height, 100) * (width + 1)));
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}

/** PNG's checksum (ISO 3309). */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; ++i) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

test('pictures that are none, or are cut off or too large, are told by name', async () => {
  const photo = fs.readFileSync(FIVE);
  const pictures = {
    'empty.jpg': Buffer.alloc(0),
    'text.jpg': 'no picture',
    'head_only.jpg': photo.subarray(0, 200),
    'script.svg': '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    'bomb.png': png(30_000, 30_000),
  };
  for (const [name, content] of Object.entries(pictures)) {
    await page.setInputFiles('#pick-photos', file(name, content));
    await page.waitForFunction((n) => document.querySelector('#error').textContent.startsWith(n), name);
    assert.match(await b.complaint(page), /not a picture that this browser can read|more than the 50 million/);
  }
  await stillWorks();
});

test('models that are none, or are damaged, are told by name, and the old one goes on', async () => {
  const model = fs.readFileSync(path.join(b.SITE, 'models/pose.safetensors'));
  const length = Number(model.readBigUInt64LE());
  const huge = Buffer.from(model.subarray(0, 8 + length));
  huge.writeBigUInt64LE(1n << 62n);
  const greedy = Buffer.from(model);
  // An input of 16 384 x 16 384 pixels, its digits taken from the model's name.
  const header = greedy.subarray(8, 8 + length).toString('latin1');
  greedy.write(
    header
      .replace('pose_resnet18_mpii16_256x192', 'pose_resnet18_mpii16_256')
      .replace('\\"width\\":192,\\"height\\":256', '\\"width\\":16384,\\"height\\":16384'),
    8,
    'latin1',
  );
  const models = {
    'empty.safetensors': Buffer.alloc(0),
    'text.safetensors': 'no model',
    'cut.safetensors': model.subarray(0, 1_000_000),
    'huge_header.safetensors': huge,
    'greedy.safetensors': greedy,
  };
  for (const [name, content] of Object.entries(models)) {
    await page.setInputFiles('#pick-model', file(name, content));
    await page.waitForFunction((n) => document.querySelector('#error').textContent.includes(n), name);
    assert.match(await b.complaint(page), new RegExp(`^${name}: `));
    await stillWorks();
  }
  await page.setInputFiles('#pick-model', file('text.safetensors', 'no model'));
  await b.complaint(page);
  await b.screenshot(page, 'error');
});

test('a model of the user is used, with what limn info says of it, and can be put back', async () => {
  await b.openFile(page, FIVE);
  const usual = await b.results(page);
  const float = path.join(b.ROOT, 'weights/pose_resnet18_mpii16_256x192.safetensors');
  await b.opening(page, () => page.setInputFiles('#pick-model', float));
  await page.waitForFunction(() => /Parameters: 15,376,464/.test(document.querySelector('#model-text').textContent));
  assert.match(await page.textContent('#model-text'), /bytes \([\d,]+ F16, [\d,]+ F32\)/);
  assert.match(await page.textContent('#model-text'), /Runs on: wasm_simd128/);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'no scrolling sideways');
  await page.evaluate(() => document.querySelector('#model-info').scrollIntoView());
  await b.screenshot(page, 'model');
  const own = await b.results(page);
  assert.equal(own.poses.length, 5);
  assert.notDeepEqual(own.poses[0], usual.poses[0]);

  // A person detector by drop.
  const detector = await b.transferOf(page, [path.join(b.ROOT, 'weights/person_detector_320x320.safetensors')]);
  await b.opening(page, () => page.dispatchEvent('body', 'drop', {dataTransfer: detector}));
  assert.equal((await b.results(page)).poses.length, 5);

  await b.opening(page, () => page.click('#default-models'));
  assert.deepEqual(await b.results(page), usual);
  assert.ok(await page.isHidden('#default-models'));
});

test('an engine that dies is started anew', async () => {
  const worker = page.workers().find((each) => each.url().endsWith('/js/worker.js'));
  await worker.evaluate(() => {
    setTimeout(() => {
      throw new Error('out of luck');
    });
  });
  assert.match(await b.complaint(page), /^The engine stopped \(.*out of luck\) and was started anew\.$/);
  await b.ready(page);
  await stillWorks();
});
