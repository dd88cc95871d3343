import type { Key } from '../operator/kube/resource.ts';
import type { Asked } from './asked.ts';
import { choose } from './choose.ts';
import { json, nameOf as lineOf, withoutManagers, yaml } from './format.ts';
import { App } from '../operator/api/app.ts';
import type { KubeObject } from '../operator/kube/resource.ts';
import { intentOf, refuseUnknown } from './intent.ts';
import { withCluster, type Cluster } from './kubeconfig.ts';
import { readManifest } from './manifest/read.ts';
import { nameOf, packSource, runPush, type PushOutcome } from './push.ts';
import type { Process, PushFlags } from './pushcommand.ts';
import { readFlags } from './pushflags.ts';
import { createMemory } from './remember.ts';

type Format = NonNullable<PushFlags['output']>;

/** print writes objects for machines: of several a List, as kubectl does. */
const print = (objects: readonly KubeObject[], format: Format): string => {
  if (format === 'name') return objects.map(lineOf).join('\n');
  if (format === 'yaml') return objects.map(yaml).join('\n---\n');
  return json(objects.length === 1 ? objects[0] : { apiVersion: 'v1', kind: 'List', metadata: {}, items: objects });
};

/** A build may take its time. */
export const usualTimeoutMs = 15 * 60_000;

/** dryRun prints what would be applied, and asks no cluster. */
const dryRun = async ({ output, signal }: Process, asked: readonly Asked[], format: Format = 'yaml'): Promise<void> => {
  const intents = [];
  for (const one of asked) {
    for (const note of one.notes) output.step(note);
    const key = { name: nameOf(one), namespace: one.namespace ?? '' };
    await using packed = await packSource({ output, signal, memory: createMemory() }, one);
    const intent = intentOf(key, one, packed.source);
    refuseUnknown(intent);
    intents.push(intent);
  }
  output.result(print(intents, format));
};

const report = async (
  { kube }: Cluster,
  { output, signal }: Process,
  { outcomes, format }: { readonly outcomes: readonly PushOutcome[]; readonly format: Format | undefined },
): Promise<void> => {
  if (format === undefined) {
    for (const { url } of outcomes) if (url !== undefined) output.result(url);
    return;
  }
  const apps = await Promise.all(outcomes.map(({ key }) => kube.get(App, key, { signal })));
  output.result(print(apps.filter((app) => app !== undefined).map(withoutManagers), format));
};

/** push does what `epinio push` was asked to do. */
export const push = async (process: Process, manifest: string | undefined, flags: PushFlags): Promise<void> => {
  const { output, signal } = process;
  const asked = choose(await readManifest(manifest), readFlags(flags));
  if (flags.dryRun === true) return dryRun(process, asked, flags.output);
  const names = asked.map(nameOf);
  await withCluster(flags, async (cluster) => {
    const { force = false, timeout: timeoutMs = usualTimeoutMs } = flags;
    const keyOf = (one: Asked, i: number): Key => ({
      namespace: one.namespace ?? cluster.namespace,
      name: names[i] ?? '',
    });
    const pushes = asked.map((one, i) => ({ key: keyOf(one, i), asked: one, force, timeoutMs }));
    const { kube, config } = cluster;
    const tools = { kube, config, output, signal, now: () => performance.now(), memory: createMemory() };
    const outcomes = await runPush(tools, pushes, flags.wait);
    await report(cluster, process, { outcomes, format: flags.output });
  });
};
