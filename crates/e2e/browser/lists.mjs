// The lists as a technician works with them: companies, locations, computers, users and contacts, and how each record is
// tied to Halo's. What a test did is asked of the API, not of the page.
//
//   BIN        the folder of the programs: countersign, halo-sim
//   CHROMIUM   the browser; /usr/bin/chromium by default
//   SHOTS      a folder for pictures of what was seen, all sizes and themes; none by default
//   PICTURES   a folder for the picture of the guide in docs/; none by default
import { readFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { context, desktop, expect, findings, is, phone, runAll, shots, signIn, test, until, uuid7, wider } from './browser.mjs';
import { address, administrator, control, data, halo, serve } from './programs.mjs';

const pictures = process.env.PICTURES;
if (pictures) mkdirSync(pictures, { recursive: true });

// ---- what is there ---------------------------------------------------------------------------------------------------
const { link, api } = administrator();
writeFileSync(join(data, 'countersign.toml'), `halo.allow_hosts = ["${new URL(halo.url).host}"]\n`);
await serve();
await api('PATCH', '/ticketing', {
  resource_url: `${halo.url}/api`, auth_url: `${halo.url}/auth`, tenant: halo.tenant,
  client_id: halo.client_id, client_secret: halo.client_secret, budget: { calls: 300, window_s: 300, off: true },
});
const { suggested } = await api('GET', '/ticketing/choices');
await api('PATCH', '/ticketing', { ticket_type: suggested.ticket_type });

const items = async (path) => (await api('GET', path)).items;
const company = async (name) => (await items('/companies?limit=200')).find((one) => one.name === name);
const linked = async (name) => (await company(name))?.link;
const state = async (name) => (await linked(name))?.state;

// Each company with what it comes to: tied by its name, much like a customer, like two, like none, and one whose customer is
// merged away later.
await control('PATCH', '/clients/211', { name: 'SAMPLE BAKERY' });
const names = ['Sample Dental Group', 'Demo Freight', 'sample bakery', 'Nobody Knows It', 'Specimen Credit Union'];
for (const name of names) await api('POST', '/companies', { name });
const { enrollment_key: key } = await api('POST', '/enrollment-keys', { name: 'browser test', any_company: true });
const enrol = async (name, at) => {
  const answer = await fetch(address('/agent/v1/enroll'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      enrollment_key: key, company: 'Sample Dental Group', location: at, agent_version: '0.1.0',
      computer: { name, os: 'windows', os_version: '11', machine_id: `lists-${name}` },
    }),
  });
  is(`${name} is enrolled`, answer.status, 201);
  return (await answer.json()).credential;
};
const credential = await enrol('SDG-FD-01', 'Main Street');
await enrol('RECEPTION', 'Main Street');
await until('what has a namesake is tied', async () =>
  (await state('Sample Dental Group')) === 'linked' && (await state('Specimen Credit Union')) === 'linked'
  && (await state('sample bakery')) === 'ambiguous' && (await items('/computers?link=linked')).length === 1);
// One that is on its way would be joined, past the customers perhaps.
await until('the first sync is over', async () => !(await api('GET', '/directory/sync')).running, 30_000);
await control('DELETE', '/clients/203');
await api('POST', '/directory/sync', { kind: 'full' });
await until('the sync has seen that a customer is gone', async () => (await state('Specimen Credit Union')) === 'missing', 30_000);

// ---- the browser's side ----------------------------------------------------------------------------------------------
let page;
let session;
const list = (kind, query = '') => address(`/portal/${kind}${query}`);
const rows = (at = page) => at.locator('table.directory tbody tr');
const shown = (at = page) => at.locator('table.directory tbody th a bdi').allTextContents();
const row = (name, at = page) => rows(at).filter({ has: at.getByRole('link', { name, exact: true }) });
async function tick(...all) {
  for (const name of all) await page.getByLabel(`Choose ${name}`, { exact: true }).check();
}
async function act(action) {
  await page.locator('.actions > summary').click();
  await page.locator(`#many [value=${action}]`).click();
}

test('an administrator signs in', async () => {
  ({ page, session } = await signIn(link));
});

test('filter by state: each tab has the rows that the API has, and counts them', async () => {
  for (const [tab, query] of [['', ''], ['linked', 'link=linked'], ['unlinked', 'link=unlinked'], ['ambiguous', 'link=ambiguous'], ['missing', 'link=missing']]) {
    await page.goto(list('companies', tab && `?state=${tab}`));
    const wanted = (await items(`/companies?${query}`)).map((one) => one.name);
    is(`rows of ${tab || 'all'}`, (await shown()).join(), wanted.join());
    is(`count of ${tab || 'all'}`, await page.locator('.tab[aria-current] .tab-count').textContent(), String(wanted.length));
  }
});

test('unlinked counts in the side bar are what the API counts', async () => {
  const open = async (kind) => (await items(`/${kind}?limit=200`)).filter((one) => one.link.state !== 'linked').length;
  await page.goto(list('companies'));
  for (const [kind, path] of [['companies', 'companies'], ['locations', 'locations'], ['computers', 'computers'], ['technicians', 'users']]) {
    const place = page.locator(`.side a.place[href="/portal/${path}"] .count-quiet`);
    const count = (await place.count()) ? Number(await place.textContent()) : 0;
    is(`unlinked ${kind}`, count, await open(kind));
  }
  is('unlinked companies', await open('companies'), 4);
});

test('search finds by a part of the name in any case, and says so where it finds none', async () => {
  await page.goto(list('companies'));
  await page.keyboard.press('f');
  await page.keyboard.type('sample');
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=sample/);
  is('rows', (await shown()).join(), 'sample bakery,Sample Dental Group');
  await page.goto(list('companies', '?q=%3Ci%3Enobody'));
  await page.getByText('No company is called “<i>nobody”').waitFor();
  await page.getByRole('link', { name: 'Clear the filter' }).click();
  is('rows', await rows().count(), names.length);
});

test('sort by name and by what is newest, as the API sorts', async () => {
  await page.goto(list('companies'));
  is('by name', (await shown()).join(), [...names].sort((one, other) => one.localeCompare(other, 'en', { sensitivity: 'base' })).join());
  await page.getByRole('link', { name: 'Created' }).click();
  await page.waitForURL(/sort=newest/);
  is('newest first', (await shown()).join(), [...names].reverse().join());
  is('the column says so', await page.getByRole('columnheader', { name: 'Created' }).getAttribute('aria-sort'), 'descending');
});

test('a suggestion is taken with one click, in its row', async () => {
  await page.goto(list('companies'));
  await row('Demo Freight').getByText('Demo Freight Lines').waitFor();
  await row('Demo Freight').getByRole('button', { name: 'Link' }).click();
  await row('Demo Freight').getByText('True').waitFor();
  const link = await linked('Demo Freight');
  is('tied to', `${link.state} ${link.psa_id} ${link.how}`, 'linked 202 manual');
  is('the page was not left', new URL(page.url()).search, '');
});

test('many are linked at once, each with its own result', async () => {
  await page.goto(list('companies'));
  await api('DELETE', `/companies/${(await company('Sample Dental Group')).id}/link`);
  await page.goto(list('companies'));
  await page.getByLabel('Choose all').check();
  await page.getByText(`${names.length} chosen`).waitFor();
  await act('link');
  await page.locator('.banner').getByText(/^2 of 5 linked/).waitFor();
  for (const [name, words] of [['Sample Dental Group', 'Linked to Sample Dental Group'], ['Nobody Knows It', 'No record fits'], ['sample bakery', '2 records fit']]) {
    const result = await row(name).locator('[role=status]').textContent();
    is(`result of ${name}: ${result}`, result.includes(words), true);
  }
  is('results', await rows().locator('[role=status]').count(), names.length);
  is('linked again', (await linked('Sample Dental Group')).psa_id, '201');
  is('still to be chosen', await state('sample bakery'), 'ambiguous');
  is('still gone', await state('Specimen Credit Union'), 'missing');
  is('one that has no namesake', await state('Nobody Knows It'), 'unlinked');
});

test('links are cut only after the question, and tied again to what they were', async () => {
  await page.goto(list('companies'));
  await tick('Sample Dental Group', 'Demo Freight');
  await act('unlink');
  await page.getByRole('heading', { name: 'Unlink 2 companies?' }).waitFor();
  is('before the answer', await state('Demo Freight'), 'linked');
  await page.getByRole('link', { name: 'Cancel' }).click();
  is('after no', await state('Demo Freight'), 'linked');
  await tick('Sample Dental Group', 'Demo Freight');
  await act('unlink');
  await page.getByRole('button', { name: 'Unlink 2 companies' }).click();
  await page.locator('.banner').getByText(/^2 of 2/).waitFor();
  is('after yes', `${await state('Demo Freight')} ${await state('Sample Dental Group')}`, 'unlinked unlinked');
  await page.getByRole('button', { name: 'Link again' }).click();
  await page.locator('.banner').getByText(/^2 of 2 linked/).waitFor();
  is('taken back', `${(await linked('Demo Freight')).psa_id} ${(await linked('Sample Dental Group')).psa_id}`, '202 201');
});

test('archived and taken back, many at once; one with computers goes by its name alone', async () => {
  const archived = async () => (await items('/companies?archived=true')).map((one) => one.name).join();
  await page.goto(list('companies'));
  await tick('Nobody Knows It', 'Specimen Credit Union', 'Sample Dental Group');
  await act('archive');
  await page.getByRole('button', { name: 'Archive 3 companies' }).click();
  await row('Sample Dental Group').getByText('archive it by itself').waitFor();
  is('archived', await archived(), 'Nobody Knows It,Specimen Credit Union');
  await page.locator('.banner').getByRole('button').click();
  await page.locator('.banner').getByText(/^2 of 2/).waitFor();
  is('taken back', await archived(), '');
  await page.goto(list('companies'));
  await tick('Sample Dental Group');
  await act('archive');
  await page.getByLabel('Type “Sample Dental Group” to confirm').fill('Sample');
  expect(/422/);
  await page.getByRole('button', { name: 'Archive 1 company' }).click();
  await page.getByText('That is another name').waitFor();
  expect();
  is('by another name', await archived(), '');
});

test('a company is tied by hand to a customer of another name, found by a part of it', async () => {
  await page.goto(list('companies'));
  await tick('Nobody Knows It');
  await act('by_hand');
  await page.waitForURL(/#link/);
  await page.getByRole('searchbox', { name: 'Search Halo\'s customers' }).fill('veterinary');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.waitForURL(/find=veterinary/);
  is('found', (await page.locator('.others label bdi').allTextContents()).join(), 'Demo Veterinary Clinic');
  await page.getByLabel('Demo Veterinary Clinic').check();
  await page.getByRole('button', { name: 'Link by hand' }).click();
  await page.getByText('Linked to Ticketing System: True').waitFor();
  const link = await linked('Nobody Knows It');
  is('tied to', `${link.psa_name} ${link.how}`, 'Demo Veterinary Clinic manual');
});

test('what is no id of Halo\'s, and one that nobody has, are said at the field and tie nothing', async () => {
  await page.goto(list('companies', `/${(await company('sample bakery')).id}`));
  for (const [typed, words] of [['Sample Bakery', 'is not an id of HaloPSA'], ['999999', 'HaloPSA has no customer with the id 999999']]) {
    await page.locator('#psa-id').fill(typed);
    expect(/409/);
    await page.getByRole('button', { name: 'Link by hand' }).click();
    await page.locator('#link-error').getByText(words).waitFor();
    is('typed', await page.locator('#psa-id').inputValue(), typed);
    expect();
  }
  is('state', await state('sample bakery'), 'ambiguous');
});

test('a computer is tied by hand to an asset of its company\'s customer', async () => {
  const computer = async () => (await items('/computers?limit=200')).find((one) => one.name === 'RECEPTION');
  await page.goto(list('computers', `/${(await computer()).id}`));
  await page.getByRole('searchbox', { name: 'Search the customer\'s assets' }).fill('fd-02');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.waitForURL(/find=fd-02/);
  await page.locator('.others input').check();
  await page.getByRole('button', { name: 'Link by hand' }).click();
  await page.getByText('Linked to Ticketing System: True').waitFor();
  const link = (await computer()).link;
  is('tied to', `${link.psa_name} ${link.how}`, 'SDG-FD-02 manual');
});

test('added and edited: a company, a location, a user', async () => {
  await page.goto(list('companies'));
  await page.getByText('Add company').click();
  await page.getByLabel('Name', { exact: true }).fill('Stand-in Clinic');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByText('Saved.').waitFor();
  const made = await company('Stand-in Clinic');
  is('the page is the record\'s', new URL(page.url()).pathname, `/portal/companies/${made.id}`);
  await page.getByLabel('Name', { exact: true }).fill('Stand-in Clinics');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  is('renamed', (await api('GET', `/companies/${made.id}`)).name, 'Stand-in Clinics');

  await page.goto(list('locations'));
  await page.getByText('Add location').click();
  await page.getByLabel('Name', { exact: true }).fill('Back Door');
  await page.locator('#add-company').selectOption({ label: 'Stand-in Clinics' });
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByText('Saved.').waitFor();
  const place = (await items('/locations?limit=200')).find((one) => one.name === 'Back Door');
  is('its company', place.company.name, 'Stand-in Clinics');

  await page.goto(list('users'));
  await page.getByText('Add user').click();
  await page.getByLabel('Name', { exact: true }).fill('Sam Okoro');
  await page.getByLabel('E-mail').fill('sam.okoro@example.com');
  await page.locator('#add-role').selectOption('l2');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.locator('.command pre').waitFor();
  const user = async () => (await items('/technicians?limit=200')).find((one) => one.email === 'sam.okoro@example.com');
  await until('his e-mail address ties him to Halo\'s agent', async () => (await user())?.link.psa_id === '28');
  await page.locator('#role').selectOption('l1');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  is('role', (await user()).role, 'l1');
});

test('a list as CSV: out with the chosen rows, in after a look at each line, with what cannot be done in its line', async () => {
  await page.goto(list('companies'));
  await tick('Demo Freight', 'sample bakery');
  const saved = page.waitForEvent('download');
  await act('export');
  const lines = readFileSync(await (await saved).path(), 'utf8').trim().split('\r\n');
  is('lines', lines.length, 3);
  is('a line', /,Demo Freight,linked,202,Demo Freight Lines,hand,/.test(lines[1]), true);

  await page.goto(list('companies'));
  await page.getByRole('link', { name: 'Import' }).click();
  const csv = 'name,psa_id\r\nPlaceholder House,204\r\nWrong Customer,their name\r\nDemo Freight,\r\n';
  await page.locator('#file').setInputFiles({ name: 'companies.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
  await until('the file is in the field', async () => (await page.locator('#csv').inputValue()).includes('Placeholder House'));
  await page.getByRole('button', { name: 'Look at it first' }).click();
  await page.getByText('1 would be created.').waitFor();
  const line = (number) => page.locator('.lines-list tbody tr').nth(number);
  is('line 2', (await line(0).innerText()).includes('Will be linked to Placeholder Legal LLP.'), true);
  is('line 3', (await line(1).innerText()).includes('Not possible'), true);
  is('line 4', (await line(2).innerText()).includes('Is there already'), true);
  is('nothing is written yet', await company('Placeholder House'), undefined);
  await page.getByRole('button', { name: 'Import 2 lines' }).click();
  await page.getByText('1 created.').waitFor();
  is('tied by hand', (await linked('Placeholder House')).psa_id, '204');
  is('the wrong line', await company('Wrong Customer'), undefined);
  is('the right line leads to its record', await line(0).getByRole('link').getAttribute('href'), `/portal/companies/${(await company('Placeholder House')).id}`);
});

test('a file that is too large is told before it is sent', async () => {
  await page.goto(list('companies', '/import'));
  const large = Buffer.alloc(4 * 1024 * 1024 + 1, 'x');
  await page.locator('#file').setInputFiles({ name: 'large.csv', mimeType: 'text/csv', buffer: large });
  await page.locator('#toast').getByText('The file is too large. Split it: at most 10000 lines and 4 MiB at a time.').waitFor();
  is('the field', await page.locator('#csv').inputValue(), '');
});

test('by keys alone: walked to, chosen, archived and taken back', async () => {
  await page.goto(list('companies'));
  const focused = () => page.evaluate(() => document.activeElement?.textContent.trim().replace(/\s+/g, ' '));
  const tab = (what, wanted) => until(`Tab reaches ${what}`, async () => {
    if (wanted(await focused())) return true;
    await page.keyboard.press('Tab');
    return wanted(await focused());
  });
  await until('j reaches the row', async () => {
    await page.keyboard.press('j');
    return (await focused()) === 'Stand-in Clinics';
  });
  await page.keyboard.press('x');
  await page.getByText('1 chosen').waitFor();
  // The menu stands before the rows.
  await until('Shift+Tab reaches the menu', async () => {
    await page.keyboard.press('Shift+Tab');
    return (await focused()) === 'Actions';
  });
  await page.keyboard.press('Enter');
  await tab('Archive…', (text) => text.startsWith('Archive'));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Archive 1 company?' }).waitFor();
  await tab('the answer', (text) => text === 'Archive 1 company');
  await page.keyboard.press('Enter');
  await page.locator('.banner').getByText(/^1 of 1/).waitFor();
  is('archived', (await items('/companies?archived=true')).map((one) => one.name).join(), 'Stand-in Clinics');
  await tab('the way back', (text) => text === 'Restore');
  await page.keyboard.press('Enter');
  await page.locator('.banner').getByText(/^1 of 1/).waitFor();
  is('taken back', (await items('/companies?archived=true')).length, 0);
});

test('on a phone the list is cards: name, state and next step, and the step works by thumb', async () => {
  await api('POST', '/companies', { name: 'Example Manufacturers' });
  await api('POST', '/directory/sync', { kind: 'full' });
  await until('the sync suggests a customer', async () => (await linked('Example Manufacturers')).candidates?.length > 0, 30_000);
  const pocket = await (await context(phone, 'light', session, { hasTouch: true, isMobile: true })).newPage();
  await pocket.goto(list('companies'));
  is('head of a table', await pocket.locator('table.directory thead').isVisible(), false);
  const card = row('Example Manufacturers', pocket);
  await card.getByText('Linked:').waitFor();
  await card.getByText('False').waitFor();
  const box = await card.boundingBox();
  is('a card is as wide as the screen', box.width > 340 && box.width <= 390 && box.height > 60, true);
  const step = card.getByRole('button', { name: 'Link' });
  is('high enough for a thumb', (await step.boundingBox()).height >= 44, true);
  is('wider than the screen by', await wider(pocket), 0);
  await step.tap();
  await card.getByText('True').waitFor();
  is('tied to', (await linked('Example Manufacturers')).psa_id, '206');
  await pocket.context().close();
});

test('a right that was taken away is told on every page, until it is back', async () => {
  const agent = (await control('GET', '/state')).agents.find((one) => one.isapiagent);
  const may = (value) => control('PATCH', `/agents/${agent.id}/rights`, { 'Can add new Tickets': value });
  await may('No');
  const id = `req_${uuid7()}`;
  const asked = await fetch(address(`/agent/v1/requests/${id}`), {
    method: 'PUT',
    headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      end_user: { account: 'j.ortiz' }, requested_at: new Date().toISOString(),
      program: { path: 'C:\\Tools\\printer.exe', sha256: '9f'.repeat(32), product: 'Printer driver' },
    }),
  });
  is('asked', asked.status, 201);
  const told = () => page.goto(list('companies')).then(() => page.getByText('Can add new Tickets').count());
  try {
    await until('the banner names the right', async () => (await told()) === 1, 30_000);
    await look('banner', list('companies'));
  } finally {
    await may('Yes');
  }
  await api('POST', '/ticketing/test-ticket', { customer: '208' });
  await until('the banner is gone', async () => (await told()) === 0, 30_000);
});

// ---- pictures and axe ------------------------------------------------------------------------------------------------
const found = [];
const sizes = [[desktop, 'light'], [desktop, 'dark'], [phone, 'light'], [phone, 'dark']];

// Looks at a page in all sizes and themes; `first` brings it to where it shall be seen.
async function look(name, where, first) {
  for (const [viewport, scheme] of sizes) {
    const seen = await (await context(viewport, scheme, session)).newPage();
    await seen.goto(where);
    if (first) await first(seen);
    for (const finding of await findings(seen)) found.push(`${name} ${viewport.width} ${scheme}: ${finding}`);
    const over = await wider(seen);
    if (over > 0) found.push(`${name} ${viewport.width}: wider than the screen by ${over}`);
    if (shots) await seen.screenshot({ path: join(shots, `${name}-${viewport.width}-${scheme}.png`), fullPage: true });
    await seen.context().close();
  }
}

test('axe finds nothing in the lists and the records, in light and dark, on a desk and on a phone', async () => {
  for (const kind of ['companies', 'locations', 'computers', 'users', 'contacts']) await look(kind, list(kind));
  const bakery = (await company('sample bakery')).id;
  await look('company-linked', list('companies', `/${(await company('Demo Freight')).id}`));
  await look('company-by-hand', list('companies', `/${bakery}?find=sample#by-hand`));
  await look('company-none-found', list('companies', `/${bakery}?find=zzz#by-hand`));
  await look('actions', list('companies'), async (seen) => {
    await seen.getByLabel('Choose sample bakery').check();
    await seen.locator('.actions > summary').click();
  });
  await look('add-user', list('users'), (seen) => seen.getByText('Add user').click());
  await look('unlink-question', list('companies'), async (seen) => {
    await seen.getByLabel('Choose Demo Freight').check();
    await seen.locator('.actions > summary').click();
    await seen.locator('#many [value=unlink]').click();
    await seen.getByRole('button', { name: 'Unlink 1 company' }).waitFor();
  });
  await look('bulk-results', list('companies'), async (seen) => {
    for (const name of ['Specimen Credit Union', 'sample bakery']) await seen.getByLabel(`Choose ${name}`).check();
    await seen.locator('.actions > summary').click();
    await seen.locator('#many [value=link]').click();
    await seen.locator('.banner').getByText('0 of 2 linked').waitFor();
  });
  await look('import', list('companies', '/import'));
  await look('import-preview', list('companies', '/import'), async (seen) => {
    await seen.locator('#csv').fill('name,psa_id,colour\nStand-in Harbour,205,blue\nWrong Customer,their name,\nDemo Freight,,\n,,red\n');
    await seen.getByRole('button', { name: 'Look at it first' }).click();
    await seen.getByText('1 would be created.').waitFor();
  });
  if (found.length) throw new Error(found.join('\n'));
});

test('a button pressed twice does once what it says, and a refused form keeps all that was typed and chosen', async () => {
  await page.goto(list('companies'));
  await page.getByText('Add company').click();
  await page.getByLabel('Name', { exact: true }).fill('Twice Pressed');
  await page.getByRole('button', { name: 'Add', exact: true }).dblclick();
  await page.getByText('Saved.').waitFor();
  is('companies of the name', (await items('/companies?limit=200')).filter((one) => one.name === 'Twice Pressed').length, 1);
  await api('PATCH', `/companies/${(await company('Twice Pressed')).id}`, { archived: true });

  const { id } = (await items('/technicians?limit=200')).find((one) => one.email === 'sam.okoro@example.com');
  await page.goto(list('users', `/${id}`));
  await page.locator('#name').fill('Sam O.');
  await page.locator('#email').fill('maria.ruiz@example.com');
  await page.locator('#role').selectOption('l3');
  await page.getByRole('radio', { name: 'These companies' }).check();
  await page.getByLabel('Demo Freight').check();
  await page.locator('#accounts').fill('EXAMPLE\\sam');
  expect(/422/);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.banner.bad').waitFor();
  expect();
  is('name, role, accounts', await page.evaluate(() => ['name', 'role', 'accounts'].map((id) => document.getElementById(id).value).join()), 'Sam O.,l3,EXAMPLE\\sam');
  is('company', await page.getByLabel('Demo Freight').isChecked(), true);
  is('the record is called what it is', await page.locator('h1 bdi').textContent(), 'Sam Okoro');
});

test('names of 100 letters without a space make no page wider than its screen', async () => {
  const long = (letter) => letter.repeat(100);
  const answer = await fetch(address('/agent/v1/enroll'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      enrollment_key: key, company: long('W'), location: long('L'), agent_version: '0.1.0',
      computer: { name: long('C'), os: 'windows', os_version: '11', machine_id: 'lists-long' },
    }),
  });
  const request = `req_${uuid7()}`;
  await fetch(address(`/agent/v1/requests/${request}`), {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${(await answer.json()).credential}` },
    body: JSON.stringify({
      end_user: { account: long('A'), display_name: long('N') },
      program: { path: `C:\\${long('p')}.exe`, sha256: 'ab'.repeat(32), product: long('P'), size: 1 },
      command_line: long('c'), reason: long('R'), requested_at: new Date().toISOString(),
    }),
  });
  await until('its ticket waits', async () => (await company(long('W')))?.waiting_tickets === 1);
  const { id } = await company(long('W'));
  const paths = ['companies', `companies/${id}`, `companies/${id}/ticketing`, 'locations', 'computers', 'requests', `requests/${request}`, `requests/${request}/attach`, `approvals/${request}`, 'steps?state=waiting'];
  for (const [viewport, scheme] of [[desktop, 'light'], [phone, 'dark']]) {
    const seen = await (await context(viewport, scheme, session)).newPage();
    for (const path of paths) {
      await seen.goto(address(`/portal/${path}`));
      is(`${path} at ${viewport.width}: wider than the screen by`, await wider(seen), 0);
      if (shots) await seen.screenshot({ path: join(shots, `long-${path.replace(/\W+/g, '-').slice(0, 24)}-${viewport.width}.png`), fullPage: true });
    }
    await seen.context().close();
  }
  await api('PATCH', `/companies/${id}`, { archived: true });
});

test('the sync tells how far it is', async () => {
  await control('POST', '/faults', { kind: 'delay', ms: 800 });
  await page.goto(list('companies'));
  await page.getByRole('button', { name: 'Sync now' }).click();
  await page.getByText(/Sync (begins|runs)/).first().waitFor();
  if (shots) {
    for (const [viewport, scheme] of sizes) {
      await api('POST', '/directory/sync', { kind: 'full' });
      const seen = await (await context(viewport, scheme, session)).newPage();
      await seen.goto(list('companies'));
      await seen.getByText(/Sync (begins|runs)/).first().waitFor();
      await seen.screenshot({ path: join(shots, `sync-${viewport.width}-${scheme}.png`) });
      await seen.context().close();
    }
  }
  await control('DELETE', '/faults');
  await until('it is over', async () => (await api('GET', '/directory/sync')).running === null, 30_000);
});

test('a company that no customer is called after is offered the likest without a sync', async () => {
  await page.goto(list('companies'));
  await api('POST', '/companies', { name: 'Specimen Architect' });
  await until('the likest is offered', async () => {
    await page.reload();
    return (await row('Specimen Architect').getByText('Specimen Architects').count()) === 1;
  });
  await row('Specimen Architect').getByRole('button', { name: 'Link' }).waitFor();
});

test('a picture for the guide', async () => {
  if (!pictures) return;
  const guide = await (await context(desktop, 'light', session)).newPage();
  await guide.goto(list('companies'));
  await guide.evaluate(() => document.fonts.ready);
  await guide.screenshot({ path: join(pictures, 'companies.png') });
  await guide.context().close();
});

await runAll(() => page);
process.exit();
