#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_layers.sh [MASKLET-CLI]: the tree's rules that a compiler does not hold.
#   layers     who may include what; masklet-cli links no GTK
#   length     no source file is longer than 700 lines
#   licence    every source file starts with its SPDX line
set -euo pipefail
cli=${1:+$(readlink -f "$1")}
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
passed=0 failed=0

# rule TEXT OFFENDERS: OFFENDERS is empty or what breaks the rule.
rule() {
    if [ -z "$2" ]; then
        echo "ok   $1"
        passed=$((passed + 1))
    else
        printf 'FAIL %s\n%s\n' "$1" "$2" | sed '2,$s/^/       /'
        failed=$((failed + 1))
    fi
}

sources() {
    find model app ui tests tools data dev .ci -type f \
        \( -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cc' "$@" \) 2>/dev/null | sort
}

# includes FOLDER PATTERN: the #include lines of FOLDER whose file name matches PATTERN.
includes() {
    [ -d "$1" ] || return 0
    grep -rnE --include='*.[ch]' --include='*.cu' --include='*.cuh' \
        "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)" "$1" || true
}

[ -n "$(sources)" ] || { echo "no sources here: $PWD" && exit 1; }

glib='glib|gio/|gobject/|gmodule|gtk/|gdk|adwaita'
ffmpeg='libav|libsw|libpostproc'
rule "model/ has no GLib, GTK or FFmpeg" "$(includes model "$glib|$ffmpeg|sqlite3")"
rule "model/ includes nothing of app/ or ui/" "$(includes model '(\.\./)*(app|ui)/')"
rule "app/ includes nothing of ui/, no GTK" "$(includes app '(\.\./)*ui/|gtk/|gdk|adwaita')"
rule "in app/ only engine.c includes model/, and of it only sam2.h" \
    "$(includes app '(\.\./)*model/|sam2\.h' | grep -vE '^app/engine\.c:[0-9]+:#include "model/sam2\.h"' || true)"
rule "ui/ has no FFmpeg, SQLite or model/" \
    "$(includes ui "$ffmpeg|sqlite3|(\.\./)*model/|sam2\.h")"

if [ -n "$cli" ]; then
    if libraries=$(ldd "$cli" 2>&1); then
        rule "masklet-cli links no GTK" "$(grep -E 'libgtk-|libgdk-|libadwaita' <<<"$libraries" || true)"
    else
        rule "masklet-cli links no GTK" "$cli: $libraries"
    fi
fi

rule "no source file is longer than 700 lines" \
    "$(sources -o -name '*.py' -o -name '*.sh' | xargs wc -l | awk '$1 > 700 && $2 != "total"')"
rule "every source file says SPDX-License-Identifier: Apache-2.0 at its top" \
    "$(sources -o -name '*.py' -o -name '*.sh' -o -name meson.build -o -path dev -o -path .ci/run |
        while read -r file; do
            head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$file"
        done)"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
