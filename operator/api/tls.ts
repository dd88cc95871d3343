import { z } from 'zod';
import { atomicMap, objectName, rules } from './fields.ts';

const issuerRef = z
  .object({
    kind: z
      .enum(['Issuer', 'ClusterIssuer'])
      .default('Issuer')
      .describe('kind is Issuer for one of this namespace, or ClusterIssuer for one that the installation allows.'),
    name: objectName('tls.issuerRef.name').describe('name of the issuer.'),
  })
  .meta(atomicMap)
  .describe('issuerRef names the issuer of cert-manager that issues a certificate for the host, and renews it.');
export type IssuerRef = z.output<typeof issuerRef>;

/** tls is how a route is served by https. */
export const tls = z
  .object({
    secretName: objectName('tls.secretName')
      .optional()
      .describe(
        'secretName names a Secret of this namespace, of type kubernetes.io/tls, whose certificate covers the host.',
      ),
    issuerRef: issuerRef.optional(),
    disabled: z.boolean().optional().describe('disabled true serves the route by http alone, whatever there is.'),
  })
  .meta(
    rules({
      rule: '[has(self.secretName), has(self.issuerRef), has(self.disabled) && self.disabled].filter(x, x).size() <= 1',
      message: 'tls must have only one of `secretName`, `issuerRef` and `disabled`: remove the others',
    }),
  )
  .describe(
    'tls says where the certificate of the route comes from. Default: a Secret of the namespace with the label epinio.io/routing that covers the host, else the certificate or the issuer of the installation, else http alone.',
  );
export type RouteTls = z.output<typeof tls>;
