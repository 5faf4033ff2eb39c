# One target per program: auth-server, resource-server, demo; and init, which prepares the volumes of docker-compose.yml.
# PROFILE is cargo's: `release`, or `lab`, which is built in a third of the time and runs slower.
FROM rust:1-bookworm AS build
ARG PROFILE=release
WORKDIR /build
COPY . .
# cargo goes by the time of a file: sources older than the cached build would be taken for built. So ours are new.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/build/target,sharing=locked \
    find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
 && cargo build --profile "$PROFILE" --locked -p trefoil-auth-server -p trefoil-resource-server -p trefoil-demo --bins \
 && mkdir /out \
 && cp "target/$PROFILE/auth-server" "target/$PROFILE/resource-server" "target/$PROFILE/machine_to_machine" /out/

# What every program runs on: an unprivileged user, and the trust store that HTTPS clients need.
# A new volume takes the owner of the folder that it is mounted on, so nothing here ever runs as root.
FROM debian:bookworm-slim AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
RUN groupadd --gid 10001 trefoil \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/trefoil --shell /usr/sbin/nologin trefoil \
 && for dir in secrets auth-server resource-server public demo database; do \
      install -d -o trefoil -g trefoil -m 0700 "/var/lib/trefoil/$dir"; done \
 && chown trefoil:trefoil /var/lib/trefoil
USER 10001:10001
WORKDIR /var/lib/trefoil

FROM base AS auth-server
COPY --from=build /out/auth-server /usr/local/bin/auth-server
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --retries=12 CMD ["auth-server", "health"]
ENTRYPOINT ["auth-server"]
CMD ["serve"]

FROM base AS resource-server
COPY --from=build /out/resource-server /usr/local/bin/resource-server
EXPOSE 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --retries=12 CMD ["resource-server", "health"]
ENTRYPOINT ["resource-server"]
CMD ["serve"]

FROM base AS demo
COPY --from=build /out/machine_to_machine /usr/local/bin/machine_to_machine
ENTRYPOINT ["machine_to_machine"]

FROM auth-server AS init
HEALTHCHECK NONE
COPY packaging/compose/secrets.sh packaging/compose/init.sh /usr/local/lib/trefoil/
ENTRYPOINT ["bash"]
