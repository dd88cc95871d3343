import type { V1CustomResourceColumnDefinition, V1CustomResourceDefinition } from '@kubernetes/client-node';
import type { z } from 'zod';
import type { Resource, Wire } from '../../kube/resource.ts';
import { App, appSpec, appStatus } from '../app.ts';
import { AppRoute, appRouteSpec, appRouteStatus } from '../approute.ts';
import { toStructural } from './convert.ts';
import type { Rule } from '../fields.ts';
import { group, version } from '../names.ts';
import { placeholder } from '../placeholder.ts';
import type { Schema } from './schema.ts';
import { StageRun, stageRunSpec, stageRunStatus } from '../stagerun.ts';

/** Crd is a CustomResourceDefinition as plain JSON. */
export type Crd = Wire<V1CustomResourceDefinition>;

type Column = Wire<V1CustomResourceColumnDefinition>;

interface Kind {
  readonly resource: Resource;
  readonly description: string;
  readonly spec: z.ZodType;
  /** A kind whose spec has no required field can be written without one. */
  readonly specOptional?: boolean;
  readonly status: z.ZodType;
  /** The condition that sums up all others. */
  readonly summary: 'Ready' | 'Succeeded';
  readonly nameRule?: Rule;
  readonly columns: readonly Column[];
  readonly selectable?: readonly string[];
  readonly scale?: boolean;
}

const wide = (column: Column): Column => ({ ...column, priority: 1 });

const column = (name: string, jsonPath: string, description: string, type = 'string'): Column => ({
  name,
  type,
  description,
  jsonPath,
});

const condition = (type: string, field: string): string => `.status.conditions[?(@.type=="${type}")].${field}`;

const age = column('Age', '.metadata.creationTimestamp', 'How long the object has been there.', 'date');

/** verdict are the columns that say in one line how things are. */
const verdict = (type: string): [Column, Column, Column] => [
  column(type, condition(type, 'status'), `Status of the condition ${type}.`),
  column('Status', condition(type, 'reason'), `Reason of the condition ${type}.`),
  wide(column('Message', condition(type, 'message'), `Message of the condition ${type}: what is so and what to do.`)),
];

/** labelLikeName is for kinds whose name becomes a label, a host name or the start of other names. */
const labelLikeName = (kind: string): Rule => ({
  rule: "!self.metadata.name.contains('.') && self.metadata.name.size() <= 63",
  message: `the name of ${kind} must have at most 63 characters and no dots: choose another metadata.name`,
});

const [appReady, appReason, appMessage] = verdict('Ready');
const [runSucceeded, runReason, runMessage] = verdict('Succeeded');
const [routeReady, routeReason, routeMessage] = verdict('Ready');

const kinds: readonly Kind[] = [
  {
    resource: App,
    description:
      'App is a web application: where its source is, and how it is to run. Applying an App pushes it: the operator builds the source with Cloud Native Buildpacks, runs the image and routes a URL to it.',
    spec: appSpec,
    specOptional: true,
    status: appStatus,
    summary: 'Ready',
    nameRule: labelLikeName('an App'),
    columns: [
      appReady,
      appReason,
      column('Replicas', '.status.replicas', 'How many pods serve the app.', 'integer'),
      column('URL', '.status.url', 'Where the app can be reached.'),
      wide(column('Revision', '.status.source.revision', 'The commit that serves.')),
      wide(column('Image', '.status.image', 'The image that serves.')),
      wide(column('StageRun', '.status.stageRun.deployed', 'The StageRun whose image serves.')),
      appMessage,
      age,
    ],
    scale: true,
  },
  {
    resource: AppRoute,
    description:
      'AppRoute is one address, host and path, of an App. A host belongs to the namespace of its oldest AppRoute. Apps make AppRoutes for spec.routes; others may be written by hand.',
    spec: appRouteSpec,
    status: appRouteStatus,
    summary: 'Ready',
    columns: [
      column('App', '.spec.appRef.name', 'The App that answers.'),
      column('Host', '.spec.host', 'The host of the route.'),
      column('Path', '.spec.path', 'The path of the route.'),
      routeReady,
      routeReason,
      wide(column('URL', '.status.url', 'The address to open.')),
      wide(column('Address', '.status.address', 'The address of the load balancer.')),
      routeMessage,
      age,
    ],
    selectable: ['.spec.appRef.name', '.spec.host'],
  },
  {
    resource: StageRun,
    description:
      'StageRun is one build of an App, from source to image. The operator makes StageRuns from Apps and keeps them as history; deleting one builds again if its App still wants it.',
    spec: stageRunSpec,
    status: stageRunStatus,
    summary: 'Succeeded',
    nameRule: labelLikeName('a StageRun'),
    columns: [
      column('App', '.spec.appRef.name', 'The App that is built.'),
      runSucceeded,
      runReason,
      column('Started', '.status.startTime', 'When the Job was made.', 'date'),
      column('Ended', '.status.completionTime', 'When the run ended.', 'date'),
      wide(column('Ahead', '.status.queuePosition', 'How many runs are ahead of this one.', 'integer')),
      wide(column('Revision', '.status.revision', 'The commit that was built.')),
      wide(column('Image', '.status.image', 'The image that was built.')),
      runMessage,
      age,
    ],
    selectable: ['.spec.appRef.name'],
  },
];

const apiVersionText =
  'apiVersion is the version of the schema of this object. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources';
const kindText =
  'kind is the type of this object. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds';

const rootSchema = (kind: Kind): Schema => ({
  description: kind.description,
  type: 'object',
  ...(kind.specOptional === true ? {} : { required: ['spec'] }),
  ...(kind.nameRule && { 'x-kubernetes-validations': [kind.nameRule] }),
  properties: {
    apiVersion: { description: apiVersionText, type: 'string' },
    kind: { description: kindText, type: 'string' },
    metadata: { type: 'object' },
    spec: { ...toStructural(kind.spec), ...(kind.specOptional === true && { default: {} }) },
    status: { ...toStructural(kind.status), default: placeholder(kind.summary) },
  },
});

const definitionOf = (kind: Kind): Crd => {
  const { resource } = kind;
  const singular = resource.kind.toLowerCase();
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${resource.plural}.${group}`,
      labels: { 'app.kubernetes.io/name': 'epinio', 'app.kubernetes.io/component': 'crd' },
    },
    spec: {
      group,
      names: {
        kind: resource.kind,
        listKind: `${resource.kind}List`,
        plural: resource.plural,
        singular,
        categories: ['epinio'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: [...kind.columns],
          ...(kind.selectable && { selectableFields: kind.selectable.map((jsonPath) => ({ jsonPath })) }),
          subresources: {
            status: {},
            ...(kind.scale === true && {
              scale: {
                specReplicasPath: '.spec.replicas',
                statusReplicasPath: '.status.replicas',
                labelSelectorPath: '.status.selector',
              },
            }),
          },
          schema: { openAPIV3Schema: rootSchema(kind) as never },
        },
      ],
    },
  };
};

/** crds are our CustomResourceDefinitions, by file name. */
export const crds = (): ReadonlyMap<string, Crd> =>
  new Map(kinds.map((kind) => [`${group}_${kind.resource.plural}.yaml`, definitionOf(kind)]));

/** schemaOf gives the schema of a CustomResourceDefinition of ours. */
export const schemaOf = (crd: Crd): Schema => crd.spec.versions[0]?.schema?.openAPIV3Schema as Schema;
