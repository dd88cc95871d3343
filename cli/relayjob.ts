import type { AppStatus } from '../operator/api/app.ts';
import { child, group, version } from '../operator/api/names.ts';
import type { Key } from '../operator/kube/resource.ts';

/** RelaySpec is status.upload.relay of an App: the image of the pod, and where pods reach the storage. */
export type RelaySpec = NonNullable<NonNullable<AppStatus['upload']>['relay']>;

/** relayPort is where the pod listens, on its own loopback. */
export const relayPort = 9000;

/** No upload address lasts longer: whatever becomes of everybody, the pod ends then. */
const mostSeconds = 3600;
/** Without a connection for so long nobody needs the pod any more: whoever made it was killed, or its machine sleeps. */
const idleSeconds = 60;

const portOf = ({ protocol, port }: URL): string => port || (protocol === 'https:' ? '443' : '80');

const environment = (endpoint: string): Record<string, string> => {
  const url = new URL(endpoint);
  return {
    FORWARD_TO: `${url.hostname.replace(/^\[|\]$/g, '')}:${portOf(url)}`,
    FORWARD_PORT: String(relayPort),
    // Nobody but who may forward a port of this pod gets in.
    FORWARD_HOST: '127.0.0.1',
    FORWARD_IDLE_SECONDS: String(idleSeconds),
  };
};

const containerOf = ({ image, endpoint }: RelaySpec) => ({
  name: 'relay',
  image,
  args: ['forward'],
  env: Object.entries(environment(endpoint)).map(([name, value]) => ({ name, value })),
  // All four: a quota may ask for each.
  resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: '1', memory: '192Mi' } },
  securityContext: {
    ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
    capabilities: { drop: ['ALL'] },
  },
});

/** relayJob is the pod of a relay, as a Job that goes by itself: restricted, without a token, and with one address to lead to. */
export const relayJob = (app: Key & { readonly uid: string }, spec: RelaySpec, id: string) => {
  const name = child(app.name, `relay/${id}`);
  const tags = { 'app.kubernetes.io/component': 'relay', 'epinio.io/relay': name };
  const owner = { apiVersion: `${group}/${version}`, kind: 'App', name: app.name, uid: app.uid };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { namespace: app.namespace, name, labels: tags, ownerReferences: [owner] },
    spec: {
      ...{ backoffLimit: 0, activeDeadlineSeconds: mostSeconds, ttlSecondsAfterFinished: 60 },
      template: {
        metadata: {
          labels: tags,
          annotations: { 'sidecar.istio.io/inject': 'false', 'linkerd.io/inject': 'disabled' },
        },
        spec: {
          ...{ restartPolicy: 'Never', terminationGracePeriodSeconds: 0 },
          ...{ automountServiceAccountToken: false, enableServiceLinks: false },
          securityContext: {
            ...{ runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532 },
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [containerOf(spec)],
        },
      },
    },
  } as const;
};
