import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { registryAddresses } from './registry/addresses.ts';

const dns1123 = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const hostname = z.string().max(253).regex(dns1123, 'must be a lower-case DNS name');
/** Without a dot or a port, image references would take it for a part of a path at docker.io. */
const registryHost = z
  .string()
  .regex(/^(localhost|[a-zA-Z0-9][a-zA-Z0-9-]*(\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9-]+(?=:)|\[[0-9a-fA-F:]+\])(:\d{1,5})?$/, {
    error: 'must be host[:port] with a dot or a port in it, without scheme and path',
  });
const quantity = z
  .string()
  .regex(/^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/, 'must be a Kubernetes quantity, e.g. 500m or 1Gi');
const resources = z.strictObject({
  requests: z.record(z.string(), quantity).default({}),
  limits: z.record(z.string(), quantity).default({}),
});
const toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().optional(),
});

/**
 * s3Url takes what the S3 client and the presigner can work with: scheme, host and port. Both leave the rest of a URL away, and
 * the client takes no other hosts.
 */
const s3Url = z
  .url({ protocol: /^https?$/, error: 'must be a URL such as https://s3.example.com:9000' })
  .check((ctx) => {
    if (!URL.canParse(ctx.value)) return;
    const { hostname: host, port, pathname, search, hash, username, password } = new URL(ctx.value);
    const complain = (message: string): void => void ctx.issues.push({ code: 'custom', input: ctx.value, message });
    if (pathname !== '/' || search !== '' || hash !== '')
      complain('must end with host and port, without a path or query');
    if (username !== '' || password !== '') complain('must not hold a key: name a Secret in s3.secretRef');
    if (host.startsWith('[') ? port === '' : !/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/.test(host))
      complain(
        host.startsWith('[')
          ? 'must have a port other than the default one, as its host is an IPv6 address'
          : 'must have a host of letters, digits, dots, - and _ that begins and ends with a letter or digit',
      );
  });
/** The rules of S3, which the client checks too. */
const bucket = z.string().regex(/^(?!.*\.\.)(?!.*\d+\.\d+\.\d+\.\d+)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, {
  error: 'must have 3 to 63 lower-case letters, digits, - and dots, and be no IP address',
});

const routes = z.strictObject({
  /** Whether routes may have hosts such as `*.example.com`. */
  wildcards: z.boolean().default(false),
  /** Hosts that all namespaces may share, by path. */
  sharedHosts: z.array(hostname).default([]),
  /** Hosts of the platform itself: no App may claim them. */
  platformHosts: z.array(hostname).default([]),
});

const objectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, 'must be the name of an object');

const ingress = z.strictObject({
  /** IngressClass of the Ingresses; absent = the cluster's default class. */
  className: z.string().optional(),
  annotations: z.record(z.string(), z.string()).default({}),
  /** Annotations that Ingresses bear besides while they serve https: what makes the controller redirect from http, for example. */
  tlsAnnotations: z.record(z.string(), z.string()).default({}),
  /** Port under which users reach the Ingress controller, or the Gateway, by http; shown in URLs unless it is 80. */
  httpPort: z.int().min(1).max(65535).default(80),
  /** Port under which users reach it by https; shown in URLs unless it is 443. */
  httpsPort: z.int().min(1).max(65535).default(443),
  /** The Ingress controller writes an address into the status of Ingresses: a route is not ready before it is there. */
  waitForAddress: z.boolean().default(false),
});

const gateway = z.strictObject({
  /** Namespace and name of the Gateway of the Gateway API that serves the Apps, by HTTPRoutes in the place of Ingresses. */
  namespace: objectName,
  name: objectName,
  /** The one listener that routes use; absent: all that take their hosts. */
  sectionName: objectName.optional(),
  /** Requests by http are sent on to https where a listener has a certificate for the host. */
  redirectToHttps: z.boolean().default(false),
  /** Ingresses that routes have stay beside their HTTPRoutes, while DNS is moved from the Ingress controller to the Gateway. */
  keepIngresses: z.boolean().default(false),
});

const tls = z.strictObject({
  /** Issuer of cert-manager for routes that name neither a Secret nor an issuer; a kind Issuer must exist in each namespace. */
  issuerRef: z
    .strictObject({ kind: z.enum(['ClusterIssuer', 'Issuer']).default('ClusterIssuer'), name: objectName })
    .optional(),
  /** ClusterIssuers that routes may name, beside that of issuerRef. Issuers of their own namespace they always may. */
  allowedIssuers: z.array(objectName).default([]),
  /**
   * TLS Secret of the operator's namespace with the certificate that the Ingress controller serves where an Ingress names none,
   * such as one for `*.<domain>`: routes with hosts that it covers are served by https at once, and its key lies in no other
   * namespace.
   */
  defaultCertificateRef: objectName.optional(),
});

const s3 = z
  .strictObject({
    /** URL of the S3 server as pods of the cluster reach it. */
    endpoint: s3Url,
    /** URL as the clients that upload reach it; default: endpoint. */
    publicEndpoint: s3Url.optional(),
    region: z
      .string()
      .regex(/^[A-Za-z0-9-]+$/, 'must be the name of a region')
      .default('us-east-1'),
    bucket,
    /** Where requests name the bucket: in the path, or before the host (`<bucket>.<host>`). */
    addressing: z.enum(['Path', 'VirtualHost']).default('Path'),
    /** Prefix of all keys of this installation, with its trailing slash. */
    prefix: z
      .string()
      .regex(/^([A-Za-z0-9._-]+\/)*$/, 'must be empty or end with /')
      .default(''),
    /** Secret of the operator's namespace with accessKey and secretKey. */
    secretRef: z.string().default('epinio-s3'),
    /** Where the server has no STS: Secret with a key that may only put objects below <prefix>blobs/ and <prefix>probe/. */
    uploadSecretRef: z.string().optional(),
    /** Where the server has no STS: Secret with a key that may only get objects below <prefix>blobs/ and <prefix>logs/. */
    downloadSecretRef: z.string().optional(),
    /** Where the server has no STS and those two keys are not named: sign with the main key, whose name every URL then shows. */
    signWithMainKey: z.boolean().default(false),
    /** Secret of the operator's namespace whose ca.crt signs the server's certificate. */
    caRef: z.string().optional(),
  })
  .check((ctx) => {
    const { addressing, bucket, endpoint, publicEndpoint = endpoint } = ctx.value;
    if (addressing === 'Path') return;
    const complain = (message: string): void =>
      void ctx.issues.push({ code: 'custom', path: ['addressing'], input: addressing, message });
    // A certificate's wildcard covers one label; the client would go another way than the signatures.
    if (bucket.includes('.')) complain('VirtualHost needs a bucket without dots');
    if ([endpoint, publicEndpoint].some((url) => URL.canParse(url) && /^(\[|[\d.]+$)/.test(new URL(url).hostname)))
      complain('VirtualHost needs endpoints with names, not IP addresses');
  });

const registry = z.strictObject({
  /** host[:port] that build Jobs push to. */
  push: registryHost,
  /** host[:port] that nodes pull from; default: push. */
  pull: registryHost.optional(),
  /** Path before <namespace>/<app>, without slashes around. */
  prefix: z
    .string()
    .regex(/^([a-z0-9]+([._/-][a-z0-9]+)*)?$/, 'must be a repository path without slashes around')
    .default('apps'),
  /** Token: a bearer token for each run, signed by the operator; Secret: a dockerconfigjson of the namespace. */
  auth: z.enum(['Token', 'Secret']).default('Token'),
  /** Token: Secret with tls.crt and tls.key that sign tokens. Secret: name of the dockerconfigjson Secret. */
  secretRef: z.string().default('epinio-registry-token'),
  /**
   * Name of the dockerconfigjson Secret that nodes pull with, kept in each namespace that holds Apps: a credential of that
   * namespace where pullKeyRef exists, else a copy of the Secret of this name in the operator's namespace.
   */
  pullSecretRef: z.string().optional(),
  /** Secret of the operator's namespace with the keys that namespaces' credentials for the bundled registry are derived from. */
  pullKeyRef: z.string().default('epinio-registry-pull-key'),
  /** Further host[:port] by which nodes or pods reach the same registry: no App may name images there, but its own. */
  aliases: z.array(registryHost).default([]),
  /** Secret of the operator's namespace whose ca.crt signs the registry's certificate. */
  caRef: z.string().optional(),
  /** The push door speaks plain HTTP. */
  insecure: z.boolean().default(false),
  /** Secret auth only: use the operator's own Secret in all namespaces, which therefore trust each other. */
  shared: z.boolean().default(false),
  /**
   * Delete images below prefix that nothing has needed for sweep.afterSeconds. No other installation may push there. Secret auth:
   * the credential must be able to list tags, to delete, and to push to <prefix>/epinio-installations.
   */
  clean: z.boolean().default(false),
  /** Secret auth: dockerconfigjson Secret of the operator's namespace that `clean` uses; default: the one of name secretRef there. */
  cleanSecretRef: z.string().optional(),
});

const builder = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a DNS label'),
  /** Builder image; runs detect and build. */
  image: z.string().min(1),
  /** Image references (with * within a path part) that use this profile's other settings; default: image only. */
  match: z.string().optional(),
  /** Run image: the base of what is built. */
  runImage: z.string().min(1),
  /** Image with the lifecycle for analyze, restore and export; default: image. */
  lifecycleImage: z.string().min(1).optional(),
  uid: z.int().min(1, 'must not be 0: builds never run as root').default(1001),
  gid: z.int().min(1, 'must not be 0').default(1000),
  platformAPI: z.enum(['0.12', '0.13', '0.14', '0.15']).default('0.13'),
});

const build = z.strictObject({
  /** Build Jobs at once in the whole cluster. */
  concurrency: z.int().min(1).default(10),
  /** Build Jobs at once in one namespace. */
  perNamespace: z.int().min(1).default(3),
  /** Seconds that a build may take where its App says nothing. */
  timeoutSeconds: z.int().min(60).max(86_400).default(1800),
  /** Most seconds that an App may ask for: more is cut to this. Default: 3600, or timeoutSeconds where that is more. */
  maxTimeoutSeconds: z.int().min(60).max(86_400).optional(),
  /** Seconds that the pod of a build may take to be made, scheduled and started; then the run fails and is tried again. */
  startTimeoutSeconds: z.int().min(60).max(86_400).default(600),
  /** Requests and limits of the build container; App.spec.build.resources wins. */
  resources: resources.prefault({
    // Without a request of its own, a limit is requested too: few nodes have so much disk to give away.
    requests: { cpu: '200m', memory: '512Mi', 'ephemeral-storage': '1Gi' },
    limits: { memory: '2Gi', 'ephemeral-storage': '8Gi' },
  }),
  /** Largest log of a build that is kept in the bucket, in bytes; of a longer one the beginning and the end. */
  logBytes: z
    .int()
    .min(64 * 1024)
    .max(64 * 1024 ** 2)
    .default(2 * 1024 ** 2),
  /** Where cached layers are kept where an App says nothing: an image in the registry, a volume of the App, nowhere. */
  cache: z.enum(['Image', 'Volume', 'None']).default('Image'),
  /** Size and class of the volumes of Apps that say nothing of theirs; default class: that of the cluster. */
  cacheSize: z
    .string()
    .regex(/^[1-9][0-9]*(Mi|Gi|Ti|M|G|T)$/, 'must be a size such as 2Gi')
    .default('2Gi'),
  cacheStorageClassName: z.string().min(1).optional(),
  /** Whether what was built is put upon a newer run image, where an App says nothing. */
  rebase: z.enum(['Auto', 'Off']).default('Off'),
  /** How often the run images of builders are looked up for that, in seconds. */
  runImageSeconds: z.int().min(5).max(86_400).default(600),
  nodeSelector: z.record(z.string(), z.string()).default({}),
  tolerations: z.array(toleration).default([]),
});

const archive = z.strictObject({
  /** Largest archive, packed and unpacked, in bytes. */
  maxBytes: z
    .int()
    .min(1)
    .default(1024 ** 3),
  maxEntries: z.int().min(1).default(100_000),
  /** Largest unpacked:packed ratio. */
  maxRatio: z.int().min(1).default(200),
  /** Deepest path, in names: a few hundred bytes of names may cost a node minutes. */
  maxDepth: z.int().min(1).max(1000).default(100),
});

/** gitServer is a server as people write it: the port only where it is not the usual one. */
const gitServer = z.string().regex(/^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$|^\[[0-9a-f:]+\](:\d{1,5})?$/, {
  error:
    'must be a host in lower case such as github.com, *.example.org or git.example.org:8443, without scheme and path',
});

const git = z.strictObject({
  /** Servers that source.git and submodules may name, such as github.com, *.example.org, git.example.org:8443; empty = all. */
  allowedHosts: z.array(gitServer).default([]),
  /** Most bytes that git may bring for one build, packed. */
  maxBytes: z
    .int()
    .min(1024 ** 2)
    .default(1024 ** 3),
  /** Most objects (files, folders, commits) that git may bring at once. */
  maxObjects: z.int().min(1).default(1_000_000),
  /** Seconds that fetching from git may take. */
  timeoutSeconds: z.int().min(1).max(86_400).default(600),
  /** URL of an http proxy for https; it needs no credential, since builds run in namespaces of tenants. */
  proxy: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as http://proxy.example.org:3128' })
    .refine(
      (text) => URL.parse(text)?.username === '',
      'must hold no name or password: builds of tenants could read it',
    )
    .optional(),
  /** Hosts and domains that are reached without the proxy. */
  noProxy: z.array(z.string().regex(/^[^\s,]+$/, 'must be one host or domain')).default([]),
  /** Lines of known_hosts for ssh servers that all Apps may use. */
  knownHosts: z
    .array(z.string().regex(/^[^\s#]+ [^\s]+ \S+/, 'must be a line of known_hosts: host, type of the key, key'))
    .default([]),
  /** Secret of the operator's namespace whose ca.crt signs the certificates of git servers. */
  caRef: z.string().optional(),
});

const quota = z.strictObject({
  /** Bytes that the archives and images of one namespace may hold in all; 0 = no limit. */
  bytesPerNamespace: z
    .int()
    .min(0)
    .default(20 * 1024 ** 3),
});

const sweep = z.strictObject({
  /** Seconds between two passes through what lies outside the cluster. */
  everySeconds: z.int().min(1).default(21_600),
  /** What was of no use in all passes of so many seconds is removed. */
  afterSeconds: z.int().min(1).default(86_400),
  /** Only log what would be removed. */
  dryRun: z.boolean().default(false),
});

interface Images {
  readonly registry: z.infer<typeof registry>;
  readonly builders: readonly z.infer<typeof builder>[];
}

/** tenantImages are images of builders that lie where Apps push: who may make a namespace of that name could replace them. */
const tenantImages = ({ registry, builders }: Images): string[] => {
  const addresses = registryAddresses(registry);
  const root = registry.prefix === '' ? '' : `${registry.prefix}/`;
  return builders
    .flatMap(({ image, runImage, lifecycleImage }) => [image, runImage, lifecycleImage ?? image])
    .filter((image) => addresses.pathOf(image)?.startsWith(root) === true);
};

const copiedSecret = z.strictObject({
  name: objectName,
  /** What of it is copied; absent: all. */
  keys: z
    .array(z.string().regex(/^[-._a-zA-Z0-9]+$/, 'must be the key of a Secret'))
    .min(1)
    .optional(),
});

interface Credentials {
  readonly s3: z.infer<typeof s3>;
  readonly registry: z.infer<typeof registry>;
  readonly tls: z.infer<typeof tls>;
}

/** ownSecrets are those that open the platform, and the one that the operator brings into namespaces in its own way. */
const ownSecrets = ({ s3, registry, tls }: Credentials): ReadonlySet<string | undefined> =>
  new Set([
    ...[s3.secretRef, s3.uploadSecretRef, s3.downloadSecretRef, tls.defaultCertificateRef],
    ...[registry.pullKeyRef, registry.pullSecretRef, registry.cleanSecretRef],
    ...(registry.auth === 'Secret' && registry.shared ? [] : [registry.secretRef]),
  ]);

const onlyCA = (keys: readonly string[] = []): boolean => keys.join() === 'ca.crt';

/** wrongCopies: what opens the platform must lie in no namespace of Apps; beside a CA's certificate there may be its key. */
const wrongCopies = (config: Credentials & { readonly copySecrets: readonly z.infer<typeof copiedSecret>[] }) => {
  const own = ownSecrets(config);
  const bundles = new Set([config.s3.caRef, config.registry.caRef]);
  const names = config.copySecrets.map(({ name }) => name);
  return config.copySecrets.flatMap(({ name, keys }, i) => {
    if (names.indexOf(name) < i) return [`has ${name} twice`];
    if (own.has(name))
      return [
        `${name} is a credential of the operator itself, which no namespace with Apps may have: put what they need into another Secret`,
      ];
    return bundles.has(name) && !onlyCA(keys)
      ? [`${name} may hold the key of a server beside its CA: copy the CA alone, with keys: [ca.crt]`]
      : [];
  });
};

/** configSchema is the operator's configuration file; unknown keys are errors. */
export const configSchema = z
  .strictObject({
    /** Domain of default routes. */
    domain: hostname,
    /** Host of the default route; {app}, {namespace} and {domain} are replaced. */
    routeTemplate: z.string().default('{app}.{domain}'),
    routes: routes.prefault({}),
    ingress: ingress.prefault({}),
    gateway: gateway.optional(),
    tls: tls.prefault({}),
    s3,
    registry,
    builders: z.array(builder).min(1),
    /** Name of the profile that builds where an App names none; default: the first. */
    defaultBuilder: z.string().optional(),
    /** Image references (with * within a path part) that Apps may name as builder beside the profiles. */
    allowedBuilders: z.array(z.string()).default([]),
    build: build.prefault({}),
    archive: archive.prefault({}),
    git: git.prefault({}),
    quota: quota.prefault({}),
    sweep: sweep.prefault({}),
    /**
     * Secrets of the operator's namespace that each namespace with Apps has a copy of, kept current: CA bundles, credentials of an
     * external registry and the like. Who may read Secrets there reads what is in them.
     */
    copySecrets: z.array(copiedSecret).default([]),
    /** Namespaces that are looked at; empty = all. */
    watchNamespaces: z.array(z.string()).default([]),
  })
  .check((ctx) => {
    const names = ctx.value.builders.map((b) => b.name);
    const wanted = ctx.value.defaultBuilder;
    if (wanted !== undefined && !names.includes(wanted))
      ctx.issues.push({
        code: 'custom',
        path: ['defaultBuilder'],
        input: wanted,
        message: `names no builder profile; there are: ${names.join(', ')}`,
      });
    if (new Set(names).size !== names.length)
      ctx.issues.push({ code: 'custom', path: ['builders'], input: names, message: 'has two profiles of one name' });
    for (const image of new Set(tenantImages(ctx.value)))
      ctx.issues.push({
        code: 'custom',
        path: ['builders'],
        input: image,
        message: `${image} lies where Apps push to: keep it in another path, or set registry.prefix`,
      });
    for (const message of wrongCopies(ctx.value))
      ctx.issues.push({ code: 'custom', path: ['copySecrets'], input: ctx.value.copySecrets, message });
    const { timeoutSeconds, maxTimeoutSeconds = timeoutSeconds } = ctx.value.build;
    if (maxTimeoutSeconds < timeoutSeconds)
      ctx.issues.push({
        code: 'custom',
        path: ['build', 'maxTimeoutSeconds'],
        input: maxTimeoutSeconds,
        message: `is less than build.timeoutSeconds (${timeoutSeconds}), which builds get by default: make it as much at least`,
      });
    if (!ctx.value.routeTemplate.includes('{app}'))
      ctx.issues.push({
        code: 'custom',
        path: ['routeTemplate'],
        input: ctx.value.routeTemplate,
        message: 'must contain {app}',
      });
  });

/** Config is the operator's configuration with all defaults filled in. */
export type Config = z.infer<typeof configSchema>;
/** BuilderProfile is one entry of builders[]. */
export type BuilderProfile = Config['builders'][number];

/** ConfigError lists everything that is wrong with the configuration file at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** parseConfig reads the YAML text of a configuration file; throws ConfigError with one line for each mistake. */
export const parseConfig = (text: string, source = 'configuration'): Config => {
  let data: unknown;
  try {
    data = parse(text);
  } catch (error) {
    throw new ConfigError(`${source} is not YAML: ${(error as Error).message}`);
  }
  const result = configSchema.safeParse(data);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `  ${issue.path.join('.') || '(top)'}: ${issue.message}`);
  throw new ConfigError(`${source} has ${lines.length} mistake(s):\n${lines.join('\n')}`);
};

/** Environment is what the process learns from its pod; nothing else reads process.env. */
export interface Environment {
  readonly configPath: string;
  readonly namespace: string;
  readonly podName: string | undefined;
  /** The operator's own image, which runs fetch in build Jobs; absent: that of its pod. */
  readonly image: string | undefined;
  readonly logLevel: string;
  readonly healthPort: number;
}

/** readEnvironment reads process.env (or what a test gives) once. */
export const readEnvironment = (env: NodeJS.ProcessEnv = process.env): Environment => ({
  configPath: env['EPINIO_CONFIG'] ?? '/etc/epinio/config.yaml',
  namespace: env['POD_NAMESPACE'] ?? 'epinio-system',
  podName: env['POD_NAME'],
  image: env['EPINIO_IMAGE'],
  logLevel: env['LOG_LEVEL'] ?? 'info',
  healthPort: Number(env['HEALTH_PORT'] ?? 8081),
});

/** loadConfig reads and parses the file at path. */
export const loadConfig = (path: string): Config => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`cannot read the configuration file ${path}: ${(error as Error).message}`);
  }
  return parseConfig(text, path);
};
