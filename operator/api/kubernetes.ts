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

/** definitionKey marks a node whose schema crd.ts takes from Kubernetes' own OpenAPI document (kubernetes-1.34.json). */
export const definitionKey = 'x-epinio-definition';

/**
 * kubernetes is a type of Kubernetes itself. The API server checks it by Kubernetes' own schema; here it passes as it is,
 * because a newer server may know fields that we do not.
 */
const kubernetes = <T>(definition: string): z.ZodCustom<T, T> => z.custom<T>().meta({ [definitionKey]: definition });

/** EnvVar is Kubernetes' environment variable: a value, or a reference to a Secret, ConfigMap or field of the pod. */
export type EnvVar = Wire<V1EnvVar>;
export const envVar = kubernetes<EnvVar>('io.k8s.api.core.v1.EnvVar');

/** ResourceRequirements are requests and limits of a container. */
export type ResourceRequirements = Wire<V1ResourceRequirements>;
export const resourceRequirements = kubernetes<ResourceRequirements>('io.k8s.api.core.v1.ResourceRequirements');

/** Probe asks a container how it is. */
export type Probe = Wire<V1Probe>;
export const probe = kubernetes<Probe>('io.k8s.api.core.v1.Probe');

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
