import type { Key, Resource } from './resource.ts';

/** resourceId names a kind in maps, metrics and logs: `deployments.apps`, `pods`. */
export const resourceId = (r: Resource): string => (r.group === '' ? r.plural : `${r.plural}.${r.group}`);

const segment = encodeURIComponent;

/** collectionPath is the URL path of a kind, in one namespace or across all. */
export const collectionPath = (r: Resource, namespace?: string): string => {
  const root = r.group === '' ? `/api/${r.version}` : `/apis/${r.group}/${r.version}`;
  const scope = r.namespaced && namespace !== undefined && namespace !== '' ? `/namespaces/${segment(namespace)}` : '';
  return `${root}${scope}/${r.plural}`;
};

/** objectPath is the URL path of one object or of its subresource. */
export const objectPath = (r: Resource, key: Key, subresource?: string): string => {
  if (key.name === '') throw new Error(`a ${r.kind} without a name`);
  if (r.namespaced && key.namespace === '') throw new Error(`${r.kind} ${key.name} without a namespace`);
  const path = `${collectionPath(r, key.namespace)}/${segment(key.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
};

/** withQuery appends the parameters that have a value. */
export const withQuery = (
  path: string,
  query: Readonly<Record<string, string | number | boolean | undefined>>,
): string => {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parts.push(`${name}=${segment(String(value))}`);
  }
  return parts.length === 0 ? path : `${path}?${parts.join('&')}`;
};
