#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# gpu.sh [--backend cuda|cpu] [--quick] [REFERENCE-FOLDER]: checks and measures the cuda backend on a
# machine with an NVIDIA GPU.
#
# Needs a C compiler, nvcc, cuBLASLt, Python 3, meson and ninja (pip has both); no GLib, GTK or
# FFmpeg. The reference sets are looked for in REFERENCE-FOLDER (default ../shared/reference), else
# those of tests/data are used. With torch and transformers the benchmark runs PyTorch beside.
# --quick measures the micro model only; --backend cpu tries this script where there is no GPU.
# Ends with one line of JSON, also in build-gpu/gpu.json. Exits 77 where there is no GPU.
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." || exit 1
usage() {
    echo "usage: gpu.sh [--backend cuda|cpu] [--quick] [REFERENCE-FOLDER]" >&2
    exit 2
}
backend=cuda quick=false reference=../shared/reference
while [ $# -gt 0 ]; do
    case $1 in
    --backend)
        [ $# -gt 1 ] || usage
        backend=$2
        shift
        ;;
    --quick) quick=true ;;
    -*) usage ;;
    *) reference=$1 ;;
    esac
    shift
done
[ "$backend" = cuda ] || [ "$backend" = cpu ] || usage
build=${MASKLET_BUILD:-build-gpu}
export OMP_WAIT_POLICY=passive PYTHONDONTWRITEBYTECODE=1
export MICRO_MODEL_JSON=$PWD/tests/data/reference/micro-2.1/model.json

gpu="none"
cuda=disabled
if [ "$backend" = cuda ]; then
    gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null |
        head -n 1)
    [ -n "$gpu" ] || { echo "gpu.sh: there is no NVIDIA GPU here"; exit 77; }
    cuda=enabled
fi
[ -f "$build/build.ninja" ] ||
    meson setup "$build" -Dapp=false -Dcuda=$cuda -Dwerror=true || exit 1
ninja -C "$build" || exit 1

failed=0 checks=()
# check NAME COMMAND...
check() {
    local name=$1 result=ok
    shift
    printf '\n==> %s\n' "$name"
    "$@" || { result=failed failed=$((failed + 1)); }
    printf '==> %s: %s\n' "$name" $result
    checks+=("$name=$result")
}

sets=()
for set in "$reference"/*/; do
    [ -f "$set/model.json" ] && sets+=("$set")
done
[ ${#sets[@]} -gt 0 ] || sets=(tests/data/reference/micro-*/)
if $quick; then
    sets=(tests/data/reference/micro-2.1)
fi
micro=$build/micro.safetensors
"$build/tests/seed_weights" "$MICRO_MODEL_JSON" "$micro" || exit 1

operations=("$build/tests/model/test_ops" tests/data/ops/ops.safetensors)
[ "$backend" = cpu ] || operations+=(--cuda)
batches=("$build/tests/model/test_batch")
[ "$backend" = cpu ] || batches+=(--cuda)
check operations "${operations[@]}"
check batches "${batches[@]}"
check golden-fp32 "$build/tests/golden" --backend "$backend" --precision fp32 "${sets[@]}"
[ "$backend" = cpu ] ||
    check golden-bf16 "$build/tests/golden" --backend cuda --precision bf16 "${sets[@]}"
[ "$backend" = cpu ] ||
    check trained-bf16 python3 tests/test_rounded.py "$build/tests/bench_model" \
        data/models/starter.safetensors cuda
if [ "$backend" = cuda ] && command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck; do
        check $tool compute-sanitizer --tool $tool --error-exitcode 1 "${operations[@]}"
        check $tool-micro compute-sanitizer --tool $tool --error-exitcode 1 \
            "$build/tests/bench_model" "$micro" --backend cuda --objects 3 --frames 8
    done
fi
check operations-bench "$build/tests/model/test_ops" --bench

bench=$build/bench.json
: >"$bench"
measure() {
    python3 tests/bench_gpu.py --build "$build" --backend "$backend" "$@" >"$bench"
}
if $quick; then
    check bench measure --models "$micro" --objects 1 3 --frames 24
elif python3 -c 'import torch, transformers, safetensors' 2>/dev/null; then
    check bench measure
else
    echo "without torch and transformers the micro model is measured alone"
    check bench measure --models "$micro" --objects 1 8
fi

python3 - "$gpu" "$backend" "$failed" "$bench" "${checks[@]}" <<'END' | tee "$build/gpu.json"
import json
import sys

gpu, backend, failed, bench, *checks = sys.argv[1:]
try:
    with open(bench, encoding="utf-8") as file:
        results = json.load(file)["bench"]
except (OSError, ValueError, KeyError):
    results = []
print(json.dumps({"gpu": gpu, "backend": backend, "failed": int(failed),
                  "checks": dict(check.rsplit("=", 1) for check in checks), "bench": results}))
END
[ "$failed" -eq 0 ]
