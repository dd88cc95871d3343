import { isScalar, Document, visit } from 'yaml';
import type { KubeObject } from '../operator/kube/resource.ts';
import { UserError, exits } from './errors.ts';
import type { Output } from './output.ts';
import { tableLines, type Column } from './table.ts';
import { actedOn } from './text.ts';

/** Format is how a result is written: a table for people, or all of it for machines. */
export type Format = 'table' | 'wide' | 'json' | 'yaml' | 'name';

/** formats lists those that -o takes; a table is what there is without it. */
export const formats = ['json', 'yaml', 'name', 'wide'] as const;

/** formatOf reads -o. */
export const formatOf = (text: string | undefined): Format => {
  if (text === undefined) return 'table';
  if ((formats as readonly string[]).includes(text)) return text as Format;
  throw new UserError(`-o ${text} is no form of output`, `it may be ${formats.join(', ')}`, { code: exits.usage });
};

const escapes = (text: string): string =>
  text.replace(actedOn, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** json writes a value so that a terminal may show it, whatever is in it. */
export const json = (value: unknown): string => escapes(JSON.stringify(value, undefined, 2));

/**
 * yaml does the same in YAML: what a terminal would act on is written in double quotes, as an escape. By the rules of 1.1,
 * which kubectl reads: the text `no` is not one without quotes.
 */
export const yaml = (value: unknown): string => {
  const document = new Document(value, { aliasDuplicateObjects: false, version: '1.1' });
  visit(document, {
    Scalar: (_, node) => {
      if (isScalar(node) && typeof node.value === 'string' && node.value.search(actedOn) >= 0)
        node.type = 'QUOTE_DOUBLE';
    },
  });
  return escapes(document.toString({ lineWidth: 0 })).trimEnd();
};

/** withoutManagers is an object without the part of its metadata that only servers read. */
export const withoutManagers = <T extends KubeObject>(object: T): T => {
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
};

/** nameOf writes an object as kubectl -o name does: `app.epinio.io/web`. */
export const nameOf = ({ apiVersion = '', kind = '', metadata }: KubeObject): string => {
  const [group, version] = apiVersion.split('/');
  const type = version === undefined ? kind.toLowerCase() : `${kind.toLowerCase()}.${group}`;
  return `${type}/${metadata?.name ?? ''}`;
};

/** Listing is what a command shows: the objects, and how people see them. */
export interface Listing<T extends KubeObject> {
  readonly objects: readonly T[];
  readonly columns: readonly Column<T>[];
  /** What people are told where there is nothing. */
  readonly none: string;
}

/** terminalWidth is that of the terminal that shows stdout; without one, lines are as long as they are. */
export const terminalWidth = (): number => (process.stdout.isTTY ? process.stdout.columns : Infinity);

/** printList writes a list in the form that was asked for. */
export const printList = <T extends KubeObject>(output: Output, format: Format, listing: Listing<T>): void => {
  const { objects, columns, none } = listing;
  const items = objects.map(withoutManagers);
  if (format === 'json' || format === 'yaml') {
    const list = { apiVersion: 'v1', kind: 'List', metadata: {}, items };
    return output.result(format === 'json' ? json(list) : yaml(list));
  }
  if (format === 'name') {
    if (items.length > 0) output.result(items.map(nameOf).map(escapes).join('\n'));
    return;
  }
  if (objects.length === 0) return output.step(none);
  const shown = columns.filter(({ wide }) => wide !== true || format === 'wide');
  output.result(tableLines(objects, shown, terminalWidth()).join('\n'));
};

/** printObject writes one object for machines; false where people want to see it. */
export const printObject = (output: Output, format: Format, object: KubeObject): boolean => {
  if (format === 'table' || format === 'wide') return false;
  const plain = withoutManagers(object);
  output.result(format === 'json' ? json(plain) : format === 'yaml' ? yaml(plain) : escapes(nameOf(plain)));
  return true;
};
