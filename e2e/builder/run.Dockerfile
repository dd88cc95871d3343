# What apps run upon: the base image, a user, and labels that tell buildpacks what it is. The context may be empty.
ARG BASE=localhost/epinio/base
FROM ${BASE}
ARG DISTRO=debian
ARG DISTRO_VERSION=12
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LABEL io.buildpacks.base.distro.name=${DISTRO} \
      io.buildpacks.base.distro.version=${DISTRO_VERSION}
RUN printf 'cnb:x:1000:\n' >> /etc/group && printf 'cnb:x:1001:1000:cnb:/home/cnb:/bin/sh\n' >> /etc/passwd
USER 1001:1000
