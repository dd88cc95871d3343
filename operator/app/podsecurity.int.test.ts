import { expect, test, vi } from 'vitest';
import type { App } from '../api/app.ts';
import { findCondition } from '../kube/conditions.ts';
import { Pod } from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps } from '../testing/apps.ts';

const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
const spec = { source: { image: 'example.org/shop:1' }, defaultRoute: 'Disabled' } as const;

const deployed = ({ status }: App): string => findCondition(status?.conditions, 'Deployed')?.message ?? '';

test('in a namespace of the level restricted an image from elsewhere is told the field that lets it in, and the one that it then needs', () =>
  inNamespace(
    async (namespace) => {
      await using user = asUser();
      await using _world = await runApps({ namespaces: [namespace] });
      const key = { namespace, name: 'shop' };
      await user.apply(key, spec);
      const refused = await user.until(key, { Deployed: 'False/AdmissionDenied' });
      expect(deployed(refused)).toMatch(
        /^No pod can be made: Violates PodSecurity "restricted:[^"]+": .*capabilities.* Set spec\.pod\.securityProfile to Restricted\.$/,
      );
      await user.apply(key, { ...spec, pod: { securityProfile: 'Restricted' } });
      const pod = await vi.waitFor(
        async () =>
          (await user.kube.list(Pod, { namespace })).items[0] ?? Promise.reject(new Error('there is no pod yet')),
        { timeout: 20_000, interval: 100 },
      );
      const message = 'container has runAsNonRoot and image will run as root (pod: "x", container: app)';
      const state = { waiting: { reason: 'CreateContainerConfigError', message } };
      const status = { name: 'app', ready: false, restartCount: 0, image: 'x', imageID: '', state };
      await user.kube.apply(
        Pod,
        {
          ...{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name: pod.metadata?.name ?? '' } },
          status: { phase: 'Pending', containerStatuses: [status] },
        },
        { subresource: 'status', fieldManager: 'kubelet' },
      );
      const told = await user.until(key, { Deployed: 'False/CreateContainerConfigError' });
      expect(deployed(told)).toBe(
        'The image runs as root, which its pods may not: set spec.pod.securityContext.runAsUser to the number of another user, or use an image that names one.',
      );
    },
    { labels },
  ));
