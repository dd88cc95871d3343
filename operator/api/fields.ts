import { z } from 'zod';

/** Rule is one CEL validation of a schema node; messages say what to do. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
  /** CEL for a message that knows the value; message is for where it fails. */
  readonly messageExpression?: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
  readonly fieldPath?: string;
}

/** rules attaches CEL validations to a schema, for `.meta(rules(…))`. */
export const rules = (...list: readonly Rule[]): Record<string, unknown> => ({ 'x-kubernetes-validations': list });

/** mapList declares a list whose items are told apart by keys, so that server-side apply merges it item by item. */
export const mapList = (...keys: readonly string[]): Record<string, unknown> => ({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
});

/** atomicList declares a list that is replaced as a whole. */
export const atomicList = { 'x-kubernetes-list-type': 'atomic' } as const;

/** atomicMap declares an object that is replaced as a whole. */
export const atomicMap = { 'x-kubernetes-map-type': 'atomic' } as const;

/** text is a bounded string. */
export const text = (max: number, pattern?: RegExp): z.ZodString => {
  const bounded = z.string().max(max);
  return pattern === undefined ? bounded : bounded.regex(pattern);
};

/** filled is a bounded string that is not empty. */
export const filled = (max: number, pattern?: RegExp): z.ZodString => text(max, pattern).min(1);

/** count is an int32 from min to max. */
export const count = (min: number, max = 2_147_483_647): z.ZodInt32 => z.int32().min(min).max(max);

/** matches is the CEL for a match; literals of CEL want their backslashes doubled. */
export const matches = ({ source }: RegExp): string =>
  `self.matches('${source.replaceAll('\\/', '/').replaceAll('\\', '\\\\')}')`;

/**
 * worded is a string that must match; where it does not, the API server says the message, and never the expression. It is a
 * rule, because what a pattern says nobody understands, and rules are not asked where a pattern fails.
 */
export const worded = (max: number, pattern: RegExp, message: string, ...more: readonly Rule[]): z.ZodString =>
  text(max).meta(rules({ rule: matches(pattern), message }, ...more));

/** labelName is a DNS-1123 label. */
export const labelName = (field: string, ...more: readonly Rule[]): z.ZodString =>
  worded(
    63,
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    `${field} must be a name of lower-case letters, digits and -, such as my-shop`,
    ...more,
  );

/** objectName is a DNS-1123 subdomain: the name that most objects may have. */
export const objectName = (field: string): z.ZodString =>
  worded(
    253,
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    `${field} must be a name of lower-case letters, digits, - and dots, such as my-shop`,
  );

/** sha256 is a digest in 64 hex digits. */
export const sha256 = (field = 'sha256'): z.ZodString =>
  worded(
    64,
    /^[a-f0-9]{64}$/,
    `${field} must be 64 hexadecimal digits in lower case, as \`sha256sum\` prints them, without a prefix`,
  );

/** imageReference is a container image, by tag or digest. */
export const imageReference = (): z.ZodString =>
  worded(
    1024,
    /^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?\/)?[a-z0-9]+([._\/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[a-f0-9]{64})?$/,
    'image must be an image such as docker.io/library/nginx:1.29 or registry.example.org/team/shop@sha256:…: without scheme, its path in lower case',
  );

const dnsName = /^(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/;

/** corrected says a message and then, by CEL, what to write instead; where that cannot be told the message is all. */
const corrected = (message: string, form: string): Pick<Rule, 'message' | 'messageExpression'> => ({
  message,
  messageExpression: `${form} == '' ? '' : '${message}: write ' + ${form}`,
});

/** plainHost and plainPath are CEL for what somebody who pasted an address meant: cheap, for it stands in lists. */
const plainHost = "self.find('([*][.])?[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+').lowerAscii()";
const plainPath = "('/' + self.find('[^/].*[^/]|[^/]'))";

/** hostRules say one thing about a host each, so that a mistake is told once. */
const hostRules: readonly Rule[] = [
  {
    rule: "!self.matches('[A-Z]')",
    ...corrected('host must be in lower case', plainHost),
  },
  {
    rule: "!self.matches('[:/]')",
    ...corrected('host must be a name alone, without scheme, port and path, which has a field of its own', plainHost),
  },
  {
    rule: "!self.endsWith('.')",
    ...corrected('host must not end with a dot', plainHost),
  },
  {
    rule: "!self.matches('^[0-9.]+$')",
    message: 'host must be a name and not an IP address: write a name such as shop.example.org whose DNS leads there',
  },
  {
    rule: "!self.matches('(^|[.])(svc|cluster[.]local)$')",
    message: 'host must not be a name of the cluster itself (.svc, .cluster.local): choose one that DNS knows outside',
  },
  {
    rule: `self.matches('[A-Z:/]') || self.endsWith('.') || ${matches(dnsName)}`,
    message:
      'host must be a DNS name such as shop.example.org: letters, digits and - between dots, * only alone at the beginning, as in *.example.org',
  },
];

/** host is a DNS name in lower case; its first label may be `*`. */
export const host = (...more: readonly Rule[]): z.ZodString => filled(253).meta(rules(...hostRules, ...more));

/** path is the prefix of a URL's path, written in one way only: no empty, `.` or `..` segments, no escapes, no last `/`. */
export const path = (): z.ZodString =>
  filled(512).meta(
    rules(
      { rule: "self.startsWith('/')", ...corrected('path must start with /', plainPath) },
      { rule: "self == '/' || !self.endsWith('/')", ...corrected('path must not end with /', plainPath) },
      {
        rule: `!self.startsWith('/') || self.endsWith('/') || ${matches(/^\/([A-Za-z0-9._~@:+-]+(\/[A-Za-z0-9._~@:+-]+)*)?$/)}`,
        message:
          'path must be made of letters, digits and ._~@:+- between single slashes: no query, no escapes such as %20, no *',
      },
      {
        rule: "!self.split('/').exists(s, s == '.' || s == '..')",
        message: 'path must not contain the segments `.` or `..`: write the path that is meant',
      },
    ),
  );

/** variableName is the rule for names of environment variables: what every supported Kubernetes accepts. */
export const variableName = rules({
  rule: matches(/^[-._a-zA-Z][-._a-zA-Z0-9]*$/),
  message:
    'the name of a variable must be letters, digits, _, - and dots and not begin with a digit, such as BP_NODE_VERSION',
});

/** envName is a name that every supported Kubernetes accepts for an environment variable. */
export const envName = (): z.ZodString => text(253).meta(variableName);

/** time is a point in time, RFC 3339. */
export const time = (): z.ZodString => text(64).meta({ format: 'date-time' });

const conditionStatus = z.enum(['True', 'False', 'Unknown']);

/** condition is Kubernetes' metav1.Condition. */
export const condition = z
  .object({
    type: filled(316, /^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$/).describe(
      'type of the condition, such as Ready; `kubectl wait --for=condition=<type>` waits for it.',
    ),
    status: conditionStatus.describe('status is True, False or Unknown.'),
    observedGeneration: z
      .int()
      .min(0)
      .optional()
      .describe('observedGeneration is the metadata.generation that this condition was computed from.'),
    lastTransitionTime: time().describe('lastTransitionTime is when status last changed.'),
    reason: filled(1024, /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/).describe(
      'reason is one CamelCase word for programs, told apart in the documentation.',
    ),
    message: text(32768).describe('message says in one sentence what is so and what can be done.'),
  })
  .describe('Condition is one observation of the state of this object.');

/** Condition is one observation of an object's state. */
export type Condition = z.output<typeof condition>;

/** conditions is the list of conditions of a status. */
export const conditions = z
  .array(condition)
  .max(16)
  .meta(mapList('type'))
  .describe('conditions are the latest observations of the state of this object, Ready first.');

/** observedGeneration of a status. */
export const observedGeneration = z
  .int()
  .min(0)
  .describe('observedGeneration is the metadata.generation that the operator has fully processed.');

/** appRef names an App of the same namespace. */
export const appRef = z
  .object({ name: labelName('appRef.name').describe('name of the App, in the same namespace.') })
  .meta(atomicMap)
  .describe('AppRef names an App of the same namespace.');
