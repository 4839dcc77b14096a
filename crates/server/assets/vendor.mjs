#!/usr/bin/env node
// Makes the files under vendor/ again, from npm packages by name and version. Nothing under vendor/ is edited by hand.
//
//   node vendor.mjs           fetch the packages, write the files and VENDORED.json
//   node vendor.mjs --check   no network: every file has the SHA-256 of the list, no file is missing or extra,
//                             and every icon that a template or the code names is in the sprite
//
// `cargo build` needs neither node nor this script.
//
// Left out on purpose: the style sheet of @tabler/core (its icons are taken). The theme sheet replaces every component of
// it that the portal uses, and its check boxes and selects are data: images, which the Content-Security-Policy refuses;
// what would remain is a reset, for 635 KB. Also htmx's own event-stream extension: it pauses in a background tab, and one
// tab here holds the stream for all of them.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, 'vendor');
const list = join(out, 'VENDORED.json');

const packages = [
  { name: 'htmx.org', version: '4.0.1', licence: '0BSD', files: { 'dist/htmx.min.js': 'htmx.min.js' } },
  {
    name: '@fontsource-variable/inter', version: '5.3.0', licence: 'OFL-1.1',
    files: { 'files/inter-latin-wght-normal.woff2': 'inter-latin.woff2', LICENSE: 'inter.LICENSE.txt' },
  },
  {
    name: '@fontsource-variable/jetbrains-mono', version: '5.3.0', licence: 'OFL-1.1',
    files: { 'files/jetbrains-mono-latin-wght-normal.woff2': 'jetbrains-mono-latin.woff2', LICENSE: 'jetbrains-mono.LICENSE.txt' },
  },
  { name: '@tabler/icons', version: '3.51.0', licence: 'MIT', sprite: 'icons.svg' },
];

const icons = `
  adjustments-horizontal alert-circle alert-triangle archive ban building check chevron-down chevron-left chevron-right
  circle-check circle-x clock copy device-desktop device-laptop dots-vertical external-link eye eye-off flag git-fork
  hand-click hand-stop help-circle history inbox info-circle key keyboard link list-check loader-2 logout map-pin
  menu-2 message-2 moon pencil plug refresh search settings sun ticket unlink user users x
`.trim().split(/\s+/);

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

function fetchPackage({ name, version }, into) {
  const printed = execFileSync('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', into], { encoding: 'utf8' });
  execFileSync('tar', ['xzf', join(into, printed.trim().split('\n').pop()), '-C', into]);
  return join(into, 'package');
}

// One symbol per icon. The stroke stands on the symbol, so that a page needs only <svg><use href="…#name"/></svg>.
function sprite(folder) {
  const symbols = icons.map((name) => {
    const svg = readFileSync(join(folder, 'icons/outline', `${name}.svg`), 'utf8');
    const paths = [...svg.matchAll(/<(path|circle|rect|line|polyline)\b[^>]*\/>/g)].map((match) => match[0]);
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${paths.join('')}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join('\n')}\n</svg>\n`;
}

function make() {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  const entries = [];
  const put = (pack, file, bytes) => {
    writeFileSync(join(out, file), bytes);
    entries.push({ file, package: pack.name, version: pack.version, licence: pack.licence, sha256: sha256(bytes) });
  };
  for (const pack of packages) {
    const work = mkdtempSync(join(tmpdir(), 'vendor-'));
    try {
      const folder = fetchPackage(pack, work);
      for (const [from, to] of Object.entries(pack.files ?? {})) {
        // Source maps are not vendored: a dangling reference makes a 404 in the browser's tools.
        const bytes = readFileSync(join(folder, from));
        const text = /\.(css|js)$/.test(to) && bytes.toString('utf8').replace(/\n?(\/\*#|\/\/#) sourceMappingURL=.*\s*$/, '\n');
        put(pack, to, text ? Buffer.from(text) : bytes);
      }
      if (pack.sprite) put(pack, pack.sprite, Buffer.from(sprite(folder)));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  writeFileSync(list, `${JSON.stringify(entries, null, 2)}\n`);
  console.log(`${entries.length} files written`);
}

function filesBelow(folder, ending) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
}

function check() {
  const faults = [];
  const entries = JSON.parse(readFileSync(list, 'utf8'));
  const present = new Set(readdirSync(out).filter((name) => name !== 'VENDORED.json'));
  for (const { file, sha256: expected } of entries) {
    if (!present.delete(file)) faults.push(`${file} is missing`);
    else if (sha256(readFileSync(join(out, file))) !== expected) faults.push(`${file} differs from VENDORED.json`);
  }
  for (const file of present) faults.push(`${file} is not in VENDORED.json`);
  for (const { name, version } of packages) {
    if (!entries.some((entry) => entry.package === name && entry.version === version)) faults.push(`${name} ${version} is not what was vendored`);
  }
  const known = new Set([...readFileSync(join(out, 'icons.svg'), 'utf8').matchAll(/symbol id="([^"]+)"/g)].map((match) => match[1]));
  for (const file of [...filesBelow(join(here, '../templates'), '.html'), ...filesBelow(join(here, '../src/portal'), '.rs')]) {
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/\bicon\("([a-z0-9-]+)"\)/g)) {
      if (!known.has(name)) faults.push(`${file} names the icon ${name}, which is not in the sprite`);
    }
  }
  for (const fault of faults) console.error(fault);
  console.log(faults.length ? 'vendored files: not as listed; run node vendor.mjs' : 'vendored files: as listed');
  process.exitCode = faults.length ? 1 : 0;
}

process.argv[2] === '--check' ? check() : make();
