import type { App, AppSpec } from '../operator/api/app.ts';

/** GitSource is a repository. */
export interface GitSource {
  readonly url: string;
  readonly revision?: string | undefined;
  readonly secretRef?: { readonly name: string } | undefined;
}

/** RemoteSource is a source that the cluster gets by itself, as an App names it. */
export interface RemoteSource {
  readonly image?: string | undefined;
  readonly git?: GitSource | undefined;
}

/** Origin is where the source of an App comes from: a folder or an archive of this machine (as an absolute path), or elsewhere. */
export type Origin =
  { readonly type: 'path'; readonly path: string } | { readonly type: 'remote'; readonly source: RemoteSource };

/** gitOrigin is a repository; empty texts are as good as none. */
export const gitOrigin = (url: string, revision?: string, secret?: string): Origin => ({
  type: 'remote',
  source: { git: { url, ...(revision && { revision }), ...(secret && { secretRef: { name: secret } }) } },
});

/** AskedSpec is what is asked for of the spec of an App, without its source; what is absent is not asked for. */
export type AskedSpec = Partial<Omit<AppSpec, 'source'>>;

/** boundSecret is what Epinio means by a configuration of an App: a Secret, as files. */
export const boundSecret = (name: string): NonNullable<AppSpec['configurations']>[number] => ({
  name,
  kind: 'Secret',
  as: 'Files',
});

/** Asked is what an App is to be, by a manifest, by flags, or by both. */
export interface Asked {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: App['metadata']['labels'];
  readonly annotations?: App['metadata']['annotations'];
  readonly origin?: Origin;
  readonly spec: AskedSpec;
  /** What of the folder is not packed, by the rules of .gitignore. */
  readonly ignore: readonly string[];
  /** The file that says so, as an absolute path: it is no part of the sources. */
  readonly manifest?: string;
  /** All variables go that are not asked for, as far as they are ours. */
  readonly replaceEnv: boolean;
  /** The manifest is an App: whatever is not in it goes, as far as it is ours. Otherwise what is not asked for stays. */
  readonly exact: boolean;
  /** What the user should know of how the manifest is read. */
  readonly notes: readonly string[];
}

/** nothing is asked for. */
export const nothing: Asked = { spec: {}, ignore: [], replaceEnv: false, exact: false, notes: [] };

const given = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;

/** overriding puts flags over a manifest: a flag replaces the whole value, whatever kind it is. */
export const overriding = (manifest: Asked, flags: Asked): Asked => {
  const build = { ...manifest.spec.build, ...given(flags.spec.build ?? {}) };
  const spec = { ...manifest.spec, ...given(flags.spec), ...(Object.keys(build).length === 0 ? {} : { build }) };
  // Routes and that there are none are one thing, said in two fields.
  if (flags.spec.routes !== undefined && flags.spec.defaultRoute === undefined) delete spec.defaultRoute;
  return {
    ...manifest,
    ...given({ name: flags.name, namespace: flags.namespace, origin: flags.origin }),
    spec,
    replaceEnv: manifest.replaceEnv || flags.replaceEnv,
    notes: [...manifest.notes, ...flags.notes],
  };
};

/** forBuild tells whether a variable is for buildpacks; Epinio gives all variables to both, build and app. */
export const forBuild = /^BPE?_/;

type Env = NonNullable<AskedSpec['env']>;

/** envOf puts variables where they work: those of buildpacks into the build, all others into the app. */
export const envOf = (variables: readonly (readonly [name: string, value: string])[]): AskedSpec => {
  const entries = variables.map(([name, value]) => ({ name, value })) as Env;
  return {
    env: entries.filter(({ name }) => !forBuild.test(name)),
    build: { env: entries.filter(({ name }) => forBuild.test(name)) as NonNullable<AppSpec['build']>['env'] },
  };
};

/** routeOf reads `host[/path]`; a scheme in front of it is dropped, as in Epinio. */
export const routeOf = (text: string): NonNullable<AskedSpec['routes']>[number] => {
  const plain = text.trim().replace(/^https?:\/\//i, '');
  const slash = plain.indexOf('/');
  const path = slash < 0 ? '/' : plain.slice(slash).replace(/(?<=.)\/+$/, '');
  return { host: (slash < 0 ? plain : plain.slice(0, slash)).toLowerCase(), path };
};

/** routesOf asks for exactly these routes; for none at all, not even the default one, where the list is empty. */
export const routesOf = (routes: readonly string[]): AskedSpec =>
  routes.length === 0 ? { routes: [], defaultRoute: 'Disabled' } : { routes: routes.map(routeOf) };
