import { children, type Schema } from './schema.ts';

/** limits of the API server, in its units of cost (apiextensions-apiserver, StaticEstimatedCostLimit and …CRDCostLimit). */
export const limits = { rule: 10_000_000, crd: 100_000_000 } as const;

/** unbounded stands for what has no bound: the API server reckons with a request of 3 MiB. */
const unbounded = 3 * 1024 * 1024;
const keyLength = 317;

const entries = (node: Schema): number =>
  node.type === 'array'
    ? (node.maxItems ?? unbounded)
    : node.additionalProperties
      ? (node.maxProperties ?? unbounded)
      : 1;

/** size is how many bytes a value may have at most, roughly: what comparing or copying it costs. */
const size = (node: Schema): number => {
  if (node.type === 'string' || node['x-kubernetes-int-or-string'])
    return node.maxLength ?? (node.enum ? 64 : unbounded);
  if (node.type === 'boolean' || node.type === 'integer') return 8;
  const key = typeof node.additionalProperties === 'object' ? keyLength : 0;
  const inner = children(node).reduce((sum, [, child]) => sum + size(child) + key, 0);
  return Math.min(entries(node) * inner, unbounded);
};

/** loops are the places where a rule goes through all of a value; lists written in the rule itself are short. */
const loops = (rule: string): number => rule.match(/[\w)]\.(all|exists|exists_one|map|filter)\(/g)?.length ?? 0;

/** metadataName is all of the metadata that a rule may read. */
const metadataName: Schema = { type: 'string', maxLength: 253 };

/** field finds what `self.x.y` means below a node; the last words of it may be functions. */
const field = (node: Schema, path: readonly string[]): Schema => {
  if (path[0] === 'metadata') return metadataName;
  const [name = '', ...rest] = path;
  const child = node.properties?.[name];
  return child === undefined ? node : field(child, rest);
};

/** readsOf lists what a rule reads: not what it only asks `has` of, or compares with a text of its own. */
const readsOf = (node: Schema, rule: string): Schema[] => {
  const reading = rule.replace(/has\([^)]*\)/g, '').replace(/[\w.]+ [!=]= '[^']*'/g, '');
  return [...reading.matchAll(/\b(?:self|oldSelf)((?:\.[a-z]\w*)*)/g)].map((match) =>
    field(node, (match[1] ?? '').split('.').slice(1)),
  );
};

/** width is how many times a loop over a value may go round. */
const width = (node: Schema): number =>
  node.type === 'string' ? size(node) : Math.max(entries(node), ...children(node).map(([, child]) => entries(child)));

/** costOf is the worst that one evaluation of a rule may cost: each step, each loop, and a tenth of each byte read. */
export const costOf = (node: Schema, rule: string): number => {
  const steps = rule.match(/\w+|[=!<>&|?]+/g)?.length ?? 0;
  const reads = readsOf(node, rule);
  const bytes = reads.reduce((sum, read) => sum + size(read), 0);
  const widest = Math.max(1, ...reads.map(width));
  return steps * (loops(rule) > 0 ? widest ** loops(rule) : 1) + bytes / 10;
};

/** Cost is what a rule may cost in one request: evaluated once for each place where its node may stand. */
export interface Cost {
  readonly path: string;
  readonly rule: string;
  readonly cost: number;
}

/**
 * costs estimates every rule of a schema. It is coarser than the API server's own estimate, which the integration tests
 * ask, but it needs no server and tells how far away the limits are.
 */
export const costs = (node: Schema, path = '', times = 1): Cost[] => [
  ...(node['x-kubernetes-validations'] ?? []).map(({ rule }) => ({
    path: path || '.',
    rule,
    cost: Math.ceil(times * costOf(node, rule)),
  })),
  ...children(node).flatMap(([step, child]) => costs(child, path + step, times * entries(node))),
];
