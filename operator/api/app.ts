import { z } from 'zod';
import { resource, type KubeObject, type ObjectMeta } from '../kube/resource.ts';
import {
  conditions,
  count,
  filled,
  host,
  labelName,
  mapList,
  observedGeneration,
  path,
  rules,
  text,
  time,
} from './fields.ts';
import { autoscaling } from './autoscaling.ts';
import { configurations } from './configurations.ts';
import { envVar, probe, readinessProbe, resourceRequirements } from './kubernetes.ts';
import { group, version } from './names.ts';
import { pod } from './pod.ts';
import { maxProcesses, oneCommand, process, processType, words } from './process.ts';
import { release, releaseStatus } from './release.ts';
import { tls } from './tls.ts';
import { buildBindings, buildEnv, builder, cache, rebase, source, timeoutSeconds } from './source.ts';

/** Live is metadata as the API server returns it: what it always sets is there. */
export type Live = ObjectMeta & {
  name: string;
  namespace: string;
  uid: string;
  generation: number;
  creationTimestamp: string;
};

const history = z
  .object({
    succeeded: count(0, 100).optional().describe('succeeded is how many successful StageRuns are kept; default 3.'),
    failed: count(0, 100).optional().describe('failed is how many failed or cancelled StageRuns are kept; default 1.'),
  })
  .describe(
    'history is how many StageRuns are kept once they have ended, with their images and logs. The deployed, the wanted and the newest one are kept in any case.',
  );

const build = z
  .object({
    builder: builder.optional(),
    env: buildEnv.optional(),
    bindings: buildBindings.optional(),
    resources: resourceRequirements
      .optional()
      .describe(
        'resources are requests and limits of every container of the build; those that run none of your code may use 256Mi of memory at least. Default: as the installation says.',
      ),
    timeoutSeconds: timeoutSeconds.optional(),
    cache: cache.optional(),
    rebase: rebase.optional(),
    history: history.optional(),
    restage: text(256)
      .optional()
      .describe(
        'restage is any text; a new one builds the same source again, an earlier one returns to the earlier build.',
      ),
  })
  .describe('build says how the source becomes an image.');

const route = z
  .object({
    host: host().describe('host is the name under which the app is reached, in lower case, such as shop.example.org.'),
    path: path()
      .default('/')
      .describe('path is the prefix of the paths that go to the app; it starts with / and does not end with it.'),
    tls: tls.optional(),
  })
  .describe('Route is one address of the app.');
export type Route = z.output<typeof route>;

/** appSpec is what a user wants. */
export const appSpec = z
  .object({
    source: source.optional(),
    build: build.optional(),
    stageRun: labelName('stageRun')
      .optional()
      .describe(
        'stageRun is the name of an earlier successful StageRun of this App whose image is to run: a rollback. Nothing is built while it is set.',
      ),
    replicas: count(0, 10_000)
      .default(1)
      .describe(
        'replicas is how many pods serve the app; 0 stops it. `kubectl scale` and autoscalers write this field.',
      ),
    autoscaling: autoscaling.optional(),
    port: count(1, 65_535)
      .default(8080)
      .describe('port is where the app listens; it is given to the app as the variable PORT.'),
    process: processType()
      .optional()
      .describe(
        'process is the type of the process of the image that serves the web. Default: web, else the only or the default one of the image.',
      ),
    command: words()
      .optional()
      .describe(
        'command is started instead of a process of the image: a program and its arguments, without a shell; in an image that was built here with the environment of its buildpacks.',
      ),
    args: words().optional().describe('args are given to the process or the command that serves the web.'),
    processes: z
      .array(process)
      .max(maxProcesses)
      .meta(mapList('name'))
      .optional()
      .describe(
        'processes are more commands of the same image, such as workers, each with pods of its own that get no requests. They are rolled out together with the pods that serve the web.',
      ),
    release: release.optional(),
    env: z
      .array(envVar)
      .max(500)
      .meta(mapList('name'))
      .optional()
      .describe('env is the environment of the running app.'),
    configurations: configurations.optional(),
    rollOnChange: z
      .boolean()
      .optional()
      .describe(
        'rollOnChange false keeps the pods when a Secret or ConfigMap changes that configurations or env name. Default: true. Changing it replaces the pods once.',
      ),
    routes: z
      .array(route)
      .max(64)
      .meta(mapList('host', 'path'))
      .optional()
      .describe(
        'routes are the addresses of the app. Without any, the default route is made, unless defaultRoute says otherwise.',
      ),
    defaultRoute: z
      .enum(['Enabled', 'Disabled'])
      .default('Enabled')
      .describe(
        'defaultRoute says whether an App without routes gets the route <name>.<domain of the installation>: Enabled or Disabled.',
      ),
    resources: resourceRequirements.optional().describe('resources are requests and limits of each pod of the app.'),
    livenessProbe: probe.optional().describe('livenessProbe restarts the app when it fails. Default: none.'),
    readinessProbe: readinessProbe
      .optional()
      .describe(
        'readinessProbe keeps requests away from a pod while it fails. Default: a TCP connection to port; an empty one ({}) means none, for an app that listens on nothing.',
      ),
    startupProbe: probe
      .optional()
      .describe('startupProbe holds the other probes back until it succeeds. Default: none.'),
    pod: pod.optional(),
    progressDeadlineSeconds: count(60, 86_400)
      .optional()
      .describe(
        'progressDeadlineSeconds is after how long without progress a rollout counts as failed (RolloutFailed); the pods of before serve on. Default: 600.',
      ),
    restart: text(256).optional().describe('restart is any text; a new one replaces the pods, one after the other.'),
    paused: z
      .boolean()
      .optional()
      .describe('paused true keeps everything as it is: nothing new is built, rolled out or routed.'),
  })
  .meta(rules(oneCommand))
  .describe('spec is what you want; only you write it.');
export type AppSpec = z.output<typeof appSpec>;

const said = z.object({
  reason: filled(1024).describe('reason is one word for it.'),
  message: text(4096).describe('message says what is wrong and what to do.'),
});

const upload = z
  .object({
    sha256: filled(64).describe('sha256 of the archive that is awaited.'),
    since: time().describe(
      'since is when this upload was first asked for; 24 hours later no new url is made until the spec or the annotation epinio.io/request-upload changes.',
    ),
    request: text(256).optional().describe('request is the value of epinio.io/request-upload that was answered last.'),
    url: filled(4096, /^https?:\/\//)
      .optional()
      .describe('url accepts one PUT of the archive: `curl -T <archive> <url>` with the headers below.'),
    headers: z
      .record(z.string(), text(1024))
      .meta({ maxProperties: 16 })
      .optional()
      .describe('headers must be sent with the PUT, exactly as they are here.'),
    expiresAt: time().optional().describe('expiresAt is when the url stops working; a new one appears in time.'),
    rejected: said.optional().describe('rejected is what was wrong with the last upload, until another one is there.'),
    relay: z
      .object({
        image: filled(1024).describe(
          'image has the program `forward`, which passes bytes on to FORWARD_TO and nowhere else.',
        ),
        endpoint: filled(1024, /^https?:\/\//).describe('endpoint is where pods of the cluster reach the storage.'),
      })
      .optional()
      .describe(
        'relay is for a client that cannot reach the url: what a pod of its own needs, to which it forwards a port.',
      ),
  })
  .describe('upload is where the archive of source.blob is awaited; absent when nothing is awaited.');

const routeStatus = z
  .object({
    host: filled(253).describe('host of the route.'),
    path: filled(512).describe('path of the route.'),
    name: filled(253).optional().describe('name of the AppRoute that holds the route.'),
    url: filled(1024).optional().describe('url of the route.'),
    ready: z.enum(['True', 'False', 'Unknown']).describe('ready is the status of the Ready condition of the AppRoute.'),
    reason: text(1024).optional().describe('reason of the Ready condition of the AppRoute.'),
  })
  .describe('RouteStatus is what became of one route.');

/** appStatus is what the operator sees. */
export const appStatus = z
  .object({
    observedGeneration: observedGeneration.optional(),
    conditions: conditions.optional(),
    url: filled(1024)
      .optional()
      .describe(
        'url is the first address of the app; absent until there is an image to run and the route leads to it.',
      ),
    routes: z
      .array(routeStatus)
      .max(64)
      .meta(mapList('host', 'path'))
      .optional()
      .describe('routes are the routes of the spec (or the default route) and what became of them.'),
    image: filled(1024).optional().describe('image is the image that serves, with its digest.'),
    stageRun: z
      .object({
        desired: filled(63).optional().describe('desired is the StageRun whose image is wanted.'),
        deployed: filled(63).optional().describe('deployed is the StageRun whose image serves.'),
        attempts: count(0)
          .optional()
          .describe(
            'attempts is how often the desired StageRun failed for no fault of the App and was, or will be, made again.',
          ),
        revision: filled(64)
          .optional()
          .describe(
            'revision is the commit that the desired StageRun builds, known once it was looked up; another attempt builds the same.',
          ),
        unchanged: z
          .boolean()
          .optional()
          .describe('unchanged true: the desired StageRun produced the image that was running already.'),
      })
      .optional()
      .describe('stageRun names the StageRuns whose images are wanted and served.'),
    source: z
      .object({
        revision: filled(256).optional().describe('revision is the commit that serves.'),
        sha256: filled(64).optional().describe('sha256 is the digest of the archive that serves.'),
      })
      .optional()
      .describe('source is what the serving image was built from.'),
    upload: upload.optional(),
    release: releaseStatus.optional(),
    failure: said
      .optional()
      .describe(
        'failure is what keeps the pods of this generation from serving, in the words in which it was first found: their log and events may be gone by now.',
      ),
    replicas: count(0).optional().describe('replicas is how many pods serve the app now.'),
    readyReplicas: count(0).optional().describe('readyReplicas is how many of them are ready.'),
    selector: text(1024).optional().describe('selector selects the pods that serve the app; autoscalers read it.'),
  })
  .describe('status is what the operator sees; only the operator writes it.');
export type AppStatus = z.output<typeof appStatus>;

/** App is a web application: its source, and how it is to run. */
export interface App extends KubeObject {
  readonly metadata: Live;
  readonly spec: AppSpec;
  readonly status?: AppStatus;
}
export const App = resource<App>({ group, version, kind: 'App', plural: 'apps' });
