# What the commands of a case may call, beside POSIX tools. Sourced before each command.

tiny="--set threads=1 --set steps=6 --set eval_every=3 --set batch=16 --set negatives=16 --set dim_embed=16
  --set dim_model=16 --set heads=2 --set dim_ff=16 --set dim_head=16 --set dim_out=16 --set table_rows=200 --set warmup=2"

# A copy of the published shop that ground.case made.
published() { cp -R "$GROUND/shop" "$1"; }

# Cuts a file to its first $2 bytes.
cut_off() { head -c "$2" "$1" >cut.tmp && cat cut.tmp >"$1" && rm cut.tmp; }

# Changes the byte at offset $2 (from the end where negative).
flip() {
  at=$2
  [ "$at" -ge 0 ] || at=$(($(wc -c <"$1") + at))
  old=$(od -An -tu1 -j "$at" -N 1 "$1" | tr -d ' ')
  printf "\\$(printf %03o $((old ^ 255)))" | dd of="$1" bs=1 seek="$at" conv=notrunc 2>/dev/null
}

size_of() { wc -c <"$1" | tr -d ' '; }

# As somebody who may not pass over the permissions of files.
unprivileged() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi
}

# Waits until a command succeeds, at most a minute.
until_it() {
  for _ in $(seq 600); do
    "$@" && return 0
    sleep 0.1
  done
  return 1
}

# A small file system of 1 MiB or what is given, for the disk that is full; goes with the case.
small_disk() {
  mkdir -p "$1" && mount -t tmpfs -o "size=${2:-1m}" tmpfs "$1"
}

clean_up() {
  if [ -n "${CASE_DIR:-}" ]; then
    for disk in "$CASE_DIR"/disk*; do
      if [ -d "$disk" ] && mountpoint -q "$disk"; then umount "$disk"; fi
    done
  fi
}

# What was measured differs from call to call.
timeless='s/(^|[^A-Za-z0-9_])[0-9]+(\.[0-9]+)? s($|[^A-Za-z])/\1T s\3/g'
steady() {
  sed -E -e "$timeless" -e '/^  kernels of /d'
}

# Damages a file of the published shop in many ways, one after another, and runs a command each time. It must end as if
# nothing had happened, or with status 1 and one line; what is printed says which. Where exactly a reader first sees the
# fault depends on the file's size and is left out.
damage() {
  file=$1 && shift
  rm -rf shop && published shop
  "$@" 2>err | steady >good
  size=$(size_of "$GROUND/shop/$file")
  while IFS='|' read -r name how; do
    rm -rf shop && published shop
    ${how%% *} "shop/$file" ${how#* }
    "$@" </dev/null >out 2>err
    status=$?
    steady <out >out.n
    if [ $status = 0 ] && cmp -s out.n good; then
      echo "$name: no matter"
    elif [ $status = 1 ] && [ "$(grep -c '^itemsage: ' err)" = 1 ] && ! [ -s out ]; then
      sed -n -E -e 's/(:[0-9]+)+: /: /' -e 's/not valid JSON: [^;)]*/not valid JSON/' -e 's/tensor "[^"]*"/tensor T/' \
        -e 's/is damaged \([^)]*\)+/is damaged (...)/' -e 's/: damaged dataset: [^;]*/ is damaged (...)/' \
        -e 's/\) has a damaged .npy header[^)]*/) is damaged (...)/' -e "s/^itemsage: /$name: /p" err
    else
      echo "$name: status $status" && cat out.n err
    fi
  done <<END
gone|rm -f
empty|cut_off 0
7 bytes left|cut_off 7
half left|cut_off $((size / 2))
all but the last byte left|cut_off $((size - 1))
first byte|flip 0
tenth byte|flip 9
a third in|flip $((size / 3))
the middle|flip $((size / 2))
last byte but one|flip -2
END
}

# The words of a page, a line for each element that has some.
page_words() {
  sed -e '/^<style>/,/^<\/style>/d' -e 's/<[^>]*>/\n/g' "$1" |
    sed -e "s/&#39;/'/g" -e 's/&quot;/"/g' -e 's/&lt;/</g' -e 's/&gt;/>/g' -e 's/&amp;/\&/g' | grep '[^ ]'
}
