import { randomBytes } from 'node:crypto';
import { connectTo } from '../../e2e/cluster/api.ts';
import { kubeconfigPath } from './apiserver.ts';

/** What a webhook is asked about. */
interface Asked {
  readonly group: string;
  readonly resource: string;
}

/**
 * brokenWebhook makes every creation of a resource in a namespace fail with a 500, as it does where an admission webhook is
 * registered and nobody answers for it; until disposed of.
 */
export const brokenWebhook = async (namespace: string, { group, resource }: Asked): Promise<AsyncDisposable> => {
  const { call, close } = connectTo(kubeconfigPath());
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  const name = `broken-${randomBytes(5).toString('hex')}`;
  const { status, body } = await call('POST', path, {
    metadata: { name },
    webhooks: [
      {
        name: 'broken.test.epinio.io',
        clientConfig: { url: 'https://127.0.0.1:1/' },
        rules: [{ apiGroups: [group], apiVersions: ['*'], operations: ['CREATE'], resources: [resource] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        ...{ failurePolicy: 'Fail', sideEffects: 'None', admissionReviewVersions: ['v1'], timeoutSeconds: 1 },
      },
    ],
  });
  if (status !== 201) throw new Error(String(body.message));
  let there = true;
  return {
    [Symbol.asyncDispose]: async () => {
      if (!there) return;
      there = false;
      await call('DELETE', `${path}/${name}`);
      await close();
    },
  };
};
