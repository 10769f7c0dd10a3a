import Docker from 'dockerode';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as EngineModule from '../../../infra/local/engine';
import { markProcess } from '../../../infra/local/processes';

const before = { ...process.env };
let cache: string;
let folder: string;

beforeEach(() => {
  jest.resetModules();
  cache = mkdtempSync(join(tmpdir(), 'engine-'));
  folder = join(cache, 'holdfast', 'engine');
  mkdirSync(folder, { recursive: true });
  process.env['XDG_CACHE_HOME'] = cache;
  delete process.env['DOCKER_HOST'];
});

afterEach(() => {
  process.env = { ...before };
  rmSync(cache, { recursive: true, force: true });
});

// The module reads its surroundings once, as a program of its own would.
const load = (): typeof EngineModule => jest.requireActual('../../../infra/local/engine');

/** What is written when Holdfast starts an engine, whose place this process takes. */
function pretendStarted(mark = markProcess(process.pid)): void {
  writeFileSync(join(folder, 'docker.pid'), String(process.pid));
  writeFileSync(join(folder, 'started-by-holdfast'), JSON.stringify(mark));
}

const engineAt = (host: string, given = false): EngineModule.Engine => ({
  docker: new Docker({ socketPath: join(cache, 'none') }),
  host,
  startedHere: false,
  given,
});

test('a DOCKER_HOST at which nothing answers gets a sentence with the remedy, and no other engine is used', async () => {
  process.env['DOCKER_HOST'] = 'unix:///nowhere/docker.sock';
  await expect(load().findEngine()).rejects.toThrow(
    'No Docker engine answers at DOCKER_HOST=unix:///nowhere/docker.sock: start it',
  );
});

test('an engine that Holdfast started is known as such', () => {
  pretendStarted();
  const { ownEngineHost, startedByHoldfast } = load();
  expect(startedByHoldfast(engineAt(ownEngineHost))).toBe(true);
});

test('an engine that a person started in the same folder is not ended', async () => {
  writeFileSync(join(folder, 'docker.pid'), String(process.pid));
  const { ownEngineHost, startedByHoldfast, stopOwnEngine } = load();
  expect(startedByHoldfast(engineAt(ownEngineHost))).toBe(false);
  await expect(stopOwnEngine(engineAt(ownEngineHost))).rejects.toThrow('did not start');
});

test('an engine that took the place of the one that Holdfast started is not ended', () => {
  pretendStarted({ pid: process.pid, begun: 'another time' });
  const { ownEngineHost, startedByHoldfast } = load();
  expect(startedByHoldfast(engineAt(ownEngineHost))).toBe(false);
});

test('an engine that DOCKER_HOST names, and one elsewhere, are not ended', () => {
  pretendStarted();
  const { ownEngineHost, startedByHoldfast } = load();
  expect(startedByHoldfast(engineAt(ownEngineHost, true))).toBe(false);
  expect(startedByHoldfast(engineAt('unix:///var/run/docker.sock'))).toBe(false);
});
