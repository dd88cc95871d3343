/** Examples use every field that is ours, so that tests can break each of them in turn. */

const sha256 = 'a'.repeat(64);
const condition = {
  type: 'Ready',
  status: 'True',
  observedGeneration: 1,
  lastTransitionTime: '2026-01-02T03:04:05Z',
  reason: 'Ready',
  message: 'All is well.',
};

const buildEnv = [
  { name: 'BP_NODE_VERSION', value: '24' },
  { name: 'NPM_TOKEN', valueFrom: { secretKeyRef: { name: 'npm', key: 'token' } } },
];
const bindings = [{ name: 'maven', type: 'maven', provider: 'example.org' }];
const resources = { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: 1, memory: '128Mi' } };

/** fullApp is an App that says all that an App can say. */
export const fullApp = {
  spec: {
    source: { blob: { sha256, size: 1024 } },
    build: {
      builder: 'default',
      env: buildEnv,
      bindings,
      resources,
      timeoutSeconds: 600,
      cache: { mode: 'Volume', size: '2Gi', storageClassName: 'fast', key: '2' },
      rebase: 'Auto',
      restage: '1',
      history: { succeeded: 5, failed: 2 },
    },
    stageRun: 'shop-0123456789',
    replicas: 2,
    autoscaling: {
      minReplicas: 2,
      maxReplicas: 5,
      targetCPUUtilizationPercentage: 70,
      targetMemoryUtilizationPercentage: 80,
    },
    port: 3000,
    process: 'web',
    args: ['--verbose'],
    processes: [
      {
        name: 'worker',
        process: 'worker',
        args: ['--queue', 'mail'],
        replicas: 2,
        resources,
        livenessProbe: { exec: { command: ['true'] } },
        readinessProbe: {},
        startupProbe: { tcpSocket: { port: 9000 } },
      },
      {
        name: 'clock',
        command: ['node'],
        args: ['clock.js'],
        replicas: 1,
        resources,
        livenessProbe: { exec: { command: ['true'] } },
        readinessProbe: {},
        startupProbe: { tcpSocket: { port: 9001 } },
      },
    ],
    release: { process: 'release', args: ['--all'], timeoutSeconds: 300 },
    env: [
      { name: 'GREETING', value: 'hello' },
      { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'database', key: 'password' } } },
    ],
    configurations: [
      { name: 'settings', kind: 'ConfigMap', as: 'Environment', prefix: 'SHOP_', rollOnChange: true },
      { name: 'certificate', kind: 'Secret', as: 'Files', mountPath: '/etc/shop/tls', rollOnChange: false },
      { name: 'database', kind: 'Secret', as: 'Files', serviceBinding: true, rollOnChange: true },
    ],
    rollOnChange: true,
    routes: [{ host: 'shop.example.org', path: '/', tls: { secretName: 'shop-tls', disabled: false } }],
    defaultRoute: 'Disabled',
    resources,
    livenessProbe: { httpGet: { port: 3000, path: '/healthz' }, periodSeconds: 5 },
    readinessProbe: { tcpSocket: { port: 'http' }, successThreshold: 2 },
    startupProbe: { exec: { command: ['true'] }, failureThreshold: 60 },
    pod: {
      labels: { 'example.org/team': 'web' },
      annotations: { 'example.org/owner': 'somebody' },
      nodeSelector: { 'kubernetes.io/arch': 'amd64' },
      tolerations: [{ key: 'spot', operator: 'Exists', effect: 'NoSchedule' }],
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 100,
              podAffinityTerm: {
                topologyKey: 'kubernetes.io/hostname',
                labelSelector: { matchExpressions: [{ key: 'epinio.io/app', operator: 'In', values: ['shop'] }] },
              },
            },
          ],
        },
      },
      topologySpreadConstraints: [
        { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 1 },
      ],
      priorityClassName: 'important',
      serviceAccountName: 'shop',
      imagePullSecrets: [{ name: 'private' }],
      runtimeClassName: 'gvisor',
      terminationGracePeriodSeconds: 20,
      securityProfile: 'Restricted',
      securityContext: { runAsNonRoot: true, fsGroup: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    },
    progressDeadlineSeconds: 900,
    restart: '1',
    paused: false,
  },
  status: {
    observedGeneration: 1,
    conditions: [condition],
    url: 'http://shop.example.org/',
    routes: [
      {
        host: 'shop.example.org',
        path: '/',
        name: 'shop-0123456789',
        url: 'http://shop.example.org/',
        ready: 'True',
        reason: 'Ready',
      },
    ],
    image: `registry.example.org/apps/team/shop@sha256:${sha256}`,
    stageRun: {
      ...{ desired: 'shop-0123456789', deployed: 'shop-0123456789', attempts: 1, revision: sha256 },
      unchanged: true,
    },
    source: { revision: sha256, sha256 },
    upload: {
      sha256,
      since: '2026-01-02T03:04:05Z',
      request: '1',
      url: 'http://s3.example.org/',
      headers: { 'content-length': '3' },
      expiresAt: '2026-01-02T03:04:05Z',
      rejected: { reason: 'UploadRejected', message: 'It had other bytes.' },
      relay: { image: 'example.org/epinio/operator:1', endpoint: 'http://minio.example.org:9000' },
    },
    release: {
      inputs: sha256,
      job: 'shop-0123456789',
      state: 'Failed',
      exitCode: 1,
      message: 'The release ends with exit code 1.',
      logTail: 'Error',
      released: [sha256],
    },
    failure: { reason: 'CrashLoopBackOff', message: 'The app ends with exit code 1.' },
    replicas: 2,
    readyReplicas: 2,
    selector: 'epinio.io/app=shop,epinio.io/process=web',
  },
};

/** fullStageRun is a StageRun with every field; reason and cancelled as the operator and a person would set them. */
export const fullStageRun = {
  spec: {
    appRef: { name: 'shop' },
    inputs: sha256,
    source: {
      git: {
        url: 'https://git.example.org/team/shop.git',
        revision: 'main',
        subPath: 'services/shop',
        secretRef: { name: 'git-key' },
        submodules: 'Recursive',
      },
    },
    builder: 'default',
    env: buildEnv,
    bindings,
    resources,
    timeoutSeconds: 600,
    cache: { mode: 'Volume', size: '2Gi', storageClassName: 'fast', key: '2' },
    rebase: { stageRun: 'shop-0123456789', runImage: `sha256:${sha256}` },
    reason: 'Source',
    cancelled: false,
  },
  status: {
    observedGeneration: 1,
    conditions: [{ ...condition, type: 'Succeeded' }],
    queuePosition: 3,
    startTime: '2026-01-02T03:04:05Z',
    completionTime: '2026-01-02T03:05:05Z',
    steps: [
      {
        name: 'build',
        startedAt: '2026-01-02T03:04:05Z',
        finishedAt: '2026-01-02T03:05:05Z',
        exitCode: 51,
        reason: 'Error',
      },
    ],
    attempts: 1,
    revision: sha256,
    image: `registry.example.org/apps/team/shop@sha256:${sha256}`,
    size: { image: 1048576, added: 4096, cache: 1024 },
    base: `sha256:${sha256}`,
    ports: [8080],
    buildpacks: [{ id: 'epinio/static', version: '1.0.0' }],
    processes: [{ type: 'web', command: ['node'], args: ['server.js'], default: true }],
    platform: {
      hash: sha256,
      repository: 'registry.example.org/apps/team/shop',
      tag: 'shop-0123456789',
      cacheRepository: 'registry.example.org/apps/team/shop/cache',
      cacheClaim: 'shop-0123456789',
      previousImage: `registry.example.org/apps/team/shop@sha256:${sha256}`,
      builderImage: 'registry.example.org/builder:1',
      runImage: 'registry.example.org/run:1',
      runImageDigest: `sha256:${sha256}`,
      uid: 1001,
      gid: 1000,
      platformAPI: '0.13',
    },
    failure: { step: 'build', exitCode: 51, reason: 'BuildFailed', message: 'It failed.', logTail: 'Error' },
    log: {
      request: '1',
      key: `logs/team/shop-0123456789/${sha256}.log`,
      size: 4096,
      url: 'https://s3.example.org/log',
      expiresAt: '2026-11-25T10:00:00Z',
      message: 'There is none yet.',
    },
    jobName: 'shop-0123456789',
  },
};

/** fullAppRoute is an AppRoute with every field. */
export const fullAppRoute = {
  spec: {
    appRef: { name: 'shop' },
    host: 'shop.example.org',
    path: '/api',
    tls: { issuerRef: { kind: 'ClusterIssuer', name: 'letsencrypt' }, disabled: false },
    ingressClassName: 'traefik',
  },
  status: {
    observedGeneration: 1,
    conditions: [condition],
    host: 'Taken',
    hostFreeSince: '2026-01-02T03:04:05Z',
    url: 'http://shop.example.org/api',
    address: '192.0.2.1',
  },
};
