#!/bin/sh
# Makes the secrets of compose.yaml, once: the password of PostgreSQL, the root key, and for each service its own addresses and no other's.
# They are the only copy: without the root key what is sealed stays closed.
set -eu
cd "$(dirname "$0")"
umask 077
if [ -e secrets ]; then
  echo "There is a folder secrets already: what was made with it needs it. Nothing was changed." >&2
  exit 1
fi
random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }

# Whoever is root gives them to an account that is not.
own() { if [ "$(id -u)" -eq 0 ]; then chown -R "$SALLYPORT_USER" secrets; fi; }
mine="$(id -u):$(id -g)"
if [ "$(id -u)" -eq 0 ]; then mine=1000:1000; fi
export SALLYPORT_USER="${SALLYPORT_USER:-$mine}"
services='edge-gateway policy-decision budget-accountant approval audit-projector'
mkdir -p secrets/keys/edge-gateway secrets/keys/audit-projector
random >secrets/postgres-password
# Compose wants every file that it names.
for service in $services; do : >"secrets/$service.env"; done
own

docker compose up -d --wait postgres
docker compose run --rm -T provision >secrets/all.env
root_key=$(random)
for service in $services; do
  name=$(echo "$service" | tr 'a-z-' 'A-Z_')
  grep "^SALLYPORT_${name}_" secrets/all.env >"secrets/$service.env"
  case $service in edge-gateway | policy-decision | approval) echo "SALLYPORT_ROOT_KEY=$root_key" >>"secrets/$service.env" ;; esac
done
rm secrets/all.env
own
echo "secrets/ is made. Put your identity provider in sallyport.yaml, then: SALLYPORT_USER=$SALLYPORT_USER docker compose up -d --wait"
