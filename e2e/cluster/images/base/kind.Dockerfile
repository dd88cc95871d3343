# The base where public images can be pulled: the same parts as Dockerfile's, upon the public Node.js image.
ARG NODEJS
FROM ${NODEJS}
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git openssh-client busybox-static \
 && rm -rf /var/lib/apt/lists/*
CMD ["/bin/sh"]
