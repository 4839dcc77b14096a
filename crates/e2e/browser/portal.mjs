// Drives the portal in headless Chromium, as a technician would: signs in by clicking, decides by click, key and on a
// phone's width, sees what others do arrive by itself, links, looks up, changes settings.
//
//   COUNTERSIGN_DEMO   the demo's document (`countersign demo --json`), or the path of a file that holds it
//   CHROMIUM           the browser; /usr/bin/chromium by default
//   SHOTS              a folder for pictures of what was seen; none by default
//
// Needs a server with the document's sign-in link unused. Makes its own requests over the endpoint API, so it depends on
// none that the demo left waiting. Waits for conditions alone: the pages hold an event stream, so the network is never idle.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { context, desktop, expect, findings, is, noise, phone, runAll, shots, test, until, uuid7, wider } from './browser.mjs';

const source = process.env.COUNTERSIGN_DEMO;
if (!source) throw new Error('COUNTERSIGN_DEMO is not set: the demo\'s document, or the path of a file that holds it');
const demo = JSON.parse(source.trimStart().startsWith('{') ? source : readFileSync(source, 'utf8'));

// ---- the endpoint's side ---------------------------------------------------------------------------------------------
async function call(method, path, { token, body } = {}) {
  const response = await fetch(new URL(path, demo.endpoint.url), {
    method,
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

const run = randomBytes(3).toString('hex');
const company = `Browser Test ${run}`;
const endpoint = await call('POST', '/agent/v1/enroll', {
  body: {
    enrollment_key: demo.endpoint.enrollment_key,
    company,
    location: 'Test Bench',
    computer: { name: `BROWSER-${run}`, os: 'linux', os_version: '12', machine_id: `browser-${run}` },
    agent_version: '0.1.0',
  },
});

let asked = 0;
async function ask(program, more = {}) {
  const name = `${program}-${run}-${(asked += 1)}`;
  const { path = `/opt/browser-test/${name}`, ...rest } = more;
  const id = `req_${uuid7()}`;
  await call('PUT', `/agent/v1/requests/${id}`, {
    token: endpoint.credential,
    body: {
      end_user: { account: `tester-${asked}` },
      program: { path, sha256: createHash('sha256').update(name).digest('hex'), product: name, size: 1_234_567 },
      command_line: `${name} --install`,
      requested_at: new Date().toISOString(),
      ...rest,
    },
  });
  return { id, name };
}
const state = async (id) => (await call('GET', `/api/v1/requests/${id}`, { token: demo.portal.api_token })).state;

// ---- the browser's side ----------------------------------------------------------------------------------------------
// A way to the server that can be cut: the browser's own "offline" leaves streams that are open alone.
async function breakableWire() {
  const { hostname, port } = new URL(demo.portal.url);
  const sockets = new Set();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(Number(port), hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => sockets.delete(one) && other.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    whole = false;
    sockets.forEach((socket) => socket.destroy());
  };
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut,
    mend: () => (whole = true),
    close: () => {
      cut();
      server.close();
    },
  };
}
const row = (page, id) => page.locator(`#row-${id}`);
const live = (page) => page.locator('.live.ok:visible').first().waitFor();

// ---- the tests -------------------------------------------------------------------------------------------------------
let session;
let page;
let second;

test('a page without a session leads to the sign-in', async () => {
  const stranger = await (await context(desktop)).newPage();
  await stranger.goto(new URL('/portal/requests', demo.portal.url).href);
  is('address', new URL(stranger.url()).pathname, '/sign-in');
  await stranger.context().close();
});

test('opening the link signs nobody in; its button does, once', async () => {
  const work = await context(desktop);
  page = await work.newPage();
  await page.goto(demo.portal.sign_in_url);
  await page.goto(new URL('/portal/approvals', demo.portal.url).href);
  is('address', new URL(page.url()).pathname, '/sign-in');
  await page.goto(demo.portal.sign_in_url);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('**/portal/approvals');
  session = await work.storageState();
  expect(/410/);
  const late = await (await context(desktop)).newPage();
  await late.goto(demo.portal.sign_in_url);
  await late.getByText('used before').waitFor();
  await late.context().close();
  expect();
});

test('a new request appears by itself, on two pages over one stream', async () => {
  await live(page);
  second = await page.context().newPage();
  await second.goto(new URL('/portal/approvals', demo.portal.url).href);
  await live(second);
  const { id, name } = await ask('live');
  await row(page, id).getByText(name).first().waitFor();
  await row(second, id).getByText(name).first().waitFor();
  await until('the count in the side bar is the list\'s', async () => {
    const shown = await page.locator('.side [data-count=waiting]').textContent();
    return shown === await page.locator('#queue').getAttribute('data-waiting');
  });
});

test('approved by click: the row says so, the next request is shown, the other page hears of it', async () => {
  const first = await ask('click');
  const next = await ask('next');
  await row(page, next.id).waitFor();
  await row(page, first.id).locator('.row-link').click();
  await page.locator(`#pane[data-request="${first.id}"]`).waitFor();
  await page.locator('#reason').fill('Known vendor');
  await page.locator('[data-approve]').click();
  await page.locator(`#pane[data-request="${next.id}"]`).waitFor();
  is('state', await state(first.id), 'approved');
  await row(page, first.id).locator('.decided, .row-risk').first().waitFor();
  await page.locator('#toast').getByText('Approved').waitFor();
  is('row with the focus', await page.evaluate(() => document.activeElement?.closest('.row')?.dataset.request), next.id);
  await second.locator(`#row-${first.id}.decided`).getByText('Approved by').waitFor();
  await until('the decided row folds', async () => (await row(second, first.id).count()) === 0);
});

test('decided by somebody else while on screen: the bar gives way to the sentence', async () => {
  const { id } = await ask('race');
  await row(page, id).locator('.row-link').click();
  await page.locator(`#pane[data-request="${id}"] [data-approve]`).waitFor();
  await call('POST', `/api/v1/requests/${id}/decision`, { token: demo.portal.api_token, body: { verdict: 'deny', scope: 'once' } });
  await page.locator('.bar-decided').getByText('Denied by').waitFor();
  is('buttons that are left', await page.locator('[data-approve]').count(), 0);
});

test('a decision that comes too late shows who was first, not an error', async () => {
  const { id } = await ask('late');
  await row(page, id).waitFor();
  const offline = await (await context(desktop, 'light', session)).newPage();
  await offline.route('**/portal/events', (route) => route.abort());
  expect(/409/, /ERR_FAILED/);
  await offline.goto(new URL(`/portal/approvals/${id}`, demo.portal.url).href);
  await call('POST', `/api/v1/requests/${id}/decision`, { token: demo.portal.api_token, body: { verdict: 'approve', scope: 'once' } });
  await offline.locator('[data-deny]').click();
  await offline.locator('.bar-decided').getByText('Approved by').waitFor();
  is('state', await state(id), 'approved');
  await offline.context().close();
  expect();
});

test('keys: j and k move, a approves, d denies, Esc leaves a field', async () => {
  const a = await ask('key-a');
  const d = await ask('key-d');
  await row(page, d.id).waitFor();
  await row(page, a.id).locator('.row-link').click();
  await page.locator(`#pane[data-request="${a.id}"]`).waitFor();
  await page.keyboard.press('j');
  await page.locator(`#pane[data-request="${d.id}"]`).waitFor();
  await page.keyboard.press('k');
  await page.locator(`#pane[data-request="${a.id}"]`).waitFor();
  await page.keyboard.press('r');
  await page.keyboard.type('jd');
  is('typed', await page.locator('#reason').inputValue(), 'jd');
  await page.keyboard.press('Escape');
  is('state while typing', await state(a.id), 'pending');
  // A request that has just moved there is not decided by a key that was meant for another.
  await page.waitForFunction(() => true);
  await until('the key counts', async () => {
    await page.keyboard.press('a');
    return (await state(a.id)) === 'approved';
  });
  await page.locator(`#pane[data-request="${d.id}"]`).waitFor();
  await until('the key counts', async () => {
    if ((await page.locator(`#pane[data-request="${d.id}"]`).count()) === 1) await page.keyboard.press('d');
    return (await state(d.id)) === 'denied';
  });
});

test('high risk: nothing is filled, the question comes first, and no reason is no approval', async () => {
  const { id } = await ask('risk', { path: '/bin/bash' });
  await row(page, id).locator('.row-link').click();
  await page.locator(`#pane[data-request="${id}"]`).getByText('High risk').waitFor();
  is('filled buttons', await page.locator('.bar .button.primary').count(), 0);
  await page.locator('[data-approve]').click();
  await page.getByText('Approve a high-risk request?').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('[data-approve]').click();
  await page.getByText('Approve a high-risk request?').waitFor();
  await until('the reason has the focus', () => page.evaluate(() => document.activeElement?.id === 'reason'));
  await page.keyboard.press('Enter');
  is('state without a reason', await state(id), 'pending');
  await page.keyboard.type('Checked by phone');
  await page.keyboard.press('Enter');
  await until('it is approved', async () => (await state(id)) === 'approved');
});

test('denied on a phone: card, thumb, sentence', async () => {
  const { id, name } = await ask('phone');
  const pocket = await (await context(phone, 'dark', session)).newPage();
  await pocket.goto(new URL('/portal/approvals', demo.portal.url).href);
  const card = row(pocket, id);
  await card.getByText(name).first().waitFor();
  await card.getByText('Add reason').click();
  await card.getByPlaceholder('Reason').fill('Not today');
  await card.getByRole('button', { name: /^Deny/ }).click();
  await pocket.locator(`#row-${id}.decided`).getByText('Denied by').waitFor();
  is('state', await state(id), 'denied');
  if (shots) await pocket.screenshot({ path: join(shots, 'phone-denied.png') });
  await pocket.locator('.tabbar').getByText('Requests').click();
  await pocket.getByText(name).first().click();
  await pocket.getByText('Not today').first().waitFor();
  is('wider than the screen by', await pocket.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth)), 0);
  await pocket.context().close();
});

test('the request\'s page tells the story, and its ticket follows by itself', async () => {
  const { id, name } = await ask('story', { reason: 'Tracing a printer problem' });
  await page.goto(new URL(`/portal/requests/${id}`, demo.portal.url).href);
  await page.getByText('Tracing a printer problem').first().waitFor();
  await page.locator('[data-approve]').click();
  await page.waitForURL(/approvals|requests/);
  await until('it is approved', async () => (await state(id)) === 'approved');
  await page.goto(new URL(`/portal/requests/${id}`, demo.portal.url).href);
  await page.locator('.time-line').getByText('approved, once').waitFor();
  is('heading', (await page.locator('h1').textContent()).includes(name), true);
});

test('cut off: it says so, and what was missed is there when the stream is back', async () => {
  await page.goto(new URL('/portal/approvals', demo.portal.url).href);
  await live(page);
  const wire = await breakableWire();
  const lonely = await (await context(desktop, 'light', session)).newPage();
  expect(/ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_SOCKET|Failed to fetch/);
  await lonely.goto(new URL('/portal/approvals', wire.url).href);
  await live(lonely);
  wire.cut();
  await lonely.locator('.live:visible').getByText('Reconnecting').waitFor();
  const { id } = await ask('missed');
  await row(page, id).waitFor();
  is('row while cut off', await row(lonely, id).count(), 0);
  wire.mend();
  await row(lonely, id).waitFor();
  await live(lonely);
  await lonely.context().close();
  wire.close();
});

test('light or dark is a choice that stays', async () => {
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await ground();
  await page.locator('.person summary').click();
  await page.locator('.person').getByText('Light or dark').click();
  const after = await ground();
  is('changed', before !== after, true);
  await page.reload();
  is('after a reload', await ground(), after);
  await page.evaluate(() => localStorage.removeItem('theme'));
});

test('search finds a request, and says so where it finds none', async () => {
  const { name } = await ask('needle');
  await page.goto(new URL('/portal/approvals', demo.portal.url).href);
  await page.keyboard.press('/');
  await page.keyboard.type(name);
  await page.keyboard.press('Enter');
  await page.locator('table.list').getByText(name).waitFor();
  await page.goto(new URL('/portal/requests?q=%3Cb%3Enothing', demo.portal.url).href);
  await page.getByText('No request has “<b>nothing” in it').waitFor();
});

test('companies: an unlinked one, by box and Actions menu, renamed, then linked by hand; its tickets follow', async () => {
  const waits = await ask('ticket');
  await page.goto(new URL(`/portal/requests/${waits.id}`, demo.portal.url).href);
  await page.locator('.request-side').getByText('Waits for the company').waitFor();
  const list = new URL(`/portal/companies?q=${run}`, demo.portal.url).href;
  await page.goto(list);
  await page.getByRole('columnheader', { name: 'Linked to Ticketing System' }).waitFor();
  await page.getByRole('row', { name: company }).getByText('False').waitFor();
  await page.getByLabel(`Choose ${company}`).check();
  await page.getByText('1 chosen').waitFor();
  await page.getByText('Actions').click();
  await page.locator('#many [value=link]').click();
  await page.locator('.banner').getByText('0 of 1 linked').waitFor();
  await page.getByLabel(`Edit ${company}`).click();
  await page.getByLabel('Name', { exact: true }).fill(`${company} Ltd`);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  is('name', await page.locator('h1 bdi').textContent(), `${company} Ltd`);
  const { items } = await call('GET', '/api/v1/companies?limit=100', { token: demo.portal.api_token });
  const taken = new Set(items.map((item) => item.link.psa_id));
  const free = await page.locator('.others input[name=choice]').evaluateAll((boxes) => boxes.map((box) => box.value));
  await page.locator('#psa-id').fill(free.find((id) => !taken.has(id)));
  await page.getByRole('button', { name: 'Link by hand' }).click();
  await page.getByText('Linked to Ticketing System: True').waitFor();
  await page.goto(list);
  await page.getByRole('row', { name: company }).getByText('True').waitFor();
  await page.goto(new URL(`/portal/requests/${waits.id}`, demo.portal.url).href);
  await page.getByRole('link', { name: /^Open ticket #/ }).waitFor();
  await page.goto(list);
  await page.getByLabel(`Choose ${company}`).check();
  await page.getByText('Actions').click();
  await page.locator('#many [value=unlink]').click();
  await page.getByRole('link', { name: 'Cancel' }).click();
  await page.goto(list);
  await page.getByRole('row', { name: company }).getByText('True').waitFor();
});

test('users: one is added, and the link made for him signs him in', async () => {
  await page.goto(new URL('/portal/users', demo.portal.url).href);
  await page.getByText('Add user').click();
  await page.getByLabel('Name', { exact: true }).fill(`Pat Sample ${run}`);
  await page.getByLabel('E-mail').fill(`pat.sample.${run}@example.org`);
  await page.getByLabel('Role').selectOption('auditor');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  const link = await page.locator('.command pre').textContent();
  const other = await (await context(desktop)).newPage();
  await other.goto(link);
  await other.getByText(`Pat Sample ${run}`).waitFor();
  await other.getByRole('button', { name: 'Sign in' }).click();
  await other.waitForURL('**/portal/approvals');
  await other.getByText('Your role reads; it does not decide.').waitFor();
  is('buttons that decide', await other.locator('.bar button:enabled').count(), 0);
  await other.context().close();
});

test('settings: a refused form keeps what was typed, and the secret never comes back', async () => {
  await page.goto(new URL('/portal/settings/ticketing', demo.portal.url).href);
  is('secret', await page.locator('#client_secret').inputValue(), '');
  await page.locator('#time').selectOption('fixed');
  const minutes = await page.locator('#minutes').inputValue();
  await page.locator('#minutes').fill('9999');
  expect(/422/);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('#minutes-error').waitFor();
  expect();
  is('typed', await page.locator('#minutes').inputValue(), '9999');
  await page.locator('#minutes').fill(minutes);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
});

const sim = (method, path, body) =>
  fetch(`${demo.halo.url.replace(/\/api$/, '')}/sim/v1${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  }).then((response) => (response.ok ? response.json() : Promise.reject(new Error(`${path}: ${response.status}`))));

test('ticket steps: giving up asks first, and one button retries all of a cause', async () => {
  const { agents } = await sim('GET', '/state');
  const agent = agents.find((one) => one.isapiagent);
  const may = (value) => sim('PATCH', `/agents/${agent.id}/rights`, { 'Can add new Tickets': value });
  const stuck = async () => {
    const { items } = await call('GET', '/api/v1/steps?state=attention&cause=ticket_not_permitted', { token: demo.portal.api_token });
    return items.length;
  };
  await may('No');
  await page.goto(new URL('/portal/steps', demo.portal.url).href);
  try {
    for (let n = 0; n < 3; n += 1) await ask('refused');
    await until('three need a person', async () => (await stuck()) === 3);
    // The page hears of them by itself.
    const cause = page.locator('.cause').filter({ hasText: 'Halo refuses new tickets' });
    await cause.getByRole('button', { name: 'Retry all 3' }).waitFor();
    await cause.getByText('Can add new Tickets').first().waitFor();
    if (shots) {
      for (const [viewport, scheme] of [[desktop, 'light'], [desktop, 'dark'], [phone, 'light'], [phone, 'dark']]) {
        const look = await (await context(viewport, scheme, session)).newPage();
        await look.goto(new URL('/portal/steps', demo.portal.url).href);
        await look.locator('.step-attempts > summary').first().click();
        await look.screenshot({ path: join(shots, `attention-${viewport.width}-${scheme}.png`) });
        for (const finding of await findings(look)) throw new Error(`attention ${viewport.width} ${scheme}: ${finding}`);
        await look.context().close();
      }
    }
    await cause.getByText('Give up…').first().click();
    await cause.getByText('No ticket is made for this request').first().waitFor();
    if (shots) await page.screenshot({ path: join(shots, 'attention-give-up.png') });
    is('before the answer', await stuck(), 3);
    await cause.getByRole('button', { name: 'Give up this step' }).first().click();
    await page.locator('.banner').getByText('The step is given up.').waitFor();
    is('after it', await stuck(), 2);
    await may('Yes');
    await cause.getByRole('button', { name: 'Retry all 2' }).click();
    await page.locator('.banner').getByText('2 steps are tried again.').waitFor();
    await until('none needs a person', async () => (await stuck()) === 0);
  } finally {
    await may('Yes');
  }
});

test('alerts: a refused form says why by its field; a test says what stands against it', async () => {
  await page.goto(new URL('/portal/settings/alerts', demo.portal.url).href);
  await page.locator('#webhook_url').fill('https://127.0.0.1:9/hook');
  await page.locator('#webhook_secret').fill('a sample secret of tests');
  expect(/422/);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('#webhook_url-error').getByText('loopback').waitFor();
  expect();
  await page.locator('#webhook_url').fill('https://hooks.invalid/countersign');
  await page.locator('#webhook_secret').fill('a sample secret of tests');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  is('secret', await page.locator('#webhook_secret').inputValue(), '');
  await page.getByRole('button', { name: 'Send a test' }).click();
  await page.locator('.banner').getByText('To the webhook: The webhook was not delivered').waitFor();
  if (shots) await page.screenshot({ path: join(shots, 'alerts-tested.png'), fullPage: true });
  await page.locator('#webhook_url').fill('');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
});

test('settings of tickets: the preview follows the typing, a wrong text is refused with its line, a company has its own', async () => {
  await ask('preview', { reason: '<script>alert(1)</script>' });
  await page.goto(new URL('/portal/settings/tickets', demo.portal.url).href);
  const frame = page.frameLocator('.preview-frame');
  await frame.getByText('Open in Countersign').waitFor();
  await frame.getByText('<script>alert(1)</script>').waitFor();
  await page.locator('#text-description').fill('<h3>{{ who }} wants it</h3><p>{{ reason }}</p>');
  await frame.getByRole('heading', { name: 'wants it' }).waitFor();
  await page.locator('#preview_event').selectOption('denied');
  await frame.getByText('denied this at').waitFor();
  await page.locator('#text-denied').fill('<p>\n{{ nobody }}</p>');
  await page.locator('#preview').getByText('Line 2: there is no variable "nobody".').waitFor();
  expect(/422/);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('#text-denied-error').waitFor();
  expect();
  is('typed', await page.locator('#text-denied').inputValue(), '<p>\n{{ nobody }}</p>');
  if (shots) await page.locator('#texts').screenshot({ path: join(shots, 'tickets-preview.png') });

  await page.goto(new URL('/portal/companies', demo.portal.url).href);
  await page.getByRole('link', { name: company }).first().click();
  await page.getByRole('link', { name: 'Ticketing for this company' }).click();
  await page.locator('#priority').selectOption({ label: 'High' });
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  is('own settings', await page.locator('.field .badge').count(), 1);
  if (shots) await page.screenshot({ path: join(shots, 'company-ticketing.png') });
  await page.getByRole('button', { name: 'Make it as for all' }).click();
  await page.getByText('Saved.').waitFor();
  is('own settings', await page.locator('.field .badge').count(), 0);
});

test('hostile text from an endpoint stays text', async () => {
  const { id } = await ask('hostile', {
    end_user: { account: '<img src=x onerror=alert(1)>' },
    reason: '"><script>alert(1)</script>',
    command_line: "');alert(1);//<svg onload=alert(1)>",
  });
  page.once('dialog', () => noise.push('a dialog opened'));
  await page.goto(new URL(`/portal/approvals/${id}`, demo.portal.url).href);
  await page.locator('#pane').getByText('<script>').first().waitFor();
  is('elements made of it', await page.locator('#pane img, #pane script, #queue img').count(), 0);
});

test('axe finds nothing, in light and dark, on a desk and on a phone', async () => {
  await ask('axe');
  const decided = await call('GET', '/api/v1/requests?state=approved&limit=1', { token: demo.portal.api_token });
  const paths = ['approvals', 'requests', `requests/${decided.items[0].id}`, 'companies', 'locations', 'computers', 'users', 'steps', 'settings/ticketing', 'settings/alerts', 'settings/tickets'];
  const found = [];
  for (const [viewport, scheme] of [[desktop, 'light'], [desktop, 'dark'], [phone, 'light'], [phone, 'dark']]) {
    const look = await (await context(viewport, scheme, session)).newPage();
    for (const path of paths) {
      await look.goto(new URL(`/portal/${path}`, demo.portal.url).href);
      for (const finding of await findings(look)) found.push(`${path} ${viewport.width} ${scheme}: ${finding}`);
      const over = await wider(look);
      if (over > 0) found.push(`${path} ${viewport.width}: wider than the screen by ${over}`);
      if (shots) await look.screenshot({ path: join(shots, `${path.replaceAll('/', '-').slice(0, 20)}-${viewport.width}-${scheme}.png`) });
    }
    await look.context().close();
  }
  if (found.length) throw new Error(found.join('\n'));
});

test('signing out ends the session', async () => {
  await page.goto(new URL('/portal/requests', demo.portal.url).href);
  await page.locator('.person summary').click();
  await page.locator('.person').getByText('Sign out').click();
  await page.waitForURL('**/sign-in');
  await page.goto(new URL('/portal/approvals', demo.portal.url).href);
  is('address', new URL(page.url()).pathname, '/sign-in');
});

await runAll(() => page);
