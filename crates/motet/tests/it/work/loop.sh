#!/bin/sh
# An agent that is a shell script: it asks for work, hands in what lies ready for the task, and asks again, until a file
# tells it to stop. The server may go away at any moment and come back: curl tries again, and what was asked is asked with
# the same bytes.
#   loop.sh https://forge.example/api/v1 TOKEN FOLDER NAME
# FOLDER holds, for each address, `ADDRESS.result`: the body of a result; before it `ADDRESS.bad`: one that is refused; or
# `ADDRESS.back`: the body of a release, for the first claim alone where there is a result too.
set -u
M=$1; FOLDER=$3; NAME=$4
G="authorization: Bearer $2"; J='content-type: application/json'
ask() { curl -s --max-time 60 --retry 100 --retry-delay 1 --retry-all-errors -X POST -H "$G" -H "$J" "$@"; }

while [ ! -e "$FOLDER/stop" ]; do
  ask "$M/claims/next" -d '{"wait": 2, "labels": ["browser"]}' -o "$FOLDER/$NAME.claims" || continue
  C=$(jq -r '.items[0].claim // empty' "$FOLDER/$NAME.claims")
  [ -n "$C" ] || continue
  ADDRESS=$(jq -r '.items[0].address' "$FOLDER/$NAME.claims")
  FENCE=$(jq -r '.items[0].fence' "$FOLDER/$NAME.claims")
  ask "$M/claims/$C/heartbeat" -d '{}' -o "$FOLDER/$NAME.told"
  if [ -e "$FOLDER/$ADDRESS.back" ] && { [ "$FENCE" = 1 ] || [ ! -e "$FOLDER/$ADDRESS.result" ]; }; then
    ask "$M/claims/$C/release" -d "@$FOLDER/$ADDRESS.back" -o "$FOLDER/$NAME.told"
    continue
  fi
  [ -e "$FOLDER/$ADDRESS.bad" ] && ask "$M/claims/$C/result" -d "@$FOLDER/$ADDRESS.bad" -o "$FOLDER/$NAME.told"
  ask "$M/claims/$C/result" -d "@$FOLDER/$ADDRESS.result" -o "$FOLDER/$NAME.told"
  jq -r '.verdict // .code' "$FOLDER/$NAME.told" >> "$FOLDER/$NAME.log"
done
