/**
 * What the bundle gives @dot-i/k8s-operator in the place of the whole of @kubernetes/client-node (`make build`: --alias). Its
 * CommonJS `require` would keep the generated API from being dropped: 16 MB of code and 40 MB of memory for what the Shell
 * (shell.ts) never lets run. Only the constructor is entered: it loads a KubeConfig and makes one API client of it.
 */
export { KubeConfig } from '@kubernetes/client-node/dist/config.js';

/** CoreV1Api stands for the client that dot-i's constructor makes and nothing uses. */
export class CoreV1Api {}

const unused = (name: string): never => {
  throw new Error(`${name} is not in this bundle: nothing of dot-i's own client is used`);
};

/** instance stands for gaxios, dot-i's HTTP client, which would bring its own fetch and a deprecated module. */
export const instance = { request: (): never => unused('gaxios') };

/** Watch is what dot-i's watchResource would use; the Shell has its own. */
export class Watch {
  constructor() {
    unused('Watch of @kubernetes/client-node');
  }
}

/** loadYaml is what dot-i's registerCustomResourceDefinition would use. */
export const loadYaml = (): never => unused('loadYaml of @kubernetes/client-node');
