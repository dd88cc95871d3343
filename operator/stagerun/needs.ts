import type { StageRun, StageRunSpec } from '../api/stagerun.ts';
import { Secret } from '../kube/resource.ts';
import type { Kube } from '../kube/types.ts';

/** Need is a Secret of the namespace that a build cannot do without. */
export interface Need {
  readonly secret: string;
  /** Key that it must have; absent: that it is there is enough. */
  readonly key?: string;
  /** What a person has to put into it, where no key says so. */
  readonly content?: string;
  /** Who needs it, for messages. */
  readonly use: string;
}

/** needsOf lists what source.git, build.env and build.bindings name. */
export const needsOf = ({
  source,
  env = [],
  bindings = [],
}: Pick<StageRunSpec, 'source' | 'env' | 'bindings'>): Need[] => [
  ...[source.git?.secretRef ?? []].flat().map(({ name }) => ({
    secret: name,
    content: 'the credential for git',
    use: 'spec.source.git.secretRef of the App names it',
  })),
  ...env.flatMap(({ name, valueFrom }) =>
    valueFrom === undefined
      ? []
      : {
          secret: valueFrom.secretKeyRef.name,
          key: valueFrom.secretKeyRef.key,
          use: `spec.build.env of the App takes ${name} from there`,
        },
  ),
  ...bindings.map(({ name, type }) => ({
    secret: name,
    ...(type === undefined && { key: 'type' }),
    content: 'what the buildpacks need',
    use: `spec.build.bindings of the App names it${type === undefined ? ', without a type of its own' : ''}`,
  })),
];

/** missingSecret says which Secret or key that a run needs is not there. Read live, once per start: contents are never cached. */
export const missingSecret = async (
  kube: Pick<Kube, 'get' | 'getMetadata'>,
  { metadata: { namespace }, spec }: StageRun,
): Promise<string | undefined> => {
  const found = new Map<string, ReadonlySet<string> | undefined>();
  const keysOf = async (name: string): Promise<ReadonlySet<string> | undefined> => {
    const secret = await kube.get(Secret, { namespace, name });
    return secret && new Set(Object.keys(secret.data ?? {}));
  };
  for (const need of needsOf(spec)) {
    const { secret: name, key } = need;
    if (key === undefined) {
      if ((await kube.getMetadata(Secret, { namespace, name })) === undefined) return absent(need);
      continue;
    }
    if (!found.has(name)) found.set(name, await keysOf(name));
    const keys = found.get(name);
    if (keys === undefined) return absent(need);
    if (!keys.has(key)) return `The Secret "${name}" has no key "${key}": add it (${need.use}).`;
  }
  return undefined;
};

const absent = ({ secret, key, content, use }: Need): string =>
  `The Secret "${secret}" does not exist in this namespace: create it with ${key === undefined ? content : `the key "${key}"`} (${use}).`;
