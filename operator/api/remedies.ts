import type { Reason } from './conditions.ts';

const nothing = 'Nothing.';
const wait = 'Nothing: this goes on by itself.';
const readMessage = 'Follow the message: it names the field or object and what is wrong with it.';
const readLog =
  'Mend what the end of the log says (`status.failure.logTail`; all of it: `epinio app logs --staging`) and push again.';
const ask = 'Nothing in the App: an administrator looks at';
const retried = 'the build is tried again by itself, after 30 s and then ever more rarely, up to once an hour';

/** remedies says for every reason what a reader can do about it: the second half of the reasons page. A reason without one does not compile. */
export const remedies = {
  Ready: nothing,
  AwaitingOperator:
    'Wait some seconds. If it lasts, see whether the operator runs: `kubectl -n epinio-system get pods`, and whether `watchNamespaces` leaves this namespace out.',
  ReconcileError:
    'Read the words of the server in the message; it is tried again with backoff. A webhook that does not answer, or a missing right, is for an administrator.',
  Progressing: wait,
  Paused: 'Remove `spec.paused` to let the change through.',
  NamespaceTerminating: nothing,
  NameTaken:
    'Rename or delete the object that the message names, or give the App another name. An object of others is never overwritten.',
  AwaitingDeletion:
    'Wait. If it lasts, see which finalizer keeps the object: `kubectl get <kind> <name> -o jsonpath={.metadata.finalizers}`.',
  Invalid: 'Correct the field that the message names and apply the App again.',
  Forbidden: `${ask} the right that the message names; compare \`manifests/base/rbac\` with what is installed.`,
  QuotaExceeded:
    'Make room: delete Apps or StageRuns that nobody needs, or lower `resources`; or ask for more: see `kubectl describe resourcequota`, or `quota.bytesPerNamespace` of the installation.',
  AdmissionDenied: 'Change what the policy in the message refuses, mostly in `spec.pod` or `resources`.',

  NoSource: 'Set one of `source.blob`, `source.git` and `source.image`, or push with `epinio push`.',
  SourceAvailable: nothing,
  AwaitingUpload:
    '`epinio push` uploads by itself. By hand: `curl -T ARCHIVE` to `status.upload.url` with the headers in `status.upload.headers`.',
  UploadExpired:
    'Push again, or ask for a new URL: `kubectl annotate app <name> epinio.io/request-upload=$(date +%s) --overwrite`.',
  UploadRejected:
    'Upload exactly the file whose sha256 and size the spec names; `epinio push` computes both from what it uploads.',
  StorageUnavailable: `${wait} If it lasts, an administrator looks at the S3 server and at \`s3\` in the configuration; the message has the server’s answer.`,
  StorageFull: `${ask} the room of the bucket. The upload goes on by itself when there is some.`,
  ImageNotAllowed:
    'Name an image below the path of this namespace, or one of another registry. To run another namespace’s App here, push its source here.',

  ImageSource: nothing,
  Staged: nothing,
  Staging: wait,
  Queued:
    'Wait for the place that the message tells. An administrator sets `build.concurrency` and `build.perNamespace`.',
  ImageUnchanged: nothing,
  StageRunFailed:
    'Read why: `kubectl describe stagerun <name>`. Then change the source or the settings and push again, or delete the StageRun to try the same once more.',
  Pinned: 'Remove `spec.stageRun` to follow the source again.',
  StageRunNotFound: 'Name one of the runs of this App (`kubectl get stageruns`), or remove `spec.stageRun`.',
  StageRunNotSuccessful: 'Name a run that succeeded (`kubectl get stageruns`), or remove `spec.stageRun`.',
  AwaitingRoutes:
    'Look at the AppRoutes of the App (`kubectl get approutes`): the one that is not accepted says why. Change `spec.routes` accordingly.',

  Deployed: nothing,
  RollingOut: wait,
  RolloutFailed:
    'Look at the newest pod: `kubectl describe pod -l epinio.io/app=<name>` and `epinio app logs`. The next change of the App tries again.',
  Releasing:
    'Wait until the release has ended: `kubectl logs job/<name>` with the name in the message shows what it does. What hangs ends by `spec.release.timeoutSeconds`.',
  ReleaseFailed:
    'Read `status.release.logTail` of the App, correct `spec.release` or what it needs, and apply the App again; or delete the Job that the message names to run it again.',
  CrashLoopBackOff:
    'Read the last lines in the message, or all of them: `epinio app logs`. Mend the app, or its `env` and `resources`, and push again.',
  ImagePullBackOff:
    'Correct the name of the image or its tag; for a private registry name a Secret in `spec.pod.imagePullSecrets`.',
  CreateContainerConfigError: 'Make the Secret, ConfigMap or key that the message names, or correct `spec.env`.',
  NotListening:
    'Let the app listen on the port in the variable `PORT`, on all addresses (0.0.0.0), or set `spec.port` to where it listens.',
  ProbeFailed:
    'See whether the path and port of the probe are right and the app answers in time; an app that starts slowly wants a `startupProbe`.',
  Unschedulable:
    'Lower `resources.requests`, or correct `nodeSelector`, `affinity` and `tolerations` in `spec.pod`; else the cluster needs more room.',
  AwaitingImage: 'Nothing, while a build is under way. Otherwise look at `SourceReady` and `Staged`.',
  AwaitingPods: 'Look at `Deployed`: it says what keeps the pods from being ready.',
  Stopped: 'Start it with `kubectl scale app <name> --replicas=1`, or `epinio app scale`.',
  ProcessNotFound: 'Name one of the processes that the message lists, or add it to the Procfile.',
  ConfigurationNotFound:
    'Create what the message names; the pods follow by themselves. Or remove the entry from spec.configurations or spec.env, or say optional: true in env.',
  RegistrySecretMissing: `${ask} the Secret that \`registry.pullSecretRef\` names in the operator’s namespace.`,
  RegistrySecretConflict: 'Rename or delete the Secret that the message names; the operator then makes its own.',

  Autoscaled: nothing,
  AwaitingMetrics: wait,
  MetricsUnavailable: `${ask} the metrics-server of the cluster: \`kubectl top pod\` shows whether it measures.`,
  RequestsMissing: 'Set the request that the message names in `spec.resources.requests`.',
  OtherAutoscaler:
    'Nothing, or delete the HorizontalPodAutoscaler that the message names, so that `spec.autoscaling` counts.',

  Routed: nothing,
  NoRoutes: 'Set `spec.routes`, or remove `defaultRoute: Disabled`, if the App should have a URL.',
  RoutesNotReady: 'Look at the AppRoutes of the App: `kubectl get approutes`. The one that is not ready says why.',
  Accepted: nothing,
  RouteConflict:
    'Choose another host or path in `spec.routes`. It is taken over by itself when the other one goes; an Ingress made by hand in this namespace you may delete.',
  HostNotAllowed:
    'Choose another host: below the domain of Apps, or one of your own outside the hosts of the platform.',
  WildcardNotAllowed: 'Name each host, or ask an administrator for `routes.wildcards: true`.',
  AppNotFound: 'Make the App, or correct `spec.appRef.name` of the AppRoute. It goes on by itself.',
  Programmed: nothing,
  AwaitingAddress: `${ask} the Ingress controller: whether one runs for the IngressClass, and whether its Service has an address.`,
  NotAccepted: 'Look at the condition `Accepted`.',
  CertificateReady: nothing,
  CertificatePending:
    'Wait. If it lasts, follow the words of the issuer: an ACME server must reach the host by http, for example, so its DNS must lead to the address of the route. `kubectl describe certificate,certificaterequest,order,challenge` shows more.',
  CertificateFailed:
    'Do what the words of the issuer say; cert-manager tries again by itself, after an hour or more. `kubectl describe issuer` or `clusterissuer` tells whether the issuer itself is ready. With a rate limit, wait, or use another issuer.',
  CertificateMissing:
    'Make the Secret, `kubectl create secret tls <name> --cert=<file> --key=<file>`, or correct `tls.secretName`. It goes on by itself.',
  CertificateInvalid:
    'Put a certificate with its chain into `tls.crt` and its key, without a password, into `tls.key`; the type of the Secret must be `kubernetes.io/tls`.',
  CertificateExpired:
    'Put a certificate that is valid now into the Secret; better, let cert-manager renew it (`tls.issuerRef`).',
  HostNotCovered:
    'Put a certificate for the host, or for `*.` and its domain, into the Secret, or name another Secret.',
  IssuerNotAllowed:
    'Name an issuer that the message lists, or make an Issuer in the namespace. An administrator allows others by `tls.allowedIssuers` of the configuration.',
  AwaitingGateway:
    'Wait a moment. If it lasts, an administrator sees that the controller of the Gateway runs, and what it says of the Gateway: `kubectl describe gateway -n <namespace> <name>`.',
  GatewayRefused:
    'Do what the words of the controller say. Mostly an administrator has to let routes of this namespace in: `allowedRoutes.namespaces` of the listeners of the Gateway.',
  GatewayNotFound: 'An administrator makes the Gateway, or corrects `gateway` in the configuration of the operator.',
  GatewayApiMissing:
    'An administrator installs the Gateway API, which is then found by itself, or removes `gateway` from the configuration of the operator.',
  ListenerMissing:
    'Choose a host that one of the listeners in the message takes, or ask an administrator for a listener with this host in the Gateway.',
  CertificateNotOnListener:
    'Ask the administrators for a listener whose certificate covers the host, and remove `tls.secretName` and `tls.issuerRef` from the route; or choose a host that a listener has a certificate for.',
  CertManagerMissing:
    'An administrator installs cert-manager, which is then found by itself; or name a Secret with a certificate in `tls.secretName`.',

  Succeeded: nothing,
  ImageFound: nothing,
  Pending: wait,
  Running: wait,
  NotWanted: 'Delete it. To build, change the App: a StageRun made by hand does nothing.',
  Cancelled: 'To build the same again, delete the StageRun; or change the App.',
  Superseded: nothing,

  BlobMissing: 'Push again: the archive is then uploaded anew.',
  BlobDigestMismatch: 'Push again: the wrong archive is removed, and the right one awaited.',
  ArchiveUnsupported:
    'Pack the source as tar, tar.gz, tar.bz2, tar.xz, tar.zst or zip, or push the folder with `epinio push`.',
  ArchiveRejected:
    'Remove from the archive what the message names, or push the folder with `epinio push`; what an archive may hold is in docs/builds.md, "Archives".',
  GitAuthFailed:
    'Put a credential that may read the repository into the Secret that `source.git.secretRef` names, for the host of the URL; see docs/sources.md.',
  GitHostKeyUnknown:
    'Compare the fingerprint in the message with what the owner of the server publishes; if it is right, add the line to `known_hosts` of the Secret.',
  GitHostNotAllowed: 'Use a server in `git.allowedHosts`, or ask an administrator to add this one.',
  GitRedirected: 'Write the address that the message names into `source.git.url`.',
  GitRepositoryNotFound: 'Correct `source.git.url`, or give a credential that may see the repository.',
  GitRevisionNotFound:
    'Correct `source.git.revision`: a branch, a tag or a commit. A commit that no branch has any more may be gone from the server.',
  GitPathNotFound: 'Correct `source.git.subPath`; it is relative to the root of the repository.',
  GitRejected: 'Remove from the repository what the message names; what is refused is in docs/sources.md.',
  GitLFSUnsupported:
    'Keep the files that the build needs outside LFS, leave them out with `.epinioignore`, or push the folder with `epinio push`.',
  NoBuildpackDetected:
    'See which files the buildpacks look for (package.json, go.mod, Procfile, index.html …) and whether they are at the top, or set `source.git.subPath`; or name another builder in `spec.build.builder`.',
  BuildFailed: readLog,
  OutOfMemory: 'Raise `spec.build.resources.limits.memory` for a build, `spec.resources.limits.memory` for the app.',
  DeadlineExceeded:
    'Raise `spec.build.timeoutSeconds`, up to `build.maxTimeoutSeconds` of the installation, or find what hangs at the end of the log.',
  BuilderNotFound: 'Name a builder that the message lists, or ask an administrator for `allowedBuilders`.',
  CacheInUse: `${wait} If it lasts, see what keeps the pod of the earlier build: \`kubectl get pods -l epinio.io/app=<name>,epinio.io/stagerun\`.`,
  SecretNotFound:
    'Make the Secret or key that the message names, or correct `spec.build.env`, `spec.build.bindings` or `spec.source.git.secretRef`. The build goes on by itself.',
  OutOfDisk: 'Raise `spec.build.resources.limits.ephemeral-storage`.',

  BuilderImagePullFailed: `${ask} \`builders[].image\` and whether nodes reach its registry; ${retried}.`,
  FetchImagePullFailed: `${ask} the image of the operator and whether nodes reach its registry; ${retried}.`,
  BuilderIncompatible: `${ask} \`builders[].image\`, \`lifecycleImage\` and \`platformAPI\`.`,
  BuilderFailed: `${readLog} Unless that helps, an administrator looks at the builder; ${retried}.`,
  FetchFailed: `Nothing: ${retried}. The message says what went wrong.`,
  GitUnreachable: `See whether the host in \`source.git.url\` is right; ${retried}.`,
  AnalyzeFailed: `${ask} the log of the step; ${retried}.`,
  DetectFailed: `${ask} the log of the step; ${retried}.`,
  RestoreFailed: `${ask} the log of the step; ${retried}.`,
  ExportFailed: `${ask} the log of the step; ${retried}.`,
  RebaseFailed: `${ask} the log of the step; it is tried again after an hour, and what is deployed goes on. Set \`spec.build.rebase: Off\` to leave it.`,
  RegistryUnauthorized: `${ask} the credential of the registry (\`registry\` in the configuration); ${retried}.`,
  RegistryFull: 'Delete Apps that nobody needs; an administrator makes room. The build goes on by itself.',
  RegistryUnreachable: `${ask} the registry; ${retried}.`,
  RunImageUnavailable: `${ask} \`builders[].runImage\` and its registry; ${retried}.`,
  Evicted: `Nothing: ${retried}. If the node lacked memory or disk, set \`spec.build.resources.requests\` to what the build needs.`,
  PodDeleted: `Nothing: ${retried}.`,
  PodNotCreated: `${readMessage} Mostly a quota, a LimitRange or a policy of the namespace; ${retried}.`,
  PodNotStarted: `${readMessage} Mostly a volume or the network of the node; ${retried}.`,
  PodUnschedulable: `Lower \`spec.build.resources.requests\`, or wait for room on the nodes; ${retried}.`,
} as const satisfies Record<Reason, string>;

/** remedyOf is what a reader can do about a reason; undefined where there is nothing to do, or for a reason of another version. */
export const remedyOf = (reason: string): string | undefined => {
  const remedy: string | undefined = Object.hasOwn(remedies, reason) ? remedies[reason as Reason] : undefined;
  return remedy === undefined || remedy === nothing || remedy === wait ? undefined : remedy;
};
