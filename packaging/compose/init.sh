#!/usr/bin/env bash
# Once, and safely again: migrates the database as admin, applies the roles, makes keys, registers the resource and the
# demo client. What each server may see goes into its own volume; the resource-server's gets the public key alone.
set -euo pipefail
umask 077
database=/var/lib/trefoil/database
public=/var/lib/trefoil/public
demo=/var/lib/trefoil/demo
AUTH_SERVER_DATABASE__ADMIN_URL="postgres://trefoil_admin:$(cat "$database/admin")@postgres:5432/trefoil?sslmode=disable"
export AUTH_SERVER_DATABASE__ADMIN_URL

auth-server db migrate
auth-server db roles --apply
if [ ! -s "$public/public.pem" ]; then
  auth-server key generate
  auth-server key export --format pem > "$public/public.pem.new"
  chmod 0444 "$public/public.pem.new"
  mv "$public/public.pem.new" "$public/public.pem"
fi
[ -s "$public/protected_resource.json" ] || echo '{"about": "This is a protected resource"}' > "$public/protected_resource.json"
if ! auth-server resource show api_v0.0.1 >/dev/null 2>&1; then
  auth-server resource add api_v0.0.1 --scope read
fi
if [ ! -s "$demo/client_secret" ]; then
  auth-server client add --id demo --name demo --grant client_credentials --resource api_v0.0.1 --json > "$demo/client.json"
  sed -n 's/.*"client_secret": *"\([^"]*\)".*/\1/p' "$demo/client.json" > "$demo/client_secret.new"
  [ -s "$demo/client_secret.new" ] || { echo "init: client add printed no secret" >&2; exit 1; }
  rm "$demo/client.json"
  mv "$demo/client_secret.new" "$demo/client_secret"
fi
