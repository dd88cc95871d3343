import type {
  V1Affinity,
  V1EnvVar,
  V1LocalObjectReference,
  V1PodSecurityContext,
  V1Probe,
  V1ResourceRequirements,
  V1Toleration,
  V1TopologySpreadConstraint,
} from '@kubernetes/client-node';
import { z } from 'zod';
import type { Wire } from '../kube/resource.ts';
import { rules, variableName, type Rule } from './fields.ts';

/** definitionKey marks a node whose schema crd.ts takes from Kubernetes' own OpenAPI document (kubernetes-1.34.json). */
export const definitionKey = 'x-epinio-definition';

/**
 * kubernetes is a type of Kubernetes itself. The API server checks it by Kubernetes' own schema; here it passes as it is,
 * because a newer server may know fields that we do not.
 */
const kubernetes = <T>(definition: string, meta: Record<string, unknown> = {}): z.ZodCustom<T, T> =>
  z.custom<T>().meta({ [definitionKey]: definition, ...meta });

const exactlyOneOf = (path: string, fields: readonly string[]): string =>
  `[${fields.map((field) => `has(${path}.${field})`).join(', ')}].filter(x, x).size() == 1`;

/** EnvVar is Kubernetes' environment variable: a value, or a reference to a Secret, ConfigMap or field of the pod. */
export type EnvVar = Wire<V1EnvVar>;
export const envVar = kubernetes<EnvVar>('io.k8s.api.core.v1.EnvVar', {
  // Newer servers allow more in a name; this is what all supported ones allow.
  properties: { name: { minLength: 1, maxLength: 253, ...variableName } },
  ...rules(
    {
      rule: "!has(self.valueFrom) || !has(self.value) || self.value == ''",
      message: 'an entry of env must have only one of `value` and `valueFrom`: remove the other',
    },
    {
      rule: `!has(self.valueFrom) || ${exactlyOneOf('self.valueFrom', ['configMapKeyRef', 'fieldRef', 'resourceFieldRef', 'secretKeyRef'])}`,
      message: 'valueFrom must have exactly one of configMapKeyRef, fieldRef, resourceFieldRef and secretKeyRef',
      fieldPath: '.valueFrom',
    },
  ),
});

/** ResourceRequirements are requests and limits of a container. */
export type ResourceRequirements = Wire<V1ResourceRequirements>;
export const resourceRequirements = kubernetes<ResourceRequirements>(
  'io.k8s.api.core.v1.ResourceRequirements',
  rules({
    rule: '!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || !isQuantity(string(self.requests[k])) || !isQuantity(string(self.limits[k])) || quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)',
    message: 'requests must not be greater than limits: lower the request or raise the limit',
    fieldPath: '.requests',
  }),
);

/** Probe asks a container how it is. */
export type Probe = Wire<V1Probe>;
const probeOf = (...own: readonly Rule[]): z.ZodCustom<Probe, Probe> =>
  kubernetes('io.k8s.api.core.v1.Probe', rules(...own));

const handlers = ['exec', 'grpc', 'httpGet', 'tcpSocket'];
const oneHandler = exactlyOneOf('self', handlers);
const settings = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'];
const noSettings = settings.map((field) => `!has(self.${field})`).join(' && ');
const noHandler = handlers.map((field) => `!has(self.${field})`).join(' && ');

/** probe of a running container, where one success is enough. */
export const probe = probeOf(
  { rule: oneHandler, message: 'a probe must have exactly one of exec, grpc, httpGet and tcpSocket' },
  {
    rule: '!has(self.successThreshold) || self.successThreshold <= 1',
    message: 'successThreshold must be 1 here: only readinessProbe may ask for more',
    fieldPath: '.successThreshold',
  },
);

/** readinessProbe only keeps requests away, so that it ends no container. */
export const readinessProbe = probeOf(
  {
    rule: `${oneHandler} || (${noHandler} && ${noSettings})`,
    message: 'a readinessProbe must have exactly one of exec, grpc, httpGet and tcpSocket, or be empty for none',
  },
  {
    rule: '!has(self.terminationGracePeriodSeconds)',
    message: 'terminationGracePeriodSeconds must not be set here: a readinessProbe ends no container',
    fieldPath: '.terminationGracePeriodSeconds',
  },
);

/** Affinity draws pods to nodes and to or from each other. */
export type Affinity = Wire<V1Affinity>;
export const affinity = kubernetes<Affinity>('io.k8s.api.core.v1.Affinity');

/** Toleration lets pods run on tainted nodes. */
export type Toleration = Wire<V1Toleration>;
export const toleration = kubernetes<Toleration>('io.k8s.api.core.v1.Toleration');

/** TopologySpreadConstraint spreads pods over zones or nodes. */
export type TopologySpreadConstraint = Wire<V1TopologySpreadConstraint>;
export const topologySpreadConstraint = kubernetes<TopologySpreadConstraint>(
  'io.k8s.api.core.v1.TopologySpreadConstraint',
);

/** PodSecurityContext are the security settings of a pod. */
export type PodSecurityContext = Wire<V1PodSecurityContext>;
export const podSecurityContext = kubernetes<PodSecurityContext>('io.k8s.api.core.v1.PodSecurityContext');

/** LocalObjectReference names an object of the same namespace. */
export type LocalObjectReference = Wire<V1LocalObjectReference>;
export const localObjectReference = kubernetes<LocalObjectReference>('io.k8s.api.core.v1.LocalObjectReference');
