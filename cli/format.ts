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

/** Beside what a terminal acts on: what YAML 1.1 takes for the end of a line, and what it refuses. */
const unsafe = new RegExp(`${actedOn.source}|[\\u2028\\u2029\\ufffe\\uffff]`, 'gu');

const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');

/** escapes writes as an escape, inside of quotes, what must not stand there itself; long ones as the format has them. */
const escapes = (text: string, long: (codePoint: number, char: string) => string): string =>
  text.replace(unsafe, (c) => (c.length === 1 ? `\\u${hex(c.charCodeAt(0), 4)}` : long(c.codePointAt(0) ?? 0, c)));

const inJson = (text: string): string =>
  escapes(text, (_, c) => [...Array(c.length).keys()].map((at) => `\\u${hex(c.charCodeAt(at), 4)}`).join(''));

const inYaml = (text: string): string => escapes(text, (codePoint) => `\\U${hex(codePoint, 8)}`);

/** json writes a value so that a terminal may show it, whatever is in it. */
export const json = (value: unknown): string => inJson(JSON.stringify(value, undefined, 2));

const words = /^(y|yes|n|no|on|off|true|false|null)$/i;

/** isPlain tells a text that means itself without quotes to every reader of YAML, of 1.1 (kubectl) and of 1.2. */
export const isPlain = (text: string): boolean => /^[A-Za-z](?:[\w./ -]*[\w./-])?$/.test(text) && !words.test(text);

/**
 * yaml does the same in YAML. All texts that do not mean themselves beyond doubt are in double quotes, in one line: what one
 * reader takes for a text may be lines, a number or `no` to another, and people apply what others wrote.
 */
export const yaml = (value: unknown): string => {
  const document = new Document(value, { aliasDuplicateObjects: false, version: '1.1' });
  visit(document, {
    Scalar: (_, node) => {
      if (isScalar(node) && typeof node.value === 'string') node.type = isPlain(node.value) ? 'PLAIN' : 'QUOTE_DOUBLE';
    },
  });
  const text = document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER });
  return inYaml(text).replace(/\n$/, '');
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
    if (items.length > 0) output.result(items.map(nameOf).map(inJson).join('\n'));
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
  output.result(format === 'json' ? json(plain) : format === 'yaml' ? yaml(plain) : inJson(nameOf(plain)));
  return true;
};
