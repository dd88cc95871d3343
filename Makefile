# Every target works from a fresh clone: what it needs, it installs into node_modules or the cache outside the repo.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# The one place that chooses Node.js: the npm package `node` brings >= 22.19 where the machine's own is older.
NODE := node_modules/.bin/node
VITEST := $(NODE) node_modules/vitest/vitest.mjs run
CLUSTER_TOOL := $(NODE) e2e/cluster/main.ts

export EPINIO_CACHE ?= $(HOME)/.cache/epinio
export CLUSTER EPINIO_BUILDER

help: ## Show what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9_-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  CLUSTER=native|kind|current chooses the cluster of demo, cluster and e2e (default: kind where Docker works, else native).'
	@echo '  EPINIO_BUILDER=paketo|test chooses the builder (default: paketo where it can be pulled, else a small one of our own).'
	@echo '  EPINIO_CACHE=DIR keeps the built parts of the native cluster (default: ~/.cache/epinio).'

deps: node_modules/.installed ## Install the npm packages of the lockfile

node_modules/.installed: package.json package-lock.json
	npm ci --no-fund --no-audit --loglevel=error
	@touch $@

build: deps ## Bundle the operator and the CLI into dist/
	$(NODE) bundle.ts

executables: deps ## Make single-file executables of the CLI for Linux, macOS and Windows in dist/executables/ (SYSTEMS="linux-x64 …")
	$(NODE) executables.ts $(SYSTEMS)

generate: deps ## Write crds/ and the RBAC manifests from the code
	$(NODE) operator/api/crd/generate.ts

verify: deps ## Check formatting, lint rules, types, and that what is generated is current
	$(NODE) node_modules/prettier/bin/prettier.cjs --check --log-level=warn .
	$(NODE) node_modules/eslint/bin/eslint.js . --max-warnings=0
	$(NODE) node_modules/typescript/bin/tsc -p .
	$(NODE) operator/api/crd/generate.ts --check

format: deps ## Format all code
	$(NODE) node_modules/prettier/bin/prettier.cjs --write --log-level=warn .

unit: deps ## Run the pure tests
	$(CLUSTER_TOOL) with bzip2 xz zstd bsdtar zip lua5.1 git ssh sshd /usr/share/doc/libnss-wrapper -- $(VITEST) --project unit

integration: deps ## Run the tests on a real kube-apiserver (built once into the cache)
	$(CLUSTER_TOOL) build kube-apiserver kube-controller-manager kubectl minio cert-manager-crds gateway-api-crds
	$(CLUSTER_TOOL) with etcd openssl curl bzip2 xz zstd docker-registry tmux -- $(VITEST) --project integration

servers: deps ## Run the tests against another S3 server, versitygw (built once; not in CI)
	$(CLUSTER_TOOL) build kube-apiserver kube-controller-manager versitygw
	$(CLUSTER_TOOL) with etcd openssl curl -- $(VITEST) --project servers

builder-test: deps ## Run the tests of the test builder's lifecycle
	$(CLUSTER_TOOL) with docker-registry busybox -- go -C e2e/builder/lifecycle vet ./...
	$(CLUSTER_TOOL) with docker-registry busybox -- go -C e2e/builder/lifecycle test ./...

# The tests ask their builder for faults, which only the test builder makes.
e2e: export EPINIO_BUILDER := test
e2e: build ## Run the end-to-end tests on a cluster with everything in it
	$(CLUSTER_TOOL) build cert-manager cert-manager-crds gateway-api-crds
	$(CLUSTER_TOOL) up
	$(CLUSTER_TOOL) install
	$(CLUSTER_TOOL) with cluster curl git ssh sshd -- $(VITEST) --project e2e

test: verify unit integration builder-test e2e ## Run everything: what CI runs

bench: build ## Measure API writes, throughput, restart and memory against raw writes of the same server
	$(CLUSTER_TOOL) build kube-apiserver kube-controller-manager minio
	$(NODE) e2e/bench/main.ts $(if $(SIZE),--size $(SIZE)) $(if $(QUICK),--quick)

cluster: build ## Start a local cluster with MinIO, registry, Traefik and the operator
	$(CLUSTER_TOOL) up
	$(CLUSTER_TOOL) install

develop: deps ## Run the operator from its sources on the native cluster, with a debugger (127.0.0.1:9229)
	$(CLUSTER_TOOL) develop

doctor: deps ## Tell what this machine lacks for the cluster, all at once
	$(CLUSTER_TOOL) doctor

cluster-down: deps ## Stop the local cluster and remove all that it left on this machine
	$(CLUSTER_TOOL) down

demo: cluster ## From nothing to two pushed apps on a real cluster
	$(NODE) e2e/demo.ts

demo-down: cluster-down ## Remove the demo and its cluster

clean: ## Remove what was built in this folder
	rm -rf dist node_modules

.PHONY: help deps build executables generate verify format unit integration servers builder-test e2e test bench cluster develop doctor cluster-down demo demo-down clean
