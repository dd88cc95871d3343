# The base brings Node.js >= 22.19 as `node`. Where no image can be pulled, one made from packages takes its place.
ARG BASE=docker.io/library/node:24.21.0-bookworm-slim
FROM ${BASE}
LABEL org.opencontainers.image.title="Epinio operator" \
      org.opencontainers.image.licenses="Apache-2.0"
# One malloc arena: what glibc keeps for each thread is memory that nobody uses.
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
# What fetches from git: git and ssh themselves, and what lets ssh run as a user that has no entry in /etc/passwd.
RUN ls /usr/bin/git /usr/bin/ssh /usr/lib/*/libnss_wrapper.so > /dev/null || { \
      apt-get update && \
      apt-get install -y --no-install-recommends ca-certificates git openssh-client libnss-wrapper && \
      rm -rf /var/lib/apt/lists/*; }
WORKDIR /app
# One bundle with everything in it: `make build` writes it.
COPY dist/epinio-operator.mjs /app/epinio-operator.mjs
USER 65532:65532
# Small young generation, slowly growing heap: half the memory with 10,000 Apps (docs/performance.md).
ENTRYPOINT ["node", "--max-semi-space-size=4", "--heap-growing-percent=20", "/app/epinio-operator.mjs"]
CMD ["operator"]
