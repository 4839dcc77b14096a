// The guided set-up as somebody new to it goes through it: from an empty server, and a Halo on a private address, to the
// first ticket, by what the pages say alone.
//
//   BIN        the folder of the programs: countersign, countersign-agent, halo-sim
//   CHROMIUM   the browser; /usr/bin/chromium by default
//   SHOTS      a folder for pictures of what was seen, all sizes and themes; none by default
//   PICTURES   a folder for the pictures of the guide in docs/; none by default
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { context, desktop, expect, findings, is, phone, runAll, shots, signIn, test, until, wider } from './browser.mjs';
import { address, administrator, bin, children, control, data, folder, halo, run, serve } from './programs.mjs';

const pictures = process.env.PICTURES;
if (pictures) mkdirSync(pictures, { recursive: true });

const { link, api } = administrator();
let { child: server } = await serve();
const setup = (step) => address(`/portal/settings/ticketing/setup${step ? `/${step}` : ''}`);

// ---- the tests -------------------------------------------------------------------------------------------------------
let page;
let session;

// A picture for the guide: the step, as wide as the guide shows it.
async function picture(name) {
  if (!pictures) return;
  const look = await (await context({ width: 1200, height: 720 }, 'light', session)).newPage();
  await look.goto(page.url());
  await look.evaluate(() => document.fonts.ready);
  await look.locator('main').screenshot({ path: join(pictures, `setup-${name}.png`) });
  await look.context().close();
}
const go = (label) => page.getByRole('button', { name: label, exact: true }).click();
const onStep = (step) => page.waitForURL((url) => url.pathname.endsWith(`/setup/${step}`));
const heading = (text) => page.getByRole('heading', { level: 1, name: text }).waitFor();

test('the first page of an empty server leads to the set-up', async () => {
  ({ page, session } = await signIn(link));
  await page.getByRole('link', { name: 'Start Setup' }).click();
  await onStep('agent');
  await heading('The API-only agent');
});

test('step 1: ticks are kept as they are set, and the set-up goes on where it was left', async () => {
  const saved = page.waitForResponse((answer) => answer.url().endsWith('/agent/ticks'));
  await page.getByLabel('Can add new Tickets').check();
  is('status of the tick', (await saved).status(), 204);
  await page.getByLabel('Can be assigned to').focus();
  const second = page.waitForResponse((answer) => answer.url().endsWith('/agent/ticks'));
  await page.keyboard.press('Space');
  await second;
  await page.goto(address('/portal/settings/ticketing'));
  await page.getByRole('link', { name: 'Continue Setup' }).click();
  await onStep('agent');
  is('ticked', await page.locator('input[name=tick]:checked').count(), 2);
  for (const box of await page.locator('input[name=tick]').all()) await box.check();
  await page.getByText('Continue', { exact: true }).click();
  await onStep('application');
  await page.goto(setup());
  await onStep('application');
  await page.goto(setup('agent'));
  is('all are ticked', await page.locator('input[name=tick]:not(:checked)').count(), 0);
  await picture('1-agent');
});

test('step 2: what to click in Halo, with the real names of the permissions', async () => {
  await page.goto(setup('application'));
  for (const scope of ['read:tickets', 'edit:tickets', 'read:customers', 'read:assets']) {
    is(scope, await page.getByText(scope, { exact: true }).count(), 2);
  }
  await picture('2-application');
  await go('Continue');
  await onStep('connection');
  is('steps that are closed', await page.locator('.setup-mark.closed').count(), 5);
});

test('step 3: a private address shows the line to add, and a restart loses nothing that was typed', async () => {
  await page.locator('#address').fill(halo.url);
  await page.locator('#client_id').fill('not-this-one');
  await page.locator('#client_secret').fill('nor-this-secret');
  await go('Find');
  const line = page.locator('.command pre');
  await line.waitFor();
  is('line', await line.textContent(), `halo.allow_hosts = ["${new URL(halo.url).host}"]`);
  writeFileSync(join(data, 'countersign.toml'), `${await line.textContent()}\n`);
  expect(/ERR_/);
  const gone = new Promise((resolve) => server.once('exit', resolve));
  server.kill();
  await gone;
  ({ child: server } = await serve());
  await page.goto(setup());
  await onStep('connection');
  is('client id', await page.locator('#client_id').inputValue(), 'not-this-one');
  is('the secret is not shown', await page.locator('#client_secret').inputValue(), '');
  await page.getByText('The secret you entered is kept for the next try').waitFor();
});

test('step 3: any address of Halo finds the others', async () => {
  await page.locator('#address').fill(`${halo.url}/auth`);
  await go('Find');
  await page.getByText('Halo told its addresses').waitFor();
  is('resource server', await page.locator('#resource_url').inputValue(), `${halo.url}/api`);
  is('authorisation server', await page.locator('#auth_url').inputValue(), `${halo.url}/auth`);
  is('tenant', await page.locator('#tenant').inputValue(), halo.tenant);
  is('client id', await page.locator('#client_id').inputValue(), 'not-this-one');
});

test('step 3: a wrong secret is told while it is tried again, and what was typed can be changed', async () => {
  await go('Save and try');
  await page.getByText('Halo does not know this application yet').waitFor();
  await page.getByText(/Asked [2-9] times/).waitFor();
  await page.goto(setup('connection'));
  await page.getByText('Halo does not know this application yet').waitFor();
  await page.getByRole('link', { name: 'Change what was entered' }).click();
  is('client id', await page.locator('#client_id').inputValue(), 'not-this-one');
});

test('step 3: an application that Halo knows some seconds later is let in', async () => {
  await page.locator('#client_id').fill(halo.client_id);
  await page.locator('#client_secret').fill(halo.client_secret);
  await picture('3-connection');
  await control('POST', '/faults', {
    method: 'POST', path: '/auth/token', kind: 'status', code: 401, times: 2,
    body: { error: 'invalid_client', error_description: 'The specified client credentials are invalid.' },
  });
  await go('Save and try');
  await page.getByText('Halo does not know this application yet').waitFor();
  await control('POST', '/faults', { kind: 'delay', ms: 120 });
  await page.waitForURL((url) => url.pathname.endsWith('/setup/check'), { timeout: 20_000 });
});

test('step 4: the lines tick as they are known, and the sum stands below', async () => {
  // While it runs its lines turn, and going on waits.
  await page.locator('#lines:has(.turning) button:disabled').getByText('Continue').waitFor();
  await page.getByRole('button', { name: 'Check again' }).waitFor({ timeout: 60_000 });
  await control('DELETE', '/faults');
  is('lines still checking', await page.locator('.check-word').getByText('Checking').count(), 0);
  is('fails', await page.locator('.bad-line').count(), 0);
  await page.locator('.button.primary').getByText('Continue').waitFor();
  await picture('4-check');
});

test('step 4: with a line that fails, going on is not the filled button', async () => {
  await control('POST', '/faults', { method: 'GET', path: '/Client', kind: 'status', code: 403 });
  await go('Check again');
  await page.getByRole('button', { name: 'Continue anyway' }).waitFor({ timeout: 20_000 });
  is('filled buttons', await page.locator('.setup-step .button.primary').count(), 0);
  is('a fail names its place in Halo', (await page.locator('.bad-line .strong').first().textContent()).length > 0, true);
  if (shots) await page.screenshot({ path: join(shots, 'check-fails.png'), fullPage: true });
  await control('DELETE', '/faults');
  await go('Check again');
  await page.locator('.button.primary').getByText('Continue').waitFor({ timeout: 20_000 });
  await go('Continue');
  await onStep('tickets');
});

test('step 5: what fits is chosen already, from what Halo offers', async () => {
  is('ticket type', await page.locator('#ticket_type option:checked').textContent(), 'Incident');
  is('status when approved', await page.locator('#status_approved option:checked').textContent(), 'Closed');
  is('outcome', /note/i.test(await page.locator('#outcome option:checked').textContent()), true);
  const types = await page.locator('#ticket_type option').allTextContents();
  const other = types.find((name) => !['Incident', 'Not chosen'].includes(name));
  for (const name of [other, 'Incident']) {
    await page.locator('#ticket_type').selectOption({ label: name });
    // The answer to a choice is another set of fields.
    await page.locator('#ticket_type option[selected]').getByText(name, { exact: true }).waitFor({ state: 'attached' });
  }
  is('status when approved', await page.locator('#status_approved option:checked').textContent(), 'Closed');
  await page.locator('#minutes').fill('9999');
  expect(/422/);
  await go('Save and continue');
  await page.locator('#minutes-error').waitFor();
  is('typed', await page.locator('#minutes').inputValue(), '9999');
  await page.locator('#minutes').fill('5');
  await go('Save and continue');
  await onStep('customers');
  await page.goto(setup('tickets'));
  await picture('5-tickets');
});

test('step 6: customers are searched, chosen and imported, once', async () => {
  await page.goto(setup('customers'));
  await page.getByLabel('Search customers').fill('dental');
  await page.getByText(/2 of \d+ customers/).waitFor();
  await page.getByLabel(/Sample Dental Group/).check();
  await go('Import the chosen');
  await page.getByText('1 customer is linked, 1 company is new').waitFor({ timeout: 20_000 });
  await page.getByText('is a company here').waitFor();
  await page.getByRole('button', { name: /^Import all/ }).click();
  await page.getByText(/Import over: \d\d customers are linked/).waitFor({ timeout: 20_000 });
  const state = await control('GET', '/state');
  const rows = await page.locator('.customer-done').count();
  is('customers that are companies now', rows, state.clients.filter((client) => !client.inactive).length);
  is('ways to import what is there', await page.getByRole('button', { name: /^Import/ }).count(), 0);
  await picture('6-companies');
  await go('Continue');
  await onStep('test');
});

test('step 7: nothing is written without consent; with it, one ticket is made and closed', async () => {
  const before = (await control('GET', '/state')).tickets.length;
  await page.locator('#q').fill('service desk');
  await page.getByLabel(/Example Service Desk/).check();
  await go('Make the test ticket');
  is('tickets', (await control('GET', '/state')).tickets.length, before);
  await picture('7-test');
  await page.getByLabel('Yes, make this ticket in Halo').check();
  await go('Make the test ticket');
  await page.getByRole('link', { name: 'Test again' }).waitFor({ timeout: 60_000 });
  const { tickets } = await control('GET', '/state');
  is('tickets', tickets.length, before + 1);
  const made = tickets.at(-1);
  is('its customer', made.client_name, 'Example Service Desk');
  is('it is closed', made.hasbeenclosed, true);
  const shown = page.getByRole('link', { name: new RegExp(`^ticket ${made.id}`) });
  is('its address', new URL(await shown.getAttribute('href')).searchParams.get('id'), String(made.id));
  is('fails', await page.locator('.bad-line').count(), 0);
  await picture('7-test-ticket');
  await page.locator('.setup-foot').getByRole('button', { name: /^Continue/ }).click();
  await onStep('done');
});

let command;
test('step 8: what is left, and the command that enrols the first computer', async () => {
  await go('Make a key');
  command = await page.locator('.command pre').first().textContent();
  is('the command', /countersign-agent enroll/.test(command), true);
  if (pictures) {
    await page.setViewportSize({ width: 1200, height: 720 });
    await page.locator('main').screenshot({ path: join(pictures, 'setup-8-done.png') });
    await page.setViewportSize(desktop);
  }
  await go('Go to Approvals');
  await page.waitForURL('**/portal/approvals');
});

test('the first request becomes the first ticket', async () => {
  const words = command.replaceAll('\\\n', ' ').replace('--company NAME', '--company Sample-Dental-Group').split(/\s+/).map((word) => (word === 'Sample-Dental-Group' ? 'Sample Dental Group' : word));
  words[words.indexOf('--location') + 1] = 'Main Street';
  const state = ['--state-dir', join(folder, 'agent')];
  run('countersign-agent', [...state, ...words.slice(1)]);
  const asks = spawn(join(bin, 'countersign-agent'), [...state, 'request', '--reason', 'First try', '--wait', '60', '--', '/usr/bin/id'], { stdio: 'ignore' });
  children.add(asks);
  const answered = new Promise((resolve) => asks.on('exit', (code) => { children.delete(asks); resolve(code); }));
  await page.locator('#queue .row').first().waitFor();
  await page.locator('#queue .row-link').first().click();
  await page.locator('#pane [data-approve]').click();
  is('exit code of the agent: approved', await answered, 0);
  let ticket;
  await until('the ticket is closed', async () => {
    const { tickets } = await control('GET', '/state');
    ticket = tickets.find((one) => /\bid\b/.test(one.summary) && one.client_name === 'Sample Dental Group');
    return ticket?.hasbeenclosed === true;
  }, 30_000);
  is('its actions', ticket.actions.some((action) => /First try|Maria Ruiz/.test(action.note_html ?? action.note ?? '')), true);
});

test('gone through again: links stay, and a kept secret is enough', async () => {
  const before = await page.context().request.get(address('/portal/companies?state=linked')).then((answer) => answer.text());
  await page.goto(address('/portal/settings/ticketing'));
  await page.getByRole('link', { name: 'Go through Setup again' }).click();
  await onStep('agent');
  await page.getByRole('link', { name: 'Address and secret' }).click();
  await page.getByText('A secret is kept. Enter another to replace it.').waitFor();
  await go('Save and try');
  await page.waitForURL((url) => url.pathname.endsWith('/setup/check'));
  const after = await page.context().request.get(address('/portal/companies?state=linked')).then((answer) => answer.text());
  const linked = (text) => text.match(/id="row-[^"]*"/g).join();
  is('linked companies', linked(after), linked(before));
});

test('the many pages that follow need no allowance of calls', async () => {
  // Each asks Halo anew, and a page waits once 300 calls in 300 s are made.
  const { budget } = await api('PATCH', '/ticketing', { budget: { calls: 300, window_s: 300, off: true } });
  is('off', budget.off, true);
});

test('without the page\'s script every step works as plain forms', async () => {
  const plain = await (await context(desktop, 'light', session, { javaScriptEnabled: false })).newPage();
  await plain.goto(setup('connection'));
  await plain.locator('#address').fill(halo.url);
  await plain.getByRole('button', { name: 'Find' }).click();
  is('resource server', await plain.locator('#resource_url').inputValue(), `${halo.url}/api`);
  await plain.getByRole('button', { name: 'Save and try' }).click();
  await plain.waitForURL((url) => url.pathname.endsWith('/setup/check'));
  await plain.goto(setup('tickets'));
  await plain.getByRole('button', { name: 'Save and continue' }).click();
  await plain.waitForURL((url) => url.pathname.endsWith('/setup/customers'));
  await plain.context().close();
});

test('axe finds nothing on any step, in light and dark, on a desk and on a phone', async () => {
  const found = [];
  for (const [viewport, scheme] of [[desktop, 'light'], [desktop, 'dark'], [phone, 'light'], [phone, 'dark']]) {
    const look = await (await context(viewport, scheme, session)).newPage();
    for (const step of ['agent', 'application', 'connection', 'check', 'tickets', 'customers', 'test?again=yes', 'test', 'done']) {
      await look.goto(setup(step));
      for (const finding of await findings(look)) found.push(`${step} ${viewport.width} ${scheme}: ${finding}`);
      const over = await wider(look);
      if (over > 0) found.push(`${step} ${viewport.width}: wider than the screen by ${over}`);
      if (shots) await look.screenshot({ path: join(shots, `setup-${step.replace('?', '-')}-${viewport.width}-${scheme}.png`), fullPage: true });
    }
    await look.context().close();
  }
  if (found.length) throw new Error(found.join('\n'));
});

await runAll(() => page, 'stop at the first failure');
process.exit();
