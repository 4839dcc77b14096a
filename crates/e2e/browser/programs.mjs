// The product's programs for a browser test that brings its own: on free ports, in a folder of their own, ended with it.
//
//   BIN   the folder of the programs: countersign, countersign-agent, halo-sim
//
// Called by setup.mjs and lists.mjs.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const bin = process.env.BIN;
if (!bin) throw new Error('BIN is not set: the folder of the programs');
export const folder = mkdtempSync(join(tmpdir(), 'countersign-browser-'));
export const data = join(folder, 'data');

export const children = new Set();
process.on('exit', () => {
  children.forEach((child) => child.kill());
  rmSync(folder, { recursive: true, force: true });
});

// Starts a program; answers it with the first line that it prints.
export function start(name, args) {
  const child = spawn(join(bin, name), args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  child.on('exit', () => children.delete(child));
  return new Promise((resolve, reject) => {
    let out = '';
    child.on('exit', (code) => reject(new Error(`${name} ended with ${code}: ${out}`)));
    child.stdout.on('data', (piece) => {
      out += piece;
      if (out.includes('\n')) resolve({ child, line: out.slice(0, out.indexOf('\n')) });
    });
  });
}

export function run(name, args) {
  const done = spawnSync(join(bin, name), args, { cwd: folder, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${name} ${args.join(' ')}: ${done.status} ${done.stderr}`);
  return done.stdout.trim();
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function json(where, method, body, headers) {
  const answer = await fetch(where, { method, headers: { 'content-type': 'application/json', ...headers }, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${text}`);
  return text && JSON.parse(text);
}

export const halo = JSON.parse((await start('halo-sim', ['--listen', '127.0.0.1:0', '--seed', 'demo'])).line);
export const control = (method, path, body) => json(new URL(`/sim/v1${path}`, halo.url), method, body);

const listen = `127.0.0.1:${await freePort()}`;
export const address = (path) => `http://${listen}${path}`;
export const serve = () => start('countersign', ['serve', '--listen', listen, '--data-dir', data, '--log-level', 'error']);

// Makes the administrator: the link that signs her in, and a token for the API.
export function administrator() {
  const link = run('countersign', ['admin', 'create', '--email', 'maria.ruiz@example.com', '--name', 'Maria Ruiz', '--data-dir', data, '--public-url', address('')]);
  const token = run('countersign', ['token', 'create', '--technician', 'maria.ruiz@example.com', '--name', 'browser test', '--decide', '--data-dir', data]);
  const api = (method, path, body) => json(address(`/api/v1${path}`), method, body, { authorization: `Bearer ${token}` });
  return { link, token, api };
}
