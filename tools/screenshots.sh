#!/usr/bin/env bash
# Pictures of five pages of docs/_build in desktop and phone width, and of two in dark mode, to look at:
#   tools/screenshots.sh FOLDER    (needs chromium, or CHROMIUM=/path/to/it)
set -euo pipefail
site="$(cd "$(dirname "$0")/../docs/_build" && pwd)"
mkdir -p "$1"

picture() { # PAGE WIDTH SUFFIX [OPTION]
  timeout 60 "${CHROMIUM:-chromium}" --headless --no-sandbox --disable-gpu --window-size="$2,2400" \
    --screenshot="$1_$3.png" "${@:4}" "file://$site/$page.html" > /dev/null 2>&1
  echo "$1_$3.png"
}

for page in guide/quickstart guide/seminar guide/runs gallery/momentum api/generated/anagram_ext.train; do
  file="$1/$(basename "$page")"
  picture "$file" 1280 desktop
  picture "$file" 390 phone
done
for page in guide/seminar gallery/momentum; do
  picture "$1/$(basename "$page")" 1280 dark --blink-settings=preferredColorScheme=0
done
