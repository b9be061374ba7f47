# syntax=docker/dockerfile:1
# The base has images for amd64 and arm64, and each dependency has wheels for both, so nothing is compiled anywhere.

FROM python:3.13-slim AS base

FROM base AS build
WORKDIR /src
# The dependencies have a layer of their own, which lasts until pyproject.toml changes.
COPY pyproject.toml ./
RUN python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' > requirements.txt \
    && python -m venv --without-pip /opt/mock-akool \
    && pip --python /opt/mock-akool/bin/python install --no-cache-dir --only-binary :all: --requirement requirements.txt
# setup.py makes the wheel's page of README.md.
COPY LICENSE README.md setup.py ./
COPY examples ./examples
COPY mock_akool ./mock_akool
# No history comes with the sources, so whoever builds says which version they are.
ARG VERSION=0.0.0
RUN SETUPTOOLS_SCM_PRETEND_VERSION_FOR_MOCK_AKOOL="$VERSION" \
    pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && pip --python /opt/mock-akool/bin/python install --no-cache-dir --no-deps /wheels/*.whl

# A third of what was installed is left out of the image: symbols for debuggers, the sources of compiled modules, and
# AVIF, which no file of Akool's is. Pillow's modules were changed when their wheel was made, so they stay as they are.
FROM build AS trimmed
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils \
    && rm -rf /var/lib/apt/lists/*
RUN find /opt/mock-akool -name '*.so' -not -path '*/PIL/*' -exec strip --strip-unneeded {} + \
    && find /opt/mock-akool \( -name '_avif.*' -o -name 'libavif-*' -o -name '*.py[xi]' -o -name '*.px[di]' \) -delete

FROM base
ARG VERSION=0.0.0
LABEL org.opencontainers.image.title="mock-akool" \
      org.opencontainers.image.description="A faithful offline fake of Akool's API: jobs, polling, images, videos and failures on demand." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.authors="The mock-akool founders"
COPY --from=trimmed /opt/mock-akool /opt/mock-akool
# A container is reached from outside of it, so it listens on all its addresses. The bytecode is there already.
ENV PATH="/opt/mock-akool/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MOCK_AKOOL_HOST=0.0.0.0
# Scenario files are mounted here, and found by their names alone.
WORKDIR /scenarios
# A number, because Kubernetes cannot tell whether a name is root.
USER 10001:10001
EXPOSE 25665
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --start-interval=1s --retries=3 CMD ["mock-akool", "health"]
ENTRYPOINT ["mock-akool"]
CMD ["serve"]
