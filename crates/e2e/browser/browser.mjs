// What the browser tests share: the browser and its contexts, waiting for conditions, axe, and the list of tests.
//
// A page that breaks its content security policy or writes an error fails the last test, unless the test that provoked it
// said so by `expect`. Called by portal.mjs, lists.mjs and setup.mjs.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const shots = process.env.SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

export const desktop = { width: 1366, height: 860 };
export const phone = { width: 390, height: 844 };
const patience = 10_000;

export function uuid7() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
export const noise = [];
let expected = [];

// What a test provokes on purpose, as patterns; nothing more where it names none.
export function expect(...patterns) {
  expected = patterns;
}

export async function context(viewport, colorScheme = 'light', storageState, more = {}) {
  const made = await browser.newContext({ viewport, colorScheme, storageState, ...more });
  made.setDefaultTimeout(patience);
  await made.exposeBinding('reportViolation', ({ page }, what) => noise.push(`CSP ${page.url()}: ${what}`));
  await made.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.reportViolation(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  made.on('console', (message) => {
    if (message.type() !== 'error' || expected.some((pattern) => pattern.test(message.text()))) return;
    noise.push(`console ${message.page()?.url()}: ${message.text()}`);
  });
  made.on('weberror', (error) => noise.push(`page ${error.page()?.url()}: ${error.error().message}`));
  return made;
}

// Follows a link that signs in: the page it leads to, and the session for other pages.
export async function signIn(link) {
  const work = await context(desktop);
  const page = await work.newPage();
  await page.goto(link);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('**/portal/approvals');
  return { page, session: await work.storageState() };
}

export async function until(what, condition, longest = patience) {
  const end = Date.now() + longest;
  for (;;) {
    if (await condition()) return;
    if (Date.now() > end) throw new Error(`not within ${longest / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function is(what, seen, wanted) {
  if (seen !== wanted) throw new Error(`${what}: ${JSON.stringify(seen)}, not ${JSON.stringify(wanted)}`);
}

export async function findings(page) {
  await page.evaluate(() => document.fonts.ready);
  // The policy forbids scripts of others, so axe comes in by the browser's own door.
  const results = await page.evaluate(`(async () => { const module = { exports: {} }; ${axe};
    return axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }); })()`);
  return results.violations.map((found) => `${found.id} at ${found.nodes[0].target.join(' ')} (${found.nodes.length})`);
}

export const wider = (page) => page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));

const tests = [];
export const test = (name, run) => tests.push({ name, run });

// Runs the tests in their order and ends the browser. `page` answers the page to take a picture of where one fails. With
// `stop` the rest is left out where one fails: tests that tell one story fail together.
export async function runAll(page, stop) {
  test('no page broke its content security policy or wrote an error', () => {
    if (noise.length) throw new Error(noise.join('\n'));
  });
  let failed = 0;
  let passed = 0;
  for (const { name, run } of tests) {
    if (failed && stop) break;
    const began = performance.now();
    try {
      await run();
      passed += 1;
      console.log(`ok      ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n        ${String(error.message).replaceAll('\n', '\n        ')}`);
      if (shots && page()) await page().screenshot({ path: join(shots, `failed-${failed}.png`) }).catch((gone) => console.log(`        no picture: ${gone.message}`));
    } finally {
      expect();
    }
  }
  await browser.close();
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}
