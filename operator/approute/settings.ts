import type { Config } from '../config.ts';
import type { Ingress, ObjectOf } from '../kube/resource.ts';
import type { HostSettings } from './allowed.ts';

/** Settings is the part of the configuration that routes depend on. */
export type Settings = Pick<Config, 'ingress' | 'tls' | 'gateway'> & HostSettings;

/** IngressObject is an Ingress as the cache has it. */
export type IngressObject = ObjectOf<typeof Ingress>;
