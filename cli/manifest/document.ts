import { isMap, isScalar, LineCounter, parseAllDocuments, type Document, type ParsedNode } from 'yaml';
import { UserError } from '../errors.ts';
import { nearest } from './nearest.ts';

/** Path leads to a value in a document. */
export type Path = readonly (string | number)[];

/** Mistake is what is wrong at one place of a manifest. */
export interface Mistake {
  readonly path: Path;
  readonly text: string;
  /** The key itself is wrong, not its value. */
  readonly ofKey?: boolean;
}

/** ManifestDocument is one document of a YAML file. */
export interface ManifestDocument {
  /** isApp: it is a Kubernetes object, not one of Epinio's manifests. */
  readonly isApp: boolean;
  /** value as plain data: of Epinio's manifests all scalars are texts, exactly as they are written. */
  readonly value: unknown;
  /** refuse makes one error of mistakes, each with its line. */
  refuse(mistakes: readonly Mistake[]): UserError;
}

/** show writes a path as people write it: configuration.routes[0]. */
export const show = (path: Path): string =>
  path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');

/** unknownKey says that a key is not known, and which one was probably meant. */
export const unknownKey = (path: Path, known: readonly string[]): Mistake => {
  const key = String(path.at(-1));
  const meant = nearest(key, known);
  return {
    path,
    ofKey: true,
    text: `unknown key ${show(path)}${meant === undefined ? `; known here: ${known.join(', ')}` : `: is ${meant} meant?`}`,
  };
};

const rangeOf = (doc: Document<ParsedNode>, { path, ofKey }: Mistake): number | undefined => {
  const parent = doc.getIn(path.slice(0, -1), true);
  if (ofKey === true && isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)));
    if (isScalar(pair?.key)) return pair.key.range?.[0];
  }
  for (let length = path.length; length >= 0; length--) {
    const node = doc.getIn(path.slice(0, length), true) as ParsedNode | undefined;
    if (node?.range) return node.range[0];
  }
  return undefined;
};

const hint = 'see docs/cli.md for what a manifest may have';

interface Parsed {
  readonly docs: readonly Document<ParsedNode>[];
  readonly lineAt: (offset: number) => number;
}

const parse = (text: string, schema: 'core' | 'failsafe'): Parsed => {
  const lineCounter = new LineCounter();
  const customTags = schema === 'core' ? [] : (['null', 'merge'] as const);
  const docs = parseAllDocuments(text, { lineCounter, schema, merge: true, customTags: [...customTags] });
  return { docs: docs as Document<ParsedNode>[], lineAt: (offset) => lineCounter.linePos(offset).line };
};

const isKubernetes = (doc: Document<ParsedNode>): boolean =>
  isMap(doc.contents) && doc.has('apiVersion') && doc.has('kind');

const brokenIn = (file: string, { docs, lineAt }: Parsed): UserError | undefined => {
  const [broken] = docs.flatMap(({ errors }) => errors);
  if (broken === undefined) return undefined;
  const [head = ''] = broken.message.split('\n');
  const what = head.replace(/ at line \d+, column \d+:?$/, '');
  return new UserError(`${file}:${lineAt(broken.pos[0])}: this is no YAML: ${what}`, hint, { cause: broken });
};

/**
 * readDocuments reads the documents of a YAML file; empty ones do not count. Epinio's manifests are read by YAML's failsafe
 * schema: `no`, `off`, `1e5` and 0123 are the texts that they look like. Kubernetes' objects are read as kubectl reads them.
 */
export const readDocuments = (file: string, text: string): ManifestDocument[] => {
  const texts = parse(text, 'failsafe');
  const typed = parse(text, 'core');
  const broken = brokenIn(file, texts);
  if (broken !== undefined) throw broken;
  return texts.docs.flatMap((asTexts, i) => {
    if (asTexts.toJS() === null) return [];
    const isApp = isKubernetes(asTexts);
    const { lineAt } = isApp ? typed : texts;
    const doc = (isApp ? typed.docs[i] : undefined) ?? asTexts;
    const refuse = (mistakes: readonly Mistake[]): UserError => {
      const lines = mistakes.map((mistake) => {
        const at = rangeOf(doc, mistake);
        return `${file}${at === undefined ? '' : `:${lineAt(at)}`}: ${mistake.text}`;
      });
      return new UserError(lines.join('\n'), hint);
    };
    return [{ isApp, value: doc.toJS({ maxAliasCount: 100 }) as unknown, refuse }];
  });
};
