# Keeps one server for as long as standard input is open, then ends it and removes its directory.
#
# The test process holds the other end of standard input and nothing else does, so it does not matter how that process
# ends: by itself, by a panic, by a signal that cannot be caught. Commands are lines; each is answered with `done` or
# `failed`. The first answer is that of the start, which is not yet that the server listens.
#
#   guard.sh DIRECTORY PROGRAM [ARGUMENT...]
set -u
dir=$1
shift
server=

start() {
    command -v "$1" >/dev/null || return 1
    "$@" </dev/null >>"$dir/log" 2>&1 &
    server=$!
}

end() {
    [ -n "$server" ] || return 0
    kill "-$1" "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=
    return 0
}

lives() {
    grep -qs '^State:.[^ZX]' "/proc/$server/status"
}

answer() {
    if "$@"; then echo done; else echo failed; fi
}

answer start "$@"
while read -r word; do
    case $word in
    start) answer start "$@" ;;
    kill) answer end KILL ;;
    stop) answer end TERM ;;
    live) answer lives ;;
    *) echo failed ;;
    esac
done
end KILL
rm -rf "$dir"
