/** ConditionType names the conditions of our kinds. */
export const ConditionType = {
  /** The summary, on every kind. */
  Ready: 'Ready',
  /** kstatus: the operator is at work. Absent when it is not. */
  Reconciling: 'Reconciling',
  /** kstatus: nothing will change until a person acts. Absent when that is not so. */
  Stalled: 'Stalled',
  /** App: the source is there and may be used. */
  SourceReady: 'SourceReady',
  /** App: the image that the spec wants is built. */
  Staged: 'Staged',
  /** App: pods serve an image of this App. */
  Deployed: 'Deployed',
  /** App: its routes lead to it. */
  Routed: 'Routed',
  /** App: the load decides how many pods serve. Absent where nobody asks for that. */
  Scaled: 'Scaled',
  /** StageRun: Unknown until it ended. */
  Succeeded: 'Succeeded',
  /** AppRoute: host and path are this route's. */
  Accepted: 'Accepted',
  /** AppRoute: the Ingress or HTTPRoute is made, and whoever serves it has taken it. */
  Programmed: 'Programmed',
  /** AppRoute: https is served; absent where a route wants no certificate. */
  CertificateReady: 'CertificateReady',
} as const;
export type ConditionType = (typeof ConditionType)[keyof typeof ConditionType];

/** meanings holds every reason that a condition, a failure or an event of ours can have, and what it means. */
export const meanings = {
  // Any kind
  Ready: 'Everything is as the spec wants it.',
  AwaitingOperator: 'No operator has reported on this object yet; if that lasts, check that the Epinio operator runs.',
  ReconcileError:
    'The operator cannot go on for a reason that it does not know how to handle; the message has the words of the server.',
  Progressing: 'The operator or Kubernetes is at work; nothing needs to be done.',
  Paused: 'The App is paused and the world differs from its spec.',
  NamespaceTerminating: 'The namespace is being deleted, so nothing new is made.',
  NameTaken: 'An object with the needed name exists and was not created by Epinio; rename or delete it.',
  AwaitingDeletion:
    'An object of an earlier App or AppRoute of this name is still being deleted; then it is made anew.',
  Invalid: 'Kubernetes refused an object made from this spec; the message says which field.',
  Forbidden: 'The operator may not do what is needed; the message says what.',
  QuotaExceeded:
    'A quota of the namespace does not allow what is needed: of Kubernetes, or of the installation for archives and images.',
  AdmissionDenied: 'A policy of the cluster refused what is needed.',

  // App: source
  NoSource: 'The App has no source, so there is nothing to run.',
  SourceAvailable: 'The source is there.',
  AwaitingUpload: 'The archive is awaited at the URL in status.upload.',
  UploadExpired: 'The archive did not come in time; change the spec or the annotation epinio.io/request-upload.',
  UploadRejected: 'The uploaded bytes were not those that the spec names, and were removed; upload again.',
  StorageUnavailable: 'The object storage does not answer or refuses; it is tried again.',
  StorageFull: 'The bucket of the installation is full; the upload is awaited and goes on when there is room.',
  ImageNotAllowed: 'The image lies in the registry of the platform, outside the namespace of this App.',

  // App: staging
  ImageSource: 'The source is an image, so nothing is built.',
  Staged: 'The image is built.',
  Staging: 'The image is being built.',
  Queued: 'The build waits for its turn.',
  ImageUnchanged: 'The build produced the image that is already running.',
  StageRunFailed: 'The build failed; the last good image keeps running.',
  Pinned: 'The image is that of the StageRun which spec.stageRun names; nothing is built.',
  StageRunNotFound: 'The StageRun that spec.stageRun names is not there or not of this App.',
  StageRunNotSuccessful: 'The StageRun that spec.stageRun names has no image.',
  AwaitingRoutes: 'The build waits until the routes of the App are accepted.',

  // App: workload
  Deployed: 'The pods run the wanted image.',
  RollingOut: 'Pods of the new version are starting; the old ones serve.',
  Releasing: 'The release command runs before pods of the new version start; the old ones, if any, serve.',
  ReleaseFailed:
    'The release command failed, so no pod of the new version starts; the old ones, if any, serve. Correct it, or delete its Job to run it again.',
  RolloutFailed: 'Pods of the new version do not become ready; the old ones, if any, serve.',
  CrashLoopBackOff: 'The app ends or crashes each time it starts; the end of its log says why.',
  ImagePullBackOff: 'The node cannot pull the image; the message says why.',
  CreateContainerConfigError: 'A Secret, ConfigMap or setting that the pod needs is missing or wrong.',
  NotListening: 'Nothing listens on the port of the app; the message says what to do.',
  ProbeFailed: 'A probe of the app fails; the message says which and how.',
  Unschedulable: 'No node has room for the pod or fits its demands.',
  AwaitingImage: 'There is no image to run yet.',
  AwaitingPods: 'The routes are in place; no pod is ready to answer yet.',
  Stopped: 'The App is stopped: it has no replicas.',
  ProcessNotFound: 'The image has no process of the type that the spec names.',
  ConfigurationNotFound:
    'A Secret, ConfigMap or key that the pods need does not exist: no new pod is made until it is there. The message says which.',
  RegistrySecretMissing:
    'The pull secret that the configuration names does not exist in the namespace of the operator.',
  RegistrySecretConflict:
    'A Secret with the name of the pull secret exists and was not created by Epinio; rename or delete it.',

  // App: autoscaling
  Autoscaled: 'The load decides how many pods serve.',
  AwaitingMetrics: 'The autoscaler has not measured anything yet; that takes up to a minute.',
  MetricsUnavailable: 'The autoscaler gets no metrics of the pods; check that the cluster has a metrics-server.',
  RequestsMissing: 'The pods have no request for what the autoscaler measures; set spec.resources.requests.',
  OtherAutoscaler: 'A HorizontalPodAutoscaler that somebody made scales the App, so none is made for spec.autoscaling.',

  // App: routes, AppRoute
  Routed: 'All routes lead to the App.',
  NoRoutes: 'The App wants no routes.',
  RoutesNotReady: 'Some routes do not lead to the App yet.',
  Accepted: 'Host and path belong to this route.',
  RouteConflict:
    'The host belongs to another namespace, the path to another AppRoute, or an Ingress or HTTPRoute made by hand serves it too.',
  HostNotAllowed: 'The host is the platform’s own, lies below one of its hosts, or is the domain of all Apps.',
  WildcardNotAllowed: 'The installation does not allow wildcard hosts.',
  AppNotFound: 'The App that appRef names does not exist yet.',
  Programmed: 'The Ingress is made and has an address, or the Gateway serves the HTTPRoute.',
  AwaitingAddress: 'The Ingress is made; the Ingress controller has not given it an address yet.',
  AwaitingGateway:
    'The HTTPRoute is made; the controller of the Gateway has not taken it yet. If that lasts, see that the controller runs.',
  GatewayRefused: 'The Gateway does not serve the HTTPRoute; the message has the words of its controller.',
  GatewayNotFound: 'The Gateway that the configuration of the installation names does not exist.',
  GatewayApiMissing:
    'The configuration of the installation names a Gateway, and the Gateway API (its CustomResourceDefinitions) is not installed.',
  ListenerMissing:
    'No listener of the Gateway takes the host; its administrators add one to the Gateway. The message lists those that there are.',
  NotAccepted: 'Nothing is made, because the route is not accepted.',
  CertificateReady: 'The route is served by https, with a certificate that covers its host.',
  CertificatePending:
    'The certificate is being issued; the message has the words of the issuer. Requests by http are answered meanwhile.',
  CertificateFailed:
    'The issuer did not issue the certificate; the message has its words. It is tried again; requests by http are answered.',
  CertificateMissing: 'The Secret that tls.secretName names does not exist; requests by http are answered.',
  CertificateInvalid:
    'The Secret that tls.secretName names holds no certificate that can be used; the message says what is wrong with it.',
  CertificateExpired: 'The certificate in the Secret that tls.secretName names is not valid now: not yet, or no more.',
  HostNotCovered: 'The certificate in the Secret that tls.secretName names has no name that covers the host.',
  CertificateNotOnListener:
    'Through a Gateway its listeners serve https, and none of them has a certificate for the host; administrators add it there.',
  IssuerNotAllowed:
    'The installation does not allow routes to use this ClusterIssuer; name one that it allows, or an Issuer of the namespace.',
  CertManagerMissing: 'A certificate is to be issued, and cert-manager is not installed in this cluster.',

  // StageRun: course
  Succeeded: 'The image is built and pushed.',
  ImageFound: 'The image of exactly these inputs was in the registry already.',
  Pending: 'The run has not begun.',
  Running: 'The run is under way.',
  NotWanted: 'No App wants this run, so it is not started.',
  Cancelled: 'A person ended the run.',
  Superseded: 'A newer version of the App took the place of this run.',

  // StageRun: why it failed; a user can do something
  BlobMissing: 'The archive is not in the storage.',
  BlobDigestMismatch: 'The archive in the storage has another digest or size than the spec says.',
  ArchiveUnsupported: 'The file is not a tar, tar.gz, tar.bz2, tar.xz, tar.zst or zip archive.',
  ArchiveRejected:
    'The archive is damaged, leads outside its folder, has what cannot be unpacked, or exceeds the limits of the installation.',
  GitAuthFailed: 'The git server wants a credential, or refuses the one of source.git.secretRef.',
  GitHostKeyUnknown:
    'The key of the ssh server is not in known_hosts, or is another one; the message has its fingerprint and the line to add.',
  GitHostNotAllowed: 'The installation does not allow the git server of the repository, or of one of its submodules.',
  GitRedirected: 'The git server sends to another server, where no credential goes; use the address of that one.',
  GitRepositoryNotFound: 'The git server has no such repository, or does not show it to this credential.',
  GitRevisionNotFound: 'The repository has no such branch, tag or commit.',
  GitPathNotFound: 'The commit has no folder of the name in source.git.subPath.',
  GitRejected:
    'The repository is damaged, leads outside its folder, has what cannot be built, or exceeds the limits of the installation.',
  GitLFSUnsupported: 'The content of some files is in git LFS, which is not fetched.',
  NoBuildpackDetected: 'No buildpack of the builder recognizes the source.',
  BuildFailed: 'A buildpack failed; the end of the log says why.',
  OutOfMemory: 'A step needed more memory than its limit; raise spec.build.resources.limits.memory of the App.',
  DeadlineExceeded:
    'The build took longer than it may: spec.build.timeoutSeconds of the App, up to what the installation allows.',
  BuilderNotFound: 'The builder is no profile of this installation and no image that it allows.',
  CacheInUse: 'A build of the App that is ending still uses the volume with the cached layers.',
  SecretNotFound: 'A Secret or key that build.env, build.bindings or source.git names does not exist.',
  OutOfDisk: 'The build needed more disk than its limit; raise the ephemeral-storage limit in build.resources.',

  // StageRun: why it failed; the installation or the cluster
  BuilderImagePullFailed: 'The builder image cannot be pulled.',
  FetchImagePullFailed: 'The image of the operator cannot be pulled.',
  BuilderIncompatible:
    'The builder image lacks a program of the lifecycle or does not speak the configured platform API.',
  BuilderFailed: 'The builder failed by itself, not because of the source.',
  FetchFailed: 'The source could not be fetched from the storage.',
  GitUnreachable: 'The git server does not answer, or with errors; it is tried again.',
  AnalyzeFailed: 'The registry could not be analyzed.',
  DetectFailed: 'The detect step failed by itself.',
  RestoreFailed: 'The cache could not be restored.',
  ExportFailed: 'The image could not be exported.',
  RebaseFailed: 'The image could not be put upon the newer run image.',
  RegistryUnauthorized: 'The registry refuses the credential of the run.',
  RegistryFull:
    'The registry has no room left. An administrator must make room; until then, removing Apps that nobody needs helps. The build goes on by itself.',
  RegistryUnreachable: 'The registry does not answer.',
  RunImageUnavailable: 'The run image cannot be found in its registry.',
  Evicted: 'The build pod was ended from outside: its node lacked room, was drained or got lost.',
  PodDeleted: 'Somebody or something deleted the build pod.',
  PodNotCreated: 'Kubernetes makes no pod for the Job; the message says why.',
  PodNotStarted: 'The pod is on its node and cannot start yet; the message says why.',
  PodUnschedulable: 'No node can take the build pod; the message says why.',
} as const satisfies Record<string, string>;

/** Reason is the CamelCase word of a condition, a failure or an event. */
export type Reason = keyof typeof meanings;

/** Reason.X is the reason X: a misspelt one does not compile. */
export const Reason = Object.fromEntries(Object.keys(meanings).map((key) => [key, key])) as {
  readonly [K in Reason]: K;
};

const userFailures: ReadonlySet<string> = new Set<Reason>([
  'BlobMissing',
  'BlobDigestMismatch',
  'ArchiveUnsupported',
  'ArchiveRejected',
  'GitAuthFailed',
  'GitHostKeyUnknown',
  'GitHostNotAllowed',
  'GitRedirected',
  'GitRepositoryNotFound',
  'GitRevisionNotFound',
  'GitPathNotFound',
  'GitRejected',
  'GitLFSUnsupported',
  'NoBuildpackDetected',
  'BuildFailed',
  'OutOfMemory',
  'OutOfDisk',
  'DeadlineExceeded',
  'BuilderNotFound',
  'NameTaken',
  'Invalid',
]);

/**
 * isUserFailure tells whether a StageRun that failed for this reason stays failed until a person changes something. All other
 * failures are the installation's or the cluster's: the same run is made again, with backoff.
 */
export const isUserFailure = (reason: string): boolean => userFailures.has(reason);
