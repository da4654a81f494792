#!/usr/bin/env bash
# A feed of N made products, from real ones: the first are these, the others have the halves of two titles each; all get three titles as
# their description, and a brand, a category, a colour and a price. The same on every run, to standard output.
#   bench/made-feed.sh PRODUCTS.tsv N      PRODUCTS: id and title come first
set -euo pipefail
feed=${1:?usage: bench/made-feed.sh PRODUCTS.tsv N} wanted=${2:?how many products?}
awk -F'\t' -v OFS='\t' -v wanted="$wanted" '
function pick(n) { seed = (seed * 1103515245 + 12345) % 2147483648; return int(seed / 65536) % n }
BEGIN { n = 0 }
NR > 1 { id[n] = $1; title[n++] = $2 }
END {
  seed = 1
  split("black white red blue green grey brown beige silver gold", colour, " ")
  print "id", "title", "description", "brand", "google_product_category", "color", "price"
  for (i = 0; i < wanted; i++) {
    a = i % n; b = i < n ? a : pick(n); t = title[a]
    na = split(title[a], x, " "); nb = split(title[b], y, " ")
    if (i >= n) {
      t = ""
      for (j = 1; j <= (na + 1) / 2; j++) t = t x[j] " "
      for (j = int(nb / 2) + 1; j <= nb; j++) t = t y[j] (j < nb ? " " : "")
    }
    d = title[pick(n)] " with " title[pick(n)] " and " title[pick(n)]
    print id[a] (i < n ? "" : "-" int(i / n)), t, d, x[1], y[nb] " > " y[int(nb / 2) + 1], colour[1 + pick(10)], 1 + pick(400) ".99 EUR"
  }
}' "$feed"
