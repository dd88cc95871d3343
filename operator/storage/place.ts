import type { StorageConfig } from './types.ts';

/** Place is where a request for an object goes. */
export interface Place {
  readonly endpoint: string;
  /** Decoded, without the leading slash. */
  readonly path: string;
}

/** placeOf is where an object is asked for, by way of an endpoint. */
export const placeOf = (
  { bucket, addressing }: Pick<StorageConfig, 'bucket' | 'addressing'>,
  endpoint: string,
  key: string,
): Place => {
  if (addressing !== 'VirtualHost') return { endpoint, path: `${bucket}/${key}` };
  const url = new URL(endpoint);
  url.hostname = `${bucket}.${url.hostname}`;
  return { endpoint: url.origin, path: key };
};
