/** Visits: what the page asks of the network, what it does without one, on which hosts and screens, and for whom. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {after, before, test} from 'node:test';

import * as b from './browser.mjs';

const FIVE = path.join(b.PHOTOS, 'five_people.jpg');

let server, plain, browser;

before(async () => {
  server = await b.serve();
  plain = await b.serve({plain: true});
  browser = await b.launch('--use-fake-device-for-media-stream');
});
after(async () => {
  await browser?.close();
  server?.stop();
  plain?.stop();
});

/** Runs `use` with a page of a new visitor. */
async function visit(address, options, use) {
  const context = await browser.newContext({viewport: {width: 1280, height: 800}, ...options});
  try {
    const page = await b.open(context, address);
    await use(page, context);
    assert.deepEqual(page.problems, [], 'what went wrong unseen');
  } finally {
    await context.close();
  }
}

test('no file of the page names another host', () => {
  const texts = fs
    .readdirSync(b.SITE, {recursive: true})
    .map(String)
    .filter((name) => /\.(html|css|js|json|svg|webmanifest)$/.test(name));
  assert.ok(texts.length > 15);
  for (const name of texts) {
    const text = fs.readFileSync(path.join(b.SITE, name), 'utf-8');
    // Names of vocabularies, and the documentation that emscripten's messages speak of, are not fetched.
    const addresses = text.match(/(https?:|wss?:)?\/\/[a-z0-9-]+\.[a-z0-9.-]+[^\s"'`)]*/gi) ?? [];
    const named = /www\.w3\.org\/2000\/svg|github\.com\/emscripten|\/\/emscripten\.org\/docs/;
    const foreign = addresses.filter((address) => !named.test(address));
    assert.deepEqual(foreign, [], name);
  }
});

test('the page, its service worker and the server say the same policy', () => {
  const read = (name) => fs.readFileSync(path.join(b.ROOT, 'web', name), 'utf-8').replace(/"\s*\+?\s*"/g, '');
  const policies = ['index.html', 'service_worker.js', 'serve.py'].map((name) => {
    const [policy] = /default-src [^"]*base-uri 'none'/.exec(read(name)) ?? [];
    return policy;
  });
  assert.ok(policies[0]);
  assert.deepEqual(policies, Array(3).fill(policies[0]));
});

test('while photos are looked at, nothing is asked of the network', async () => {
  await visit(server.address, {}, async (page, context) => {
    await page.waitForSelector('#offline:not([hidden])');
    const asked = [];
    context.on('request', (request) => {
      if (!request.url().startsWith('blob:')) asked.push(request.url());
    });
    await b.openFile(page, FIVE);
    await b.results(page);
    await page.click('#heatmaps');
    await page.waitForSelector('#heatmaps-dialog[open]');
    await page.keyboard.press('Escape');
    await b.opening(page, () => page.check('#flip'));
    await page.setInputFiles('#pick-photos', [FIVE, path.join(b.PHOTOS, 'grace_hopper.jpg')]);
    await page.waitForFunction(() => / photos done/.test(document.querySelector('#status').textContent));
    await page.click('#camera-start');
    await page.waitForFunction(() => Number(document.querySelector('#camera-canvas').dataset.frames) > 2);
    await page.click('#camera-stop');
    await page.waitForTimeout(500);
    assert.deepEqual(asked, []);
  });
});

test('the page and its worker may reach no other host', async () => {
  await visit(server.address, {}, async (page) => {
    const refused = (address) => fetch(address, {mode: 'no-cors'}).then(() => 'reached', (error) => error.name);
    const other = plain.address;
    assert.equal(await page.evaluate(refused, other), 'TypeError');
    assert.equal(await page.workers()[0].evaluate(refused, other), 'TypeError');
    page.problems.length = 0; // the refusals
  });
});

test('after the first visit the page works without a network', async () => {
  await visit(server.address, {}, async (page, context) => {
    await page.waitForSelector('#offline:not([hidden])');
    await context.setOffline(true);
    await page.reload();
    await b.ready(page);
    await b.opening(page, () => page.click('[data-sample="five_people.jpg"]'));
    assert.equal((await b.results(page)).poses.length, 5);
    assert.match(await page.textContent('#engine'), /SIMD and threads/);
  });
});

test('where the host sends no headers, the service worker adds them, and threads come after one reload', async () => {
  await visit(plain.address, {}, async (page) => {
    await page.waitForFunction(() => globalThis.crossOriginIsolated);
    await b.ready(page);
    assert.match(await page.textContent('#engine'), /SIMD and threads/);
    const refused = (address) => fetch(address, {mode: 'no-cors'}).then(() => 'reached', (error) => error.name);
    assert.equal(await page.workers()[0].evaluate(refused, server.address), 'TypeError');
    page.problems.length = 0;
  });
});

test('without a service worker and headers it runs on one thread, with the same results', async () => {
  let threaded;
  await visit(server.address, {}, async (page) => {
    await b.openFile(page, FIVE);
    threaded = await b.results(page);
  });
  await visit(plain.address, {serviceWorkers: 'block'}, async (page) => {
    assert.match(await page.textContent('#engine'), /\(SIMD\), 1 thread$/);
    await b.openFile(page, FIVE);
    assert.deepEqual(await b.results(page), threaded);
  });
});

test('what loads is counted in megabytes', async () => {
  const context = await browser.newContext({serviceWorkers: 'block'});
  const page = await context.newPage();
  const texts = [];
  await page.exposeFunction('note', (text) => texts.push(text));
  await page.addInitScript(() => {
    addEventListener('DOMContentLoaded', () => {
      const text = document.querySelector('#loading-text');
      new MutationObserver(() => globalThis.note(text.textContent)).observe(text, {childList: true});
    });
  });
  await page.goto(server.address);
  await b.ready(page);
  await context.close();
  assert.match(texts.at(-1), /^Loading (\d+\.\d) of \1 MB$/);
  assert.ok(texts.length > 3);
});

test('a phone shows it without scrolling sideways', async () => {
  const phone = {viewport: {width: 360, height: 740}, isMobile: true, hasTouch: true, colorScheme: 'dark'};
  await visit(server.address, phone, async (page) => {
    const fits = () => document.documentElement.scrollWidth <= document.documentElement.clientWidth;
    assert.ok(await page.evaluate(fits));
    await b.screenshot(page, 'phone_start');
    await b.openFile(page, FIVE);
    assert.ok(await page.evaluate(fits));
    await b.screenshot(page, 'phone_photo');
    const {poses} = await b.results(page);
    await page.locator('#canvas').scrollIntoViewIfNeeded();
    const box = await page.locator('#canvas').boundingBox();
    const {x, y} = poses[0].keypoints[9];
    await page.touchscreen.tap(box.x + (x * box.width) / 640, box.y + (y * box.width) / 640);
    assert.match(await page.textContent('#tooltip'), /^head top/);
    await page.evaluate(() => document.querySelector('#results').scrollIntoView());
    await b.screenshot(page, 'phone_results');
  });
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing against accessibility, ${colorScheme}`, async () => {
    const axe = b.modules.resolve('axe-core/axe.min.js');
    await visit(server.address, {colorScheme, bypassCSP: true}, async (page) => {
      await page.addScriptTag({path: axe});
      const problems = async (state) => {
        const {violations} = await page.evaluate(() => globalThis.axe.run(document));
        return violations.map(({id, nodes}) => `${state}: ${id}: ${nodes.map(({html}) => html).join(' ')}`);
      };
      const found = await problems('start');
      await b.openFile(page, FIVE);
      await page.click('#people summary');
      found.push(...(await problems('photo')));
      await b.screenshot(page, `photo_${colorScheme}`);
      await page.click('#heatmaps');
      await page.waitForSelector('#heatmaps-dialog[open]');
      found.push(...(await problems('heatmaps')));
      await page.keyboard.press('Escape');
      await page.click('#model-info summary');
      await page.waitForFunction(() => /Parameters/.test(document.querySelector('#model-text').textContent));
      found.push(...(await problems('model')));
      await page.setInputFiles('#pick-photos', [FIVE, path.join(b.ROOT, 'README.md')]);
      await page.waitForFunction(() => / photos done/.test(document.querySelector('#status').textContent));
      found.push(...(await problems('gallery')));
      await page.setInputFiles('#pick-photos', path.join(b.ROOT, 'README.md'));
      await b.complaint(page);
      found.push(...(await problems('error')));
      assert.deepEqual(found, []);
    });
  });
}

test('all of it is reached by the keyboard, in the order that is seen', async () => {
  await visit(server.address, {}, async (page) => {
    const reached = [];
    for (let i = 0; i < 14; ++i) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate(() => document.activeElement.id || document.activeElement.dataset.sample));
    }
    const order = ['pick-photos', 'pick-folder', 'camera-start', ...b.SAMPLES, 'threshold', 'detector-threshold'];
    assert.deepEqual(reached.slice(0, order.length), order);
    assert.ok(reached.includes('pick-model'));
    await page.locator('[data-sample="grace_hopper.jpg"]').focus();
    await b.opening(page, () => page.keyboard.press('Enter'));
  });
});

test('the manifest makes it installable', async () => {
  await visit(server.address, {}, async (page) => {
    const manifest = await page.evaluate(async () => {
      const link = document.querySelector('link[rel=manifest]');
      return (await fetch(link.href)).json();
    });
    assert.equal(manifest.display, 'standalone');
    for (const {src} of manifest.icons) assert.ok(fs.existsSync(path.join(b.SITE, src)));
  });
});
