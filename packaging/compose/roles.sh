#!/usr/bin/env bash
# Runs once in the database's container, on an empty data directory: the two roles and the database that admin owns.
set -euo pipefail
admin=$(cat /run/trefoil/admin)
server=$(cat /run/trefoil/server)
psql -v ON_ERROR_STOP=1 -q -U "$POSTGRES_USER" -d postgres <<SQL
CREATE ROLE trefoil_admin LOGIN PASSWORD '$admin';
CREATE ROLE trefoil_server LOGIN PASSWORD '$server';
CREATE DATABASE trefoil OWNER trefoil_admin;
REVOKE ALL ON DATABASE trefoil FROM PUBLIC;
GRANT CONNECT ON DATABASE trefoil TO trefoil_server;
SQL
