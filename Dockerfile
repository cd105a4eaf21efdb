# The gateway as one static binary and nothing else: no shell, no package manager.
#
#   docker build --build-arg VERSION=v1.2.3 -t callgate .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false \
        -ldflags "-s -w -X main.stamped=${VERSION}" -o /out/callgate ./cmd/callgate \
    && mkdir /out/data

FROM scratch
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="callgate" \
      org.opencontainers.image.description="gRPC and REST gateway to Azure Communication Services Call Automation" \
      org.opencontainers.image.source="https://github.com/callgate/callgate" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/callgate /callgate
COPY --from=build --chown=65532:65532 /out/data /data
# A container is reached from outside, so all interfaces; which the gateway refuses
# unless it is told how clients are kept apart. It writes to /data only.
ENV CALLGATE_GRPC_ADDR=:9090 \
    CALLGATE_HTTP_ADDR=:8080 \
    CALLGATE_CALLBACK_ADDR=:8081 \
    CALLGATE_EMULATOR_ADDR=:8082 \
    CALLGATE_DATA_DIR=/data \
    CALLGATE_LOG_FORMAT=json \
    TMPDIR=/data
USER 65532:65532
VOLUME /data
EXPOSE 9090 8080 8081
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["/callgate", "healthcheck"]
ENTRYPOINT ["/callgate"]
CMD ["serve"]
