#!/usr/bin/env bash
# First of all: passwords for the database's three roles, made once. No secret comes from the host.
set -euo pipefail
umask 077
database=/var/lib/trefoil/database   # what the database's container sees
secrets=/var/lib/trefoil/secrets     # what auth-server's container sees

password() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

for role in superuser admin server; do
  if [ ! -s "$database/$role" ]; then
    password > "$database/$role.new"
    mv "$database/$role.new" "$database/$role"
  fi
done
# The database's image has a user of its own, and no other container mounts this volume.
chmod 0755 "$database"
chmod 0644 "$database"/{superuser,admin,server}

# The network between the two holds nobody else, hence no TLS; said here because it is never assumed.
url() { printf 'postgres://trefoil_%s:%s@postgres:5432/trefoil?sslmode=disable' "$1" "$(cat "$database/$1")"; }
url server > "$secrets/server_url.new"
mv -f "$secrets/server_url.new" "$secrets/server_url"
