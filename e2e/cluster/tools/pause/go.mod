module epinio.io/e2e/cluster/tools/pause

go 1.24.0
