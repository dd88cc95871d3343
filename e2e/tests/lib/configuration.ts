import { parse, stringify } from 'yaml';
import { kubectl, read } from './cluster.ts';

const home = ['-n', 'epinio-system'];
const deployment = ['deployment', 'epinio-operator', ...home];

interface Operator {
  readonly spec: {
    readonly template: { readonly spec: { readonly volumes: { name: string; configMap?: { name: string } }[] } };
  };
}

const use = async (volume: string, configMap: string): Promise<void> => {
  const volumes = [{ name: volume, configMap: { name: configMap } }];
  const patch = JSON.stringify({ spec: { template: { spec: { volumes } } } });
  await kubectl(['patch', ...deployment, '--type=strategic', '-p', patch]);
  await kubectl(['rollout', 'status', ...deployment, '--timeout=120s']);
};

/** Configuration is the operator's configuration, as far as tests change it. */
export interface Configuration {
  readonly ingress?: object;
  readonly [section: string]: unknown;
}

/** withConfiguration has the installed operator run with a changed configuration, and then with that of before. */
export const withConfiguration = async <T>(
  change: (config: Configuration) => object,
  work: () => Promise<T>,
): Promise<T> => {
  const operator = await read<Operator>(deployment);
  const volume = operator?.spec.template.spec.volumes.find(({ configMap }) =>
    configMap?.name.startsWith('epinio-config'),
  );
  const before = volume?.configMap?.name;
  if (volume === undefined || before === undefined) throw new Error('the operator has no configuration in a ConfigMap');
  const found = await read<{ data: { 'config.yaml': string } }>(['configmap', before, ...home]);
  const config = parse(found?.data['config.yaml'] ?? '') as Configuration;
  const name = `epinio-config-e2e-${Math.random().toString(36).slice(2, 8)}`;
  const data = { 'config.yaml': stringify({ ...config, ...change(config) }) };
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'epinio-system' }, data };
  await kubectl(['create', '-f', '-'], JSON.stringify(configMap));
  try {
    await use(volume.name, name);
    return await work();
  } finally {
    await use(volume.name, before);
    await kubectl(['delete', 'configmap', name, ...home]);
  }
};
