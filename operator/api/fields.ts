import { z } from 'zod';

/** Rule is one CEL validation of a schema node; messages say what to do. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
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

/** labelName is a DNS-1123 label. */
export const labelName = (): z.ZodString => filled(63, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

/** objectName is a DNS-1123 subdomain: the name that most objects may have. */
export const objectName = (): z.ZodString =>
  filled(253, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);

/** sha256 is a digest in 64 hex digits. */
export const sha256 = (): z.ZodString => filled(64, /^[a-f0-9]{64}$/);

/** imageReference is a container image, by tag or digest. */
export const imageReference = (): z.ZodString =>
  filled(
    1024,
    /^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?\/)?[a-z0-9]+([._\/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[a-f0-9]{64})?$/,
  );

/** host is a DNS name in lower case; its first label may be `*`. */
export const host = (): z.ZodString =>
  filled(253, /^(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/);

/** path is the prefix of a URL's path, written in one way only: no empty, `.` or `..` segments, no escapes, no last `/`. */
export const path = (): z.ZodString =>
  filled(512, /^\/([A-Za-z0-9._~@:+-]+(\/[A-Za-z0-9._~@:+-]+)*)?$/).meta(
    rules({
      rule: "!self.split('/').exists(s, s == '.' || s == '..')",
      message: 'path must not contain the segments `.` or `..`: write the path that is meant',
    }),
  );

/** envName is a name that every supported Kubernetes accepts for an environment variable. */
export const envName = (): z.ZodString => filled(253, /^[-._a-zA-Z][-._a-zA-Z0-9]*$/);

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
  .object({ name: labelName().describe('name of the App, in the same namespace.') })
  .meta(atomicMap)
  .describe('AppRef names an App of the same namespace.');
