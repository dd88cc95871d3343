/**
 * What the bundle gives @dot-i/k8s-operator in the place of the whole of @kubernetes/client-node (`make build`: --alias). Its
 * CommonJS `require` would keep the generated API from being dropped: 16 MB of code and 40 MB of memory for what the Shell
 * (shell.ts) never lets run. Only the constructor is entered: it loads a KubeConfig and makes one API client of it.
 */
export { KubeConfig } from '@kubernetes/client-node/dist/config.js';

/** CoreV1Api stands for the client that dot-i's constructor makes and nothing uses. */
export class CoreV1Api {}

const unused = (name: string): never => {
  throw new Error(`${name} of @kubernetes/client-node is not in this bundle: nothing of dot-i's own watch is used`);
};

/** Watch is what dot-i's watchResource would use; the Shell has its own. */
export class Watch {
  constructor() {
    unused('Watch');
  }
}

/** loadYaml is what dot-i's registerCustomResourceDefinition would use. */
export const loadYaml = (): never => unused('loadYaml');
