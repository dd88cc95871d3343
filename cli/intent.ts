import { appSpec, App } from '../operator/api/app.ts';
import type { Source } from '../operator/api/source.ts';
import { group, version } from '../operator/api/names.ts';
import type { Key } from '../operator/kube/resource.ts';
import type { Intent } from '../operator/kube/types.ts';
import type { Asked, AskedSpec, RemoteSource } from './asked.ts';
import { UserError } from './errors.ts';
import { show } from './manifest/document.ts';
import { unknownKeys } from './manifest/appyml.ts';

/** WantedSource is what spec.source is to be. */
export type WantedSource = RemoteSource & Pick<Source, 'blob'>;

/** Owned is what our field manager applied of an App before. */
export interface Owned {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: AskedSpec & { readonly source?: unknown };
}

interface Named {
  readonly name: string;
}

/** byName puts new items over old ones of the same name, in the order in which they came. */
const byName = <T extends Named>(old: readonly T[] = [], wanted: readonly T[] = []): T[] => [
  ...new Map([...old, ...wanted].map((item) => [item.name, item])).values(),
];

/** merged puts what is asked for over what was applied before: variables one by one, all else as a whole, as Epinio does. */
const merged = (owned: NonNullable<Owned['spec']>, { spec, replaceEnv }: Asked): AskedSpec => {
  const { routes, defaultRoute, source: _, ...rest } = owned;
  const build = { ...owned.build, ...spec.build };
  const before = replaceEnv ? {} : owned;
  return {
    ...rest,
    ...(spec.routes === undefined && { routes, defaultRoute }),
    ...spec,
    env: byName(before.env, spec.env),
    build: { ...build, env: byName(before.build?.env, spec.build?.env) },
  };
};

const isEmpty = (value: unknown): boolean => value === undefined || (Array.isArray(value) && value.length === 0);

/** Empty lists mean the same as none. An empty object may mean something: `readinessProbe: {}` is none. */
const withoutEmpty = <T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value))) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

const orNone = <T extends object>(fields: T | undefined): T | undefined =>
  fields === undefined || Object.keys(fields).length === 0 ? undefined : fields;

const specOf = (asked: Asked, owned: Owned): AskedSpec => {
  const spec = asked.exact ? asked.spec : merged(owned.spec ?? {}, asked);
  return withoutEmpty({ ...spec, build: orNone(withoutEmpty(spec.build ?? {})) });
};

/** intentOf is what is applied: the App as it is asked for, and what was applied of it before. */
export const intentOf = (key: Key, asked: Asked, source: WantedSource, owned: Owned = {}): Intent => {
  const before = asked.exact ? {} : (owned.metadata ?? {});
  const { name, namespace } = key;
  return {
    apiVersion: `${group}/${version}`,
    kind: App.kind,
    metadata: {
      name,
      ...(namespace !== '' && { namespace }),
      ...withoutEmpty({
        labels: orNone({ ...before.labels, ...asked.labels }),
        annotations: orNone({ ...before.annotations, ...asked.annotations }),
      }),
    },
    spec: { source, ...specOf(asked, owned) },
  };
};

/** refuseUnknown ends a push that asks for what the Apps that this command knows do not have. */
export const refuseUnknown = (intent: Intent): void => {
  const [unknown] = unknownKeys(appSpec, intent['spec'], ['spec']);
  if (unknown !== undefined)
    throw new UserError(
      `Apps have no field ${show(unknown.path)} in this version of epinio`,
      'leave it out, or use a newer epinio together with a newer operator',
    );
};
