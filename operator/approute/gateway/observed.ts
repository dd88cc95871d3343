import type { Config } from '../../config.ts';
import type { GatewayObject } from './gatewayapi.ts';

/** GatewayObserved is what one look found of the Gateway of the configuration, for a route that goes through it. */
export interface GatewayObserved {
  readonly settings: NonNullable<Config['gateway']>;
  /** Whether the API server serves HTTPRoutes. */
  readonly served: boolean;
  readonly gateway: GatewayObject | undefined;
}
