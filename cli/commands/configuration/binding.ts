import {
  bindingRoot,
  configurationsRoot,
  type Configuration as Binding,
} from '../../../operator/api/configurations.ts';
import { ConfigMap } from '../../../operator/kube/resource.ts';
import { exits, UserError } from '../../errors.ts';
import type { Place } from '../../owners.ts';
import type { Tools } from '../run.ts';
import { getConfiguration } from './secrets.ts';

export type { Binding };

/** KindFlag says that a name is that of a ConfigMap. */
export interface KindFlag {
  readonly configMap: boolean;
}

/** BindFlags say how an App gets a configuration. */
export interface BindFlags extends KindFlag {
  readonly env: boolean;
  readonly prefix?: string;
  readonly mountPath?: string;
  readonly serviceBinding: boolean;
  readonly rollOnChange: boolean;
}

/** kindOf is the kind that the flags mean. */
export const kindOf = ({ configMap }: KindFlag): Binding['kind'] => (configMap ? 'ConfigMap' : 'Secret');

const usage = (message: string, hint: string): UserError => new UserError(message, hint, { code: exits.usage });

/** bindingOf is what the flags say of a configuration. */
export const bindingOf = (name: string, flags: BindFlags): Binding => {
  const { env, prefix, mountPath, serviceBinding, rollOnChange, configMap } = flags;
  if (prefix !== undefined && !env) throw usage('only variables have a prefix', 'say --env too');
  if (env && (mountPath !== undefined || serviceBinding))
    throw usage('variables have no path', 'leave --mount-path and --service-binding away, or --env');
  if (serviceBinding && (configMap || mountPath !== undefined))
    throw usage('a service binding is a Secret with a place of its own', 'leave --config-map and --mount-path away');
  return {
    name,
    kind: kindOf(flags),
    as: env ? 'Environment' : 'Files',
    ...(prefix !== undefined && { prefix }),
    ...(mountPath !== undefined && { mountPath }),
    ...(serviceBinding && { serviceBinding }),
    ...(!rollOnChange && { rollOnChange }),
  };
};

/** isSame tells whether two entries are one to the API server. */
const isSame = (a: Binding, b: Binding): boolean => a.kind === b.kind && a.name === b.name && a.as === b.as;

/** withBinding puts an entry in the place of the same one, or behind all others: the order decides between equal keys. */
export const withBinding = (all: readonly Binding[], wanted: Binding): Binding[] =>
  all.some((other) => isSame(other, wanted))
    ? all.map((other) => (isSame(other, wanted) ? wanted : other))
    : [...all, wanted];

/** placeOf leads to an entry. */
export const placeOf = ({ kind, name, as }: Binding): Place => ['spec', 'configurations', { kind, name, as }];

/** described says what an App gets. */
export const described = ({ name, kind, as, prefix = '', mountPath, serviceBinding }: Binding): string => {
  if (as === 'Environment') return `${kind} ${name} as variables${prefix === '' ? '' : ` that begin with ${prefix}`}`;
  const root = serviceBinding === true ? bindingRoot : configurationsRoot;
  return `${kind} ${name} as files in ${mountPath ?? `${root}/${name}`}`;
};

/** mustExist refuses a name that is probably misspelt. */
export const mustExist = async (tools: Tools, { kind, name }: Binding): Promise<void> => {
  const { kube, namespace, signal } = tools;
  if (kind === 'Secret') return void (await getConfiguration(tools, name));
  if ((await kube.get(ConfigMap, { namespace, name }, { signal })) === undefined)
    throw new UserError(
      `there is no ConfigMap ${name} in namespace ${namespace}`,
      `kubectl get configmaps -n ${namespace} shows those that are there`,
    );
};
