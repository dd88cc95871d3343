/**
 * publicImages are the images that clusters pull where there is Internet, each at one version; by digest where that of all
 * platforms is known. The manifests name the same ones (a test compares). All exist for amd64 and arm64.
 */
export const publicImages = {
  /** The default of the pinned kind; KIND_NODE_IMAGE chooses another. */
  node: 'kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a',
  /** The last one that MinIO published. */
  minio:
    'quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z@sha256:14cea493d9a34af32f524e538b8346cf79f3321eff8e708c1e2960462bd8936e',
  registry: 'docker.io/library/registry:2.8.3@sha256:a3d8aaa63ed8681a604f1dea0aa03f100d5895b6a58ace528858a7b332415373',
  traefik: 'docker.io/library/traefik:v3.6.12@sha256:171c9c3565b29f6c133f1c1b43c5d4e5853415198e9e1078c001f8702ff66aec',
  /** What the operator's image is made upon. */
  nodejs: 'docker.io/library/node:24.21.0-bookworm-slim',
  builder: 'docker.io/paketobuildpacks/ubuntu-noble-builder:0.0.167',
  run: 'docker.io/paketobuildpacks/ubuntu-noble-run:0.0.112',
  /** Compiles kind, kubectl or the test builder where the machine has no Go. */
  go: 'docker.io/library/golang:1.26.8-bookworm',
} as const;

/** paketo is the builder profile of the public builder: the user that its build image runs as. */
export const paketo = { image: publicImages.builder, runImage: publicImages.run, uid: 1001, gid: 1001 } as const;

/** imageName is an image without its tag and digest: what kustomize calls it. */
export const imageName = (reference: string): string => reference.replace(/@.*$/, '').replace(/:[^:/]+$/, '');
