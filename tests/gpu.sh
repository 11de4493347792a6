#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# gpu.sh [REFERENCE-FOLDER]: checks and measures the cuda backend on a machine with an NVIDIA GPU.
# Needs a C compiler, nvcc, cuBLASLt, meson and ninja; no GLib, GTK or FFmpeg. The reference sets are
# looked for in tests/data and, if they are there, in REFERENCE-FOLDER (default ../shared/reference).
# Prints one line of JSON at the end. Exits 77 where there is no GPU.
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." || exit 1
reference=${1:-../shared/reference}
build=build-gpu
failed=0
export OMP_WAIT_POLICY=passive

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null ||
    { echo "gpu.sh: there is no NVIDIA GPU here"; exit 77; }
[ -f $build/build.ninja ] ||
    meson setup $build -Dapp=false -Dcuda=enabled -Dwerror=true || exit 1
ninja -C $build || exit 1

# check NAME COMMAND...
check() {
    local name=$1
    shift
    printf '\n==> %s\n' "$name"
    if "$@"; then
        printf '==> %s: ok\n' "$name"
    else
        printf '==> %s: FAILED\n' "$name"
        failed=$((failed + 1))
    fi
}

check "operations against the reference backend" \
    $build/tests/model/test_ops tests/data/ops/ops.safetensors --cuda
sets=()
for set in "$reference"/*/; do
    [ -f "$set/model.json" ] && sets+=("$set")
done
[ ${#sets[@]} -gt 0 ] || sets=(tests/data/reference/micro-2.1)
check "reference results" $build/tests/golden --backend cuda "${sets[@]}"
if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck; do
        check "$tool of the operations" compute-sanitizer --tool $tool --error-exitcode 1 \
            $build/tests/model/test_ops tests/data/ops/ops.safetensors --cuda
    done
fi
check "benchmark of the operations" $build/tests/model/test_ops --bench
printf '\n{"gpu": "%s", "failed": %d}\n' \
    "$(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)" $failed
[ $failed -eq 0 ]
