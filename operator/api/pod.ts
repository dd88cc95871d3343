import { z } from 'zod';
import { atomicList, atomicMap, count, mapList, objectName, rules, text, worded } from './fields.ts';
import {
  affinity,
  localObjectReference,
  podSecurityContext,
  toleration,
  topologySpreadConstraint,
} from './kubernetes.ts';

const validKeys = (field: string): { rule: string; message: string } => ({
  rule: 'self.all(k, !format.qualifiedName().validate(k).hasValue())',
  message: `the keys of ${field} must be names such as example.org/team or team: at most 63 characters after the /`,
});

const labels = z
  .record(
    z.string(),
    worded(
      63,
      /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/,
      'the values of pod.labels must be empty, or letters, digits and -_. that begin and end with a letter or digit',
    ),
  )
  .meta({
    maxProperties: 64,
    ...rules(
      {
        rule: "self.all(k, !k.startsWith('epinio.io/') && !k.startsWith('app.kubernetes.io/'))",
        message:
          'pod.labels must not be under epinio.io/ or app.kubernetes.io/, which the operator sets: use another prefix',
        reason: 'FieldValueForbidden',
      },
      validKeys('pod.labels'),
    ),
  })
  .describe('labels are added to the pods.');

const annotations = z
  .record(z.string(), text(32768))
  .meta({
    maxProperties: 64,
    ...rules(
      {
        rule: "self.all(k, !k.startsWith('epinio.io/'))",
        message: 'pod.annotations must not be under epinio.io/, which the operator sets: use another prefix',
        reason: 'FieldValueForbidden',
      },
      validKeys('pod.annotations'),
    ),
  })
  .describe('annotations are added to the pods.');

/** pod is what else the pods of an App need. */
export const pod = z
  .object({
    labels: labels.optional(),
    annotations: annotations.optional(),
    nodeSelector: z
      .record(z.string(), text(63))
      .meta({ maxProperties: 64, ...atomicMap })
      .optional()
      .describe('nodeSelector is the labels that a node must have to run the pods.'),
    tolerations: z
      .array(toleration)
      .max(64)
      .meta(atomicList)
      .optional()
      .describe('tolerations let the pods run on nodes with these taints.'),
    affinity: affinity.optional().describe('affinity draws the pods to nodes, and to or from other pods.'),
    topologySpreadConstraints: z
      .array(topologySpreadConstraint)
      .max(16)
      .meta(mapList('topologyKey', 'whenUnsatisfiable'))
      .optional()
      .describe(
        'topologySpreadConstraints spread the pods over zones or nodes; without a labelSelector they count the pods of this App.',
      ),
    priorityClassName: objectName('priorityClassName')
      .optional()
      .describe('priorityClassName is the PriorityClass of the pods.'),
    serviceAccountName: objectName('serviceAccountName')
      .optional()
      .describe('serviceAccountName is the ServiceAccount that the pods run as. Default: default.'),
    imagePullSecrets: z
      .array(localObjectReference)
      .max(16)
      .meta(mapList('name'))
      .optional()
      .describe('imagePullSecrets are Secrets of the namespace for pulling source.image.'),
    runtimeClassName: objectName('runtimeClassName')
      .optional()
      .describe('runtimeClassName is the RuntimeClass of the pods.'),
    terminationGracePeriodSeconds: count(0, 86_400)
      .optional()
      .describe(
        'terminationGracePeriodSeconds is how long a pod may take to end after SIGTERM, in seconds. Default: 30.',
      ),
    securityProfile: z
      .enum(['Restricted'])
      .optional()
      .describe(
        'securityProfile Restricted lets the pods of an image from elsewhere run neither as root nor with capabilities, as the level restricted of Pod Security wants it; what is built here always runs so.',
      ),
    securityContext: podSecurityContext.optional().describe('securityContext are the security settings of the pods.'),
  })
  .describe('pod is what else the pods need: placement, identity, labels.');
