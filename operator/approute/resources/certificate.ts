import type { AppRoute } from '../../api/approute.ts';
import { certificateName, childLabels } from '../../api/names.ts';
import type { IssuerRef } from '../../api/tls.ts';
import { apiVersionOf } from '../../kube/resource.ts';
import type { Intent } from '../../kube/types.ts';
import { Certificate } from '../tls/certmanager.ts';

/** buildCertificate asks cert-manager for a certificate of the route's host, and to renew it; it lands in a Secret of the same name. */
export const buildCertificate = (route: AppRoute, issuer: IssuerRef): Intent => {
  const { namespace } = route.metadata;
  const name = certificateName(route.metadata.name);
  return {
    apiVersion: apiVersionOf(Certificate),
    kind: Certificate.kind,
    metadata: { name, namespace, labels: childLabels({ namespace, name: route.spec.appRef.name }, 'route') },
    spec: {
      secretName: name,
      dnsNames: [route.spec.host],
      issuerRef: { group: Certificate.group, kind: issuer.kind, name: issuer.name },
    },
  };
};
