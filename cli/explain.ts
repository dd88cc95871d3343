import { ApiError } from '../operator/kube/errors.ts';
import { exits, UserError } from './errors.ts';

const unreachable = (message: string, hint: string, cause: unknown): UserError =>
  new UserError(message, hint, { code: exits.unreachable, cause });

const missing = (error: ApiError): UserError => {
  const { kind, name } = error.details ?? {};
  if (kind === 'namespaces')
    return new UserError(`there is no namespace ${name}`, `make it: kubectl create namespace ${name}`, {
      cause: error,
    });
  return new UserError(
    'this cluster does not know Apps',
    'install Epinio there with epinio install, or choose another cluster with --context; see: kubectl get crd apps.epinio.io',
    { cause: error },
  );
};

const ofApi = (error: ApiError): UserError => {
  if (error.reason === 'NoCredentials')
    return unreachable(
      error.message,
      'log in to the cluster, then see whether kubectl get apps.epinio.io works',
      error,
    );
  if (error.code === 0)
    return unreachable(
      `the cluster cannot be reached: ${error.message}`,
      'see whether kubectl get apps.epinio.io works with the same context',
      error,
    );
  switch (error.code) {
    case 401:
      return unreachable(
        'the cluster does not accept your credentials (401)',
        'log in to it again: the token or certificate of your kubeconfig has expired or was withdrawn',
        error,
      );
    case 403:
      return new UserError(
        `the cluster does not allow it: ${error.message}`,
        'ask for the role edit in the namespace, or choose another one with --namespace',
        { cause: error },
      );
    case 404:
      return missing(error);
    default:
      return error.code === 429 || error.code >= 500
        ? unreachable(`the cluster answers ${error.code} ${error.reason}: ${error.message}`, 'try again later', error)
        : new UserError(`the cluster refuses it (${error.reason}): ${error.message}`, undefined, { cause: error });
  }
};

/** explain makes of anything that was thrown what a user is told: a sentence, a hint, an exit code. */
export const explain = (error: unknown): UserError => {
  if (error instanceof UserError) return error;
  if (error instanceof ApiError) return ofApi(error);
  const message = error instanceof Error ? error.message : String(error);
  return new UserError(
    `a mistake of epinio itself: ${message}`,
    'run it again with EPINIO_DEBUG=1 for the details, and report them',
    { code: exits.internal, cause: error },
  );
};
