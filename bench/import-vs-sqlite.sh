#!/usr/bin/env bash
# Rows of 1 KiB stored per second by the import, beside `sqlite3 .import` of the same file into a table of its columns.
#   bench/import-vs-sqlite.sh BUILD [ROWS] [REPEATS]      BUILD: a build folder made with -DITEMSAGE_BENCH=ON
# Prints each run, then the medians of the processor time and their ratio (above 1: faster than sqlite3).
set -euo pipefail
build=${1:?usage: bench/import-vs-sqlite.sh BUILD [ROWS] [REPEATS]} rows=${2:-200000} repeats=${3:-3}
bench=$(find "$build" -name import_bench -type f -perm -u+x | head -n 1)
[ -n "$bench" ] || { echo "no import_bench below $build; configure with -DITEMSAGE_BENCH=ON" >&2; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$bench" --make "$rows" "$dir/feed.csv"
median() { sort -n | awk '{v[NR]=$1} END{print v[int((NR+1)/2)]}'; }
for ((i = 0; i < repeats; i++)); do
  rm -rf "$dir/shop" "$dir/peer.db"*
  mkdir "$dir/shop"
  "$bench" "$dir/feed.csv" "$dir/shop" | tee -a "$dir/ours"
  # The settings that the catalogue uses, and the same promise: a WAL, synced at the commit.
  { TIMEFORMAT='%U %S'; time sqlite3 "$dir/peer.db" >/dev/null \
      "PRAGMA journal_mode=WAL" "PRAGMA synchronous=FULL" \
      "CREATE TABLE feed(id TEXT PRIMARY KEY,title,brand,product_type,price,availability,link,image_link,color,weight_g,description)" \
      ".import --csv --skip 1 $dir/feed.csv feed"; } 2>"$dir/time"
  awk -v n="$rows" '{printf "sqlite3    %9d rows  cpu %7.3f s %8.0f rows/s\n", n, $1+$2, n/($1+$2)}' "$dir/time" | tee -a "$dir/peer"
done
ours=$(awk '/^new/{print $12}' "$dir/ours" | median) peer=$(awk '{print $7}' "$dir/peer" | median)
awk -v o="$ours" -v p="$peer" 'BEGIN{printf "median: import %d rows/s, sqlite3 .import %d rows/s, ratio %.2f\n", o, p, o/p}'
