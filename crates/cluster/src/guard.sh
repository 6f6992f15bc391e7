# Keeps one PostgreSQL for as long as standard input is open, then stops it and removes its directory.
#
# The test process holds the other end of standard input and nothing else does, so it does not matter how that process
# ends: by itself, by a panic, by a signal that cannot be caught. Commands are lines; each is answered with `done` or
# `failed`. The first answer is that of the start.
#
#   guard.sh BIN DIRECTORY PORT FSYNC
set -u
bin=$1 dir=$2 port=$3 fsync=$4
data=$dir/data
log=$dir/log

control() {
    "$bin/pg_ctl" -D "$data" -s "$@" </dev/null >>"$log" 2>&1
}

make() {
    "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --no-locale --no-sync </dev/null >>"$log" 2>&1
}

start() {
    control start -w -t 60 -l "$log" -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$dir' \
-c fsync=$fsync -c max_connections=200 -c log_min_messages=fatal"
}

is_running() {
    grep -qs '^State:.[^ZX]' "/proc/$1/status"
}

# Ends every process at once, as a machine that loses power would, and takes away what a crash leaves in the kernel and
# what says that the server runs: the new one would believe it for as long as nobody has reaped the old one.
slay() {
    main=$(sed -n 1p "$data/postmaster.pid") || return 1
    memory=$(sed -n 7p "$data/postmaster.pid" | awk '{ print $2 }')
    workers=$(cat "/proc/$main/task/$main/children")
    kill -KILL "$main" $workers 2>/dev/null
    for process in $main $workers; do
        while is_running "$process"; do sleep 0.01; done
    done
    [ -z "$memory" ] || ipcrm -m "$memory" 2>/dev/null
    rm -f "$data/postmaster.pid" "$dir"/.s.PGSQL.*
}

answer() {
    if "$@"; then echo done; else echo failed; fi
}

prepare() {
    make && start
}

answer prepare
while read -r word; do
    case $word in
    start) answer start ;;
    restart) answer control restart -w -t 60 -m fast ;;
    kill) answer slay ;;
    *) echo failed ;;
    esac
done
control stop -m immediate
rm -rf "$dir"
