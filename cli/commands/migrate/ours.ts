import { configurationsRoot } from '../../../operator/api/configurations.ts';
import { child, group, labels, version } from '../../../operator/api/names.ts';
import { keyOf, type Key, type KubeObject } from '../../../operator/kube/resource.ts';
import { boundSecret, forBuild, routeOf } from '../../asked.ts';
import { portOf, theOneChart } from '../../manifest/epinioyml.ts';
import { shortName } from '../../name.ts';
import type { Bound, Former, FormerApp } from './former.ts';

/** Ours is what an App of Epinio 1.x becomes, and what of it has no counterpart. */
export interface Ours {
  readonly key: Key;
  /** The variables, in a Secret as before: they stay out of what everybody may read. */
  readonly secret: KubeObject | undefined;
  /** undefined where there can be none. */
  readonly app: KubeObject | undefined;
  readonly notes: readonly string[];
}

/** quoted is a word as it may be pasted into a shell, whoever wrote it. */
const quoted = (word: string): string =>
  /^[\w.,:@%/+~=-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;

const textOf = ({ host, path = '/' }: ReturnType<typeof routeOf>): string => `${host}${path === '/' ? '' : path}`;

interface Part {
  readonly spec: object;
  readonly notes: readonly string[];
}

const sourceOf = ({ spec }: FormerApp, name: string): Part => {
  const { container, git, path } = spec?.origin ?? {};
  if (container !== undefined) return { spec: { source: { image: container } }, notes: [] };
  if (git?.repository === undefined)
    return {
      spec: {},
      notes: [
        `its sources were uploaded${path === undefined ? '' : ` from ${path}`}, so push them again there: epinio push --name ${name}`,
      ],
    };
  const { repository: url, branch, gitconfig } = git;
  const revision = git.revision ?? branch;
  const secretRef = gitconfig === undefined ? undefined : { name: gitconfig };
  return {
    spec: { source: { git: { url, ...(revision !== undefined && { revision }), ...(secretRef && { secretRef }) } } },
    notes:
      gitconfig === undefined
        ? []
        : [
            `its credential is not copied: epinio gitconfig create ${quoted(gitconfig)} ${quoted(url)} --username … --password-file -`,
          ],
  };
};

const settingsOf = ({ spec }: FormerApp): Part => {
  const { appListeningPort, ...others } = spec?.settings ?? {};
  const port = appListeningPort === undefined ? undefined : portOf(appListeningPort);
  const lost = [
    ...Object.keys(others),
    ...(appListeningPort !== undefined && port === undefined ? ['appListeningPort'] : []),
  ];
  const { chartname = theOneChart, builderimage } = spec ?? {};
  return {
    spec: port === undefined ? {} : { port },
    notes: [
      ...(lost.length > 0
        ? [`chart values have no counterpart: ${lost.join(', ')} (see kubectl explain apps.epinio.io.spec)`]
        : []),
      ...(chartname === theOneChart ? [] : [`the application chart ${chartname} has no counterpart`]),
      ...(builderimage === undefined
        ? []
        : [
            `it was built by ${builderimage}, and is built by the default builder here unless build.builder says otherwise`,
          ]),
    ],
  };
};

/** The folder of what a service made: the name of the service, with a number for all but the first, in the order of names. */
const mountPathOf = ({ service, name }: Bound, all: readonly Bound[]): object => {
  if (service === undefined) return {};
  const at = all.filter((other) => other.service === service).findIndex((other) => other.name === name);
  const folder = at === 0 ? service : `${service}-${at + 1}`;
  return folder === name ? {} : { mountPath: `${configurationsRoot}/${folder}` };
};

const bindingsOf = ({ configurations }: Former): object =>
  configurations.length === 0
    ? {}
    : {
        configurations: configurations.map((bound) => ({
          ...boundSecret(bound.name),
          ...mountPathOf(bound, configurations),
        })),
      };

const environmentOf = ({ app, environment }: Former) => {
  const { namespace, name } = keyOf(app);
  const names = Object.keys(environment).toSorted();
  if (names.length === 0) return { spec: {}, secret: undefined };
  const secret = child(name, 'environment');
  const entries = names.map((key) => ({ name: key, valueFrom: { secretKeyRef: { name: secret, key } } }));
  const env = entries.filter((entry) => !forBuild.test(entry.name));
  const build = entries.filter((entry) => forBuild.test(entry.name));
  const metadata = { name: secret, namespace, labels: { [labels.configuration]: 'true' } };
  return {
    spec: { ...(env.length > 0 && { env }), ...(build.length > 0 && { build: { env: build } }) },
    secret: { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: environment } as KubeObject,
  };
};

/** The former App serves its routes. A second Ingress for them, with nothing behind it yet, would take requests from it. */
const routingOf = ({ spec }: FormerApp, name: string): Part => {
  const { routes } = spec ?? {};
  if (routes === undefined) return { spec: {}, notes: [] };
  const texts = routes.map((text) => quoted(textOf(routeOf(text)))).join(' ');
  return {
    spec: { defaultRoute: 'Disabled' },
    notes:
      routes.length === 0
        ? []
        : [
            `its routes stay with the former App. When this one is ready: epinio route add ${name} ${texts}, and then delete the former`,
          ],
  };
};

/** oursOf maps an App of Epinio 1.x to what it is here. It judges nothing that the API server judges better. */
export const oursOf = (former: Former): Ours => {
  const key = keyOf(former.app);
  const { namespace, name } = key;
  if (!shortName.test(name)) {
    const note = `the name ${name} cannot be that of an App: at most 63 letters, digits and -, no dots`;
    return { key, app: undefined, secret: undefined, notes: [note] };
  }
  const environment = environmentOf(former);
  const parts = [sourceOf(former.app, name), settingsOf(former.app), routingOf(former.app, name)];
  const spec = {
    ...(Object.assign({}, ...parts.map((part) => part.spec)) as object),
    ...(former.instances !== undefined && { replicas: former.instances }),
    ...environment.spec,
    ...bindingsOf(former),
  };
  const app = { apiVersion: `${group}/${version}`, kind: 'App', metadata: { name, namespace }, spec } as KubeObject;
  return { key, app, secret: environment.secret, notes: parts.flatMap((part) => part.notes) };
};
