#!/usr/bin/env bash
# The HTTP server under load: server on one core, generator on another, keep-alive, distinct queries; no result is kept anywhere.
#   bench/serve.sh BUILD SHOP [WHERE...]        WHERE: filters, as of 'itemsage query --where'
#   RUN=10 CORES="0 1" KINDS="search.vectors similar" TLS=yes PEER=PYTHON PEERS="ngrams minilm" KEEP=FOLDER ENCODER=FOLDER
# RUN: seconds of each measurement; KINDS: some kinds of requests in place of all; TLS: also over HTTPS, with a certificate made here; PEER: a Python with
# what bench/peers/serve.py needs, which then answers the same requests, on the same core, asked by the same generators; KEEP: where it keeps its graph.
# The maximum is wrk's, 16 connections that ask as soon as they are answered; latencies are bench/load's, at 70 % of it, from the moment at which
# a request was due. Prints Markdown. Needs wrk, curl, Python 3, and a build with -DITEMSAGE_BENCH=ON.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:?usage: bench/serve.sh BUILD SHOP [WHERE...]} shop=${2:?which shop?}
shift 2
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
program=$(find "$build" -maxdepth 2 -name itemsage -type f -perm -u+x | head -n 1)
load=$build/bench/load
run=${RUN:-10}
read -r core other <<<"${CORES:-0 1}"
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$dir"' EXIT

field() { sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p"; }
ticks() { awk '{sub(/.*\) /, ""); print $12 + $13}' "/proc/$server/stat"; }

# COMMAND...: starts it on its core and waits until it has said where it is.
begin() {
  taskset -c "$core" "$@" >"$dir/said" 2>"$dir/complained" &
  server=$!
  for _ in $(seq 9000); do
    url=$(sed -n 's/.* at \(https\{0,1\}:.*\)/\1/p' "$dir/said")
    [ -z "$url" ] || return 0
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  cat "$dir/complained" >&2
  return 1
}

end() {
  kill "$server"
  wait "$server" || true
  server=
}

closed() { taskset -c "$other" wrk -t1 -c16 -d"$1" -s "$here/requests.lua" "$url" -- "$dir/$2" | grep '^{'; }

# FILE TITLE FILTER: a row of the table.
row() {
  local most at constant before micros
  curl -sk -o "$dir/first" "$url$(head -n 1 "$dir/$1" | cut -f 1)" # a peer may have to find its width first
  closed 2 "$1" >/dev/null
  before=$(ticks)
  most=$(closed "$run" "$1")
  micros=$(awk -v t=$(($(ticks) - before)) -v n="$(field requests <<<"$most")" -v hz="$(getconf CLK_TCK)" 'BEGIN{printf "%.0f", 1e6 * t / hz / n}')
  at=$(awk -v most="$(field a_second <<<"$most")" 'BEGIN{print most * 0.7}')
  constant='{}'
  [ "${url%%:*}" = https ] || constant=$(taskset -c "$other" "$load" "${url##*:}" "$dir/$1" "$at" "$run")
  awk -v title="$2" -v filter="$3" -v most="$(field a_second <<<"$most")" -v micros="$micros" -v at="$at" -v p50="$(field p50_ms <<<"$constant")" \
    -v p99="$(field p99_ms <<<"$constant")" -v p999="$(field p999_ms <<<"$constant")" \
    -v errors=$(($(field errors <<<"$most") + 0$(field errors <<<"$constant"))) \
    'BEGIN{printf "| %s | %s | %.0f | %d | %.0f | %s | %s | %s | %d |\n", title, filter, most, micros, at, p50, p99, p999, errors}'
}

title() {
  case $1 in
  search.vectors) echo "search by vectors" ;;
  search.posted) echo "search by vectors, JSON posted" ;;
  search.*) echo "search by ${1#search.}" ;;
  *) echo "$1" ;;
  esac
}

# HEADING KIND...: a row for each kind and filter.
table() {
  printf '\n**%s**\n\n| requests | filter | most a second | µs of processor each | at 70 %%: a second | p50, ms | p99 | p99.9 | errors |\n' "$1"
  echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
  shift
  local kind i
  for kind; do
    row "$kind" "$(title "$kind")" ""
    for i in $(seq ${#filters[@]}); do row "$kind.$i" "$(title "$kind")" "\`${filters[i - 1]}\`"; done
  done
}

filters=("$@")
python3 "$here/requests.py" "$shop" "${REQUESTS:-100000}" "$dir" "$@"
read -r -a kinds <<<"${KINDS:-search.vectors search.posted search.keywords search.hybrid similar}"
serve=("$program" -C "$shop" serve --listen 127.0.0.1:0 --set serve_threads=1)

begin "${serve[@]}"
table "itemsage" "${kinds[@]}"
end

if [ -n "${TLS:-}" ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 2 -keyout "$dir/key" -out "$dir/cert" 2>/dev/null
  begin "${serve[@]}" --set serve_tls_cert="$dir/cert" --set serve_tls_key="$dir/key"
  table "itemsage, HTTPS" "${kinds[@]}"
  end
fi

for way in ${PEER:+${PEERS:-ngrams}}; do
  begin "$PEER" "$here/peers/serve.py" --program "$program" --way "$way" ${ENCODER:+--encoder "$ENCODER"} ${KEEP:+--keep "$KEEP"} "$shop"
  table "$(sed -n 's/^peer: //p' "$dir/said")" search.vectors similar
  end
done
