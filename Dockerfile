# The base brings Node.js >= 22.19 as `node`. Where no image can be pulled, one made from packages takes its place.
ARG BASE=node:24-bookworm-slim
FROM ${BASE}
LABEL org.opencontainers.image.title="Epinio operator" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /app
# One bundle with everything in it: `make build` writes it.
COPY dist/epinio-operator.mjs /app/epinio-operator.mjs
USER 65532:65532
ENTRYPOINT ["node", "--no-deprecation", "/app/epinio-operator.mjs"]
CMD ["operator"]
