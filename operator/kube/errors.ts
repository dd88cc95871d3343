import { cut } from '../telemetry/redact.ts';

/** StatusDetails is the part of a Kubernetes Status that says which object and which field. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  readonly retryAfterSeconds?: number;
}

/** Status is Kubernetes' answer where there is no object: of an error, or of a delete. */
export interface Status {
  readonly kind?: string;
  readonly status?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: StatusDetails;
}

interface ApiErrorFields {
  /** HTTP status; 0 where no answer came. */
  readonly code: number;
  /**
   * Kubernetes' reason (`NotFound`, `Conflict`, …); ours where no answer came: `Timeout`, `ConnectionFailed`, `Malformed`,
   * `NoCredentials`.
   */
  readonly reason: string;
  readonly message: string;
  /** Seconds the server asks to wait. */
  readonly retryAfter?: number;
  readonly details?: StatusDetails;
  readonly cause?: unknown;
}

/** ApiError is every failure of talking to the API server. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  readonly reason: string;
  readonly retryAfter: number | undefined;
  readonly details: StatusDetails | undefined;

  constructor(f: ApiErrorFields) {
    super(f.message, f.cause === undefined ? undefined : { cause: f.cause });
    this.code = f.code;
    this.reason = f.reason;
    this.retryAfter = f.retryAfter;
    this.details = f.details;
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

const retryAfterOf = (header: string | undefined, details: StatusDetails | undefined): number | undefined => {
  const seconds = header === undefined ? details?.retryAfterSeconds : Number(header);
  return seconds !== undefined && Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
};

/** errorOfStatus makes the ApiError of a Status object, as a watch stream carries it. */
export const errorOfStatus = (s: Status, code = s.code ?? 500, retryAfterHeader?: string): ApiError => {
  const retryAfter = retryAfterOf(retryAfterHeader, s.details);
  return new ApiError({
    code,
    reason: s.reason ?? reasons[code] ?? 'Unknown',
    message: s.message ?? `the API server answered ${code}`,
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(s.details === undefined ? {} : { details: s.details }),
  });
};

/** errorOfResponse makes the ApiError of an HTTP answer; what stands between may answer other than in JSON. */
export const errorOfResponse = (code: number, body: string, retryAfterHeader?: string): ApiError => {
  try {
    const status = JSON.parse(body) as Status | null;
    if (status !== null && typeof status === 'object') return errorOfStatus(status, code, retryAfterHeader);
  } catch {
    // not JSON: a proxy's page, or the bare text of the API server's own filters
  }
  return errorOfStatus({ message: cut(body.trim(), 256) || `the API server answered ${code}` }, code, retryAfterHeader);
};

/** Stopped is why work was broken off: leadership lost, or the operator stops. It is never an error of the work. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** isApiError narrows, optionally to one code. */
export const isApiError = (e: unknown, code?: number): e is ApiError =>
  e instanceof ApiError && (code === undefined || e.code === code);
/** isNotFound: the object (or its namespace, or its kind) is not there. */
export const isNotFound = (e: unknown): e is ApiError => isApiError(e, 404);
/** isConflict: a precondition failed, another manager owns a field, or the object moved on; AlreadyExists is not one. */
export const isConflict = (e: unknown): e is ApiError => isApiError(e, 409) && e.reason !== 'AlreadyExists';
/** isAlreadyExists: a create found the name taken. */
export const isAlreadyExists = (e: unknown): e is ApiError => isApiError(e, 409) && e.reason === 'AlreadyExists';
/** isInvalid: the API server's validation or an admission rule refuses the object as it is. */
export const isInvalid = (e: unknown): e is ApiError => isApiError(e, 422);
/** isForbidden: RBAC, quota or admission refuses. */
export const isForbidden = (e: unknown): e is ApiError => isApiError(e, 403);
/** isNamespaceTerminating: nothing can be created there any more, and all that is there goes. */
export const isNamespaceTerminating = (e: unknown): e is ApiError =>
  isForbidden(e) && e.details?.causes?.some((c) => c.reason === 'NamespaceTerminating') === true;
/** isExpired: the resourceVersion or the continue token is too old; list again. */
export const isExpired = (e: unknown): e is ApiError => isApiError(e, 410);
/** isFromTheFuture: the server has not got as far as the resourceVersion asked for: it was restored from a backup. */
export const isFromTheFuture = (e: unknown): e is ApiError =>
  e instanceof ApiError &&
  (e.details?.causes?.some((c) => c.reason === 'ResourceVersionTooLarge') === true ||
    (e.code === 504 && e.message.includes('Too large resource version')));
/** isTransient: the same request may well succeed later without anybody doing anything. */
export const isTransient = (e: unknown): e is ApiError =>
  e instanceof ApiError && (e.code === 0 || e.code === 408 || e.code === 429 || e.code >= 500);
