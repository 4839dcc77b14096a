#!/bin/sh
# A throw-away PostgreSQL for the tests, from Debian's packages.
#
#   ci/postgres.sh start   starts a cluster of its own in a temporary folder and prints its URL
#   ci/postgres.sh stop    ends it and removes the folder; nothing else is touched
#
# The folder is named after this checkout (or after COUNTERSIGN_POSTGRES_DIR), so that two checkouts do not meet. A second
# start prints the URL of the cluster that runs. Durability is off: the data is worth nothing.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd -P)
dir=${COUNTERSIGN_POSTGRES_DIR:-${TMPDIR:-/tmp}/countersign-postgres-$(id -u)-$(printf %s "$here" | cksum | cut -d ' ' -f 1)}
mark=$dir/made-by-countersign

fail() {
    echo "ci/postgres.sh: $*" >&2
    exit 1
}

# The newest installed version.
bin() {
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t / -k 5 -n | tail -n 1)
    [ -n "$found" ] && [ -x "$found/initdb" ] || fail "PostgreSQL is not installed; apt-get install postgresql"
    echo "$found"
}

# PostgreSQL refuses to run as root: Debian's package brings the account "postgres".
as_owner() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    elif command -v runuser >/dev/null; then
        runuser -u postgres -- "$@"
    else
        setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    fi
}

running() {
    [ -f "$mark" ] && as_owner "$(bin)/pg_ctl" -D "$dir/data" status >/dev/null 2>&1
}

# A port that nobody listens on, of those below the range that connections take theirs from.
free_port() {
    port=$((20000 + $$ % 10000))
    while ss -Hltn "sport = :$port" 2>/dev/null | grep -q . || "$(bin)/pg_isready" -q -h 127.0.0.1 -p "$port"; do
        port=$((port + 1))
    done
    echo "$port"
}

start() {
    if running; then
        cat "$dir/url"
        return
    fi
    [ ! -e "$dir" ] || [ -f "$mark" ] || fail "$dir exists, and is not ours"
    bin=$(bin)
    [ "$(id -u)" -ne 0 ] || id postgres >/dev/null 2>&1 || fail "the account postgres is missing; it comes with the package"
    rm -rf "$dir"
    mkdir -m 700 "$dir"
    : >"$mark"
    [ "$(id -u)" -ne 0 ] || chown -R postgres: "$dir"
    cd "$dir"
    as_owner "$bin/initdb" -D "$dir/data" -U countersign --auth=trust --encoding=UTF8 --locale=C --no-sync \
        >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; fail "the cluster cannot be made"; }
    tries=5
    while :; do
        port=$(free_port)
        if as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 -s start -o "-p $port \
            -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=300 \
            -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off \
            -c shared_buffers=64MB" >&2; then
            break
        fi
        # Somebody may have taken the port meanwhile.
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { cat "$dir/server.log" >&2; fail "the server does not start"; }
    done
    echo "postgres://countersign@127.0.0.1:$port/postgres" >"$dir/url"
    cat "$dir/url"
}

stop() {
    [ -e "$dir" ] || return 0
    [ -f "$mark" ] || fail "$dir is not ours"
    cd /
    if running; then
        as_owner "$(bin)/pg_ctl" -D "$dir/data" -m immediate -w -s stop >&2
    fi
    rm -rf "$dir"
}

case ${1:-} in
start) start ;;
stop) stop ;;
*) fail "start or stop?" ;;
esac
