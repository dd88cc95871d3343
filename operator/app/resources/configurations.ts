import type { AppSpec } from '../../api/app.ts';
import { bindingRoot, bindingRootVariable, configurationsRoot, type Configuration } from '../../api/configurations.ts';
import type { EnvVar } from '../../api/kubernetes.ts';
import { volumeName } from '../../api/names.ts';

type Bound = Pick<AppSpec, 'configurations' | 'env'>;

const filesOf = ({ configurations = [] }: Bound): Configuration[] => configurations.filter(({ as }) => as === 'Files');

const ownRoot = ({ env = [] }: Bound): EnvVar | undefined => env.find(({ name }) => name === bindingRootVariable);

/** Who sets the root of the bindings gets them there, as servicebinding.io wants it. */
const rootOf = (spec: Bound): string => {
  const own = ownRoot(spec)?.value?.replace(/\/+$/, '') ?? '';
  return own.startsWith('/') ? own : bindingRoot;
};

const pathOf = (spec: Bound, { name, mountPath, serviceBinding }: Configuration): string =>
  mountPath ?? `${serviceBinding === true ? rootOf(spec) : configurationsRoot}/${name}`;

/** volumesOf are the volumes that hold the configurations of an App. They are needed: without one no pod starts, and files that are there stay. */
export const volumesOf = (spec: Bound): object[] =>
  filesOf(spec).map(({ kind, name }) => ({
    name: volumeName(kind, name),
    ...(kind === 'Secret' ? { secret: { secretName: name } } : { configMap: { name } }),
  }));

/** mountsOf are where a container finds them. */
export const mountsOf = (spec: Bound): object[] =>
  filesOf(spec).map((one) => ({
    name: volumeName(one.kind, one.name),
    mountPath: pathOf(spec, one),
    readOnly: true,
  }));

/** envFromOf are the configurations that become variables; of two with the same key Kubernetes takes the last. */
export const envFromOf = ({ configurations = [] }: Bound): object[] =>
  configurations
    .filter(({ as }) => as === 'Environment')
    .map(({ kind, name, prefix }) => ({
      ...(prefix === undefined ? {} : { prefix }),
      ...(kind === 'Secret' ? { secretRef: { name } } : { configMapRef: { name } }),
    }));

/** bindingVariable tells the app where its service bindings are, if it has any. */
export const bindingVariable = (spec: Bound): EnvVar[] =>
  spec.configurations?.some(({ serviceBinding }) => serviceBinding === true) === true && ownRoot(spec) === undefined
    ? [{ name: bindingRootVariable, value: bindingRoot }]
    : [];
