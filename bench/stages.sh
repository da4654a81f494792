#!/usr/bin/env bash
# Products a second of every stage between a feed and vectors, beside what training takes in: is anything slower than that?
#   bench/stages.sh BUILD FEED.tsv [EVENTS.tsv]      BUILD: a build folder made with -DITEMSAGE_BENCH=ON
# Stages of one core are measured on one core; the others on all. Prints Markdown. Every figure is the best of three runs, but dataset,
# training and embedding, whose programs repeat by themselves or take long. Training draws a product again and again, so a stage that
# only sees it once has more time than this table gives it.
set -euo pipefail
build=${1:?usage: bench/stages.sh BUILD FEED.tsv [EVENTS.tsv]} feed=${2:?which feed?} events=${3:-}
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
program=$(find "$build" -maxdepth 2 -name itemsage -type f -perm -u+x | head -n 1)
bench() {
  local path=$build/bench/$1
  [ -x "$path" ] || { echo "no $1 below $build; configure with -DITEMSAGE_BENCH=ON" >&2; exit 1; }
  echo "$path"
}
import=$(bench import_bench) parse=$(bench feed_bench) dataset=$(bench dataset_bench) ngram=$(bench ngram_bench) model=$(bench model_bench)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
products=$(($(wc -l <"$feed") - 1))
best() { sort -g | tail -n 1; }
number() { grep -o "\"$1\":[0-9.]*" | head -n 1 | cut -d : -f 2; }
seconds() {
  local TIMEFORMAT=%R
  { time "$@" >/dev/null 2>&1; } 2>&1
}
rate() { awk -v n="$products" -v s="$1" 'BEGIN{printf "%.0f", n/s}'; }

# What training takes in: the products of a step, positives and random negatives.
small=$("$model" small 2 7 2>/dev/null | number pairs_per_s | awk '{print 2*$1}')
paper=$("$model" paper 2 5 2>/dev/null | number pairs_per_s | awk '{print 2*$1}')
row() { awk -v name="$1" -v cores="$2" -v r="$3" -v s="$small" -v p="$paper" 'BEGIN{printf "| %s | %s | %.0f | %.1f | %.1f |\n", name, cores, r, r/s, r/p}'; }
echo "| stage | cores | products/s | x what training takes in, preset small | preset paper |"
echo "| --- | --- | --- | --- | --- |"

row "parse the feed" 1 "$("$parse" "$feed" 3 | grep -o '[0-9]* rows/s' | cut -d ' ' -f 1)"
for i in 1 2 3; do
  mkdir "$dir/import$i"
  "$import" "$feed" "$dir/import$i" | awk '/^new/{print $7}' # by the clock
done >"$dir/rates"
row "import into a new catalogue" 1 "$(best <"$dir/rates")"
# Every column is text; ids too, which makes the lines a little longer than a title.
tail -n +2 "$feed" | cut -f 2- | tr '\t' ' ' >"$dir/text"
row "texts to n-gram ids" 1 "$("$ngram" "$dir/text" 3 | awk '/^normalise/{s+=$2} /^ids/{s+=$2} END{print s}' | xargs -I{} awk -v n="$products" -v s={} 'BEGIN{print n/s}')"
row "count the vocabulary" 1 "$("$ngram" "$dir/text" 3 | awk '/^normalise/{s+=$2} /^vocabulary/{s+=$2} END{print s}' | xargs -I{} awk -v n="$products" -v s={} 'BEGIN{print n/s}')"

shop=$dir/shop
"$program" init "$shop" >/dev/null
"$program" -C "$shop" import products "$feed" >/dev/null
[ -z "$events" ] || "$program" -C "$shop" import events "$events" >/dev/null
"$dataset" "$shop" 50 1 >"$dir/one"
"$dataset" "$shop" 50 2 >"$dir/two"
row "build a dataset, split and vocabulary with it" 2 "$(awk '/^build/{print $(NF-1)}' "$dir/two")"
assembled() { awk '/^batch of/{n=$3+$6} /whole step/{print 1000*n/$3}' "$1"; }
row "assemble batches" 1 "$(assembled "$dir/one")"
row "assemble batches" 2 "$(assembled "$dir/two")"
row "**training, preset small**" 2 "$small"
row "**training, preset paper**" 2 "$paper"
"$program" -C "$shop" train --set steps=20 --set eval_every=1000 >/dev/null 2>&1
row "embed, the command as a whole" 2 "$(rate "$(seconds "$program" -C "$shop" embed --all)")"
