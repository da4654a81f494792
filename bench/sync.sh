#!/usr/bin/env bash
# What the daily job costs when 1 % of a catalogue has changed, beside import, embed and index of all of it.
#   bench/sync.sh BUILD FEED.tsv [EVENTS.tsv]      FEED: id and title come first; OPTIONS="steps=600": of the training before
# Of every 1,000 products 4 get another title, 2 go, 2 come and 2 get another price (where the feed has a column price). Prints Markdown:
# seconds by the clock and of processor. The training is no part of it, but a model that has learned too little makes indexes slow: its
# vectors lie close together, and walks have to be wide.
set -euo pipefail
build=${1:?usage: bench/sync.sh BUILD FEED.tsv [EVENTS.tsv]} feed=${2:?which feed?} events=${3:-}
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
program=$(find "$build" -maxdepth 2 -name itemsage -type f -perm -u+x | head -n 1)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
shop=$dir/shop
settings=()
for option in ${OPTIONS:-}; do settings+=(--set "$option"); done

# clock and processor, in seconds
took() {
  local TIMEFORMAT='%R %U %S'
  { time "$program" -C "$shop" "$@" >/dev/null 2>&1; } 2>&1 | awk '{print $1, $2 + $3}'
}
row() { awk -v name="$1" -v took="$2" 'BEGIN{split(took, t, " "); printf "| %s | %.2f | %.2f |\n", name, t[1], t[2]}'; }
share() { awk -v part="$1" -v whole="$all" 'BEGIN{split(part, p, " "); split(whole, w, " "); printf "%.1f %% of the clock, %.1f %% of the processor", 100*p[1]/w[1], 100*p[2]/w[2]}'; }

awk -F'\t' -v OFS='\t' 'NR==1{for(i=1;i<=NF;i++)if($i=="price")price=i; print; next}
  {k=(NR*7919)%1000} k<2{next} k<6{$2=$2" improved"} k<8&&k>=6&&price{$price="19.99"substr($price, index($price, " "))} {print}
  k>=8&&k<10{$1=$1"-new"; $2=$2" again"; print}' "$feed" >"$dir/day.tsv"
awk -F'\t' -v OFS='\t' 'NR==1{for(i=1;i<=NF;i++)if($i=="price")price=i; print; next}
  price&&(NR*7919)%1000<10{$price="29.99"substr($price, index($price, " "))} {print}' "$dir/day.tsv" >"$dir/prices.tsv"

"$program" init "$shop" >/dev/null
import=$(took import products --full "$feed")
[ -z "$events" ] || "$program" -C "$shop" import events "$events" >/dev/null
"$program" -C "$shop" train "${settings[@]}" >/dev/null 2>&1
embed=$(took embed)
index=$(took index)
all=$(printf '%s\n%s\n%s\n' "$import" "$embed" "$index" | awk '{c+=$1; p+=$2} END{print c, p}')
day=$(took sync "$dir/day.tsv")
prices=$(took sync "$dir/prices.tsv")
nothing=$(took sync "$dir/prices.tsv")

echo "$(($(wc -l <"$feed") - 1)) products"
echo
echo "| what | seconds | of processor |"
echo "| --- | --- | --- |"
row "import products" "$import"
row "embed" "$embed"
row "index" "$index"
row "**all three**" "$all"
row "**sync, 1 % changed**" "$day"
row "sync, 1 % of the prices changed" "$prices"
row "sync, nothing changed" "$nothing"
echo
echo "1 % changed costs $(share "$day")."
