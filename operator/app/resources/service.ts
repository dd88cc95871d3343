import type { App } from '../../api/app.ts';
import { podLabels, serviceName } from '../../api/names.ts';
import { webProcess } from '../../api/process.ts';
import { Service } from '../../kube/resource.ts';
import type { Intent } from '../../kube/types.ts';
import { portName } from './container.ts';
import { childOf } from './meta.ts';

/**
 * buildService makes the Service of the App: port 80, named http, leads to the port of that name in each pod. So another
 * App reaches it as http://<app>, a changed spec.port changes pods alone, and old and new pods serve side by side.
 */
export const buildService = (app: App): Intent =>
  childOf(
    app,
    Service,
    { name: serviceName(app.metadata.name), component: 'application' },
    {
      type: 'ClusterIP',
      // The API server's own defaults, said so that nobody else's word counts.
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      selector: podLabels(app.metadata.name, webProcess),
      ports: [{ name: portName, port: 80, protocol: 'TCP', targetPort: portName }],
    },
  );
