import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureBuildQueue } from './buildqueue.ts';
import { measureConvergence } from './convergence.ts';
import { measureHostile } from './hostile.ts';
import { measureNeighbour } from './neighbour.ts';
import { measurePacking } from './packing.ts';
import { measurePushes } from './pushes.ts';
import { readProfile } from './profile.ts';
import { rowsOf, table, type Results } from './report.ts';
import { measureRestart } from './restart.ts';
import { measureSettled } from './settled.ts';
import { measureTransitions } from './transitions.ts';

const usage = `Measure the operator against a kube-apiserver, etcd and controllers of its own; results go to dist/bench.json.

  --size N        Apps on the cluster at which the operator is restarted; a tenth of them converge (default 10000)
  --quick         sizes for a minute or two
  --only A,B      transitions, buildqueue, pushes, packing, neighbour, hostile, convergence, restart, settled (default: all but the last)
  --minutes N     how long settled watches (default 10)
  --profile DIR   write CPU profiles of the operator there, and print where the time goes`;

const { values } = parseArgs({
  options: {
    size: { type: 'string' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: 'transitions,buildqueue,pushes,packing,neighbour,hostile,convergence,restart' },
    minutes: { type: 'string', default: '10' },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const measure = async (): Promise<Results> => {
  const size = Number(values.size ?? (values.quick ? 500 : 10_000));
  const wanted = new Set(values.only.split(','));
  const { profile } = values;
  return {
    startedAt: new Date().toISOString(),
    machine: {
      cpus: cpus().length,
      cpu: cpus()[0]?.model ?? '',
      memoryGB: Math.round(totalmem() / 2 ** 30),
      load: loadavg()[0] ?? 0,
      node: process.version,
    },
    ...(wanted.has('transitions') && { transitions: await measureTransitions(values.quick ? 3 : 10) }),
    ...(wanted.has('buildqueue') && { buildQueue: measureBuildQueue() }),
    ...(wanted.has('pushes') && { pushes: await measurePushes(30) }),
    ...(wanted.has('packing') && { packing: await measurePacking(20_000, 200) }),
    ...(wanted.has('neighbour') && { neighbour: await measureNeighbour(size) }),
    ...(wanted.has('hostile') && { hostile: await measureHostile(Math.min(1200, Math.ceil(size / 8))) }),
    ...(wanted.has('convergence') && { convergence: await measureConvergence(Math.ceil(size / 10), { profile }) }),
    ...(wanted.has('restart') && { restart: await measureRestart(size, { profile }) }),
    ...(wanted.has('settled') && { settled: await measureSettled(Number(values.minutes)) }),
  };
};

if (values.help) console.log(usage);
else {
  const results = await measure();
  const rows = rowsOf(results);
  const out = join(import.meta.dirname, '..', '..', 'dist');
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'bench.json'), `${JSON.stringify({ ...results, rows }, null, 2)}\n`);
  console.log(table(rows));
  if (values.profile !== undefined) {
    const shares = readProfile(values.profile, 25);
    console.log(shares.map((s) => `${String(s.percent).padStart(5)} %  ${s.name}`).join('\n'));
  }
}
