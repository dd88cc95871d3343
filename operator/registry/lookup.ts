/** Lookup is the answer about an image: where it is, that it is not, or why it cannot be known. */
export type Lookup<T> =
  | ({ readonly type: 'found' } & T)
  | { readonly type: 'absent' }
  /** The registry refuses the credential, or wants one. */
  | { readonly type: 'unauthorized'; readonly message: string }
  /** No answer, or none that makes sense: may pass by itself. */
  | { readonly type: 'unreachable'; readonly message: string };

/** Found is a manifest. */
export interface Found {
  readonly digest: string;
  readonly mediaType: string;
}

/** lookupOf turns a status into a Lookup; undefined where the answer is good. */
export const lookupOf = (status: number, name: string): Exclude<Lookup<Found>, { type: 'found' }> | undefined => {
  if (status === 200) return undefined;
  if (status === 404) return { type: 'absent' };
  if (status === 401 || status === 403)
    return { type: 'unauthorized', message: `The registry refuses access to ${name} (${status}).` };
  return { type: 'unreachable', message: `The registry answered ${status} for ${name}.` };
};
