module epinio.io/e2e/cluster/tools/gateway-api

go 1.24.0

// The version that Traefik (../traefik) is made for.
require sigs.k8s.io/gateway-api v1.4.0
