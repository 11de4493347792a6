#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_rounded.py BENCH_MODEL WEIGHTS BACKEND: a backend in bf16 against ref in fp32, with trained
weights: the first frame's logits within 2 % of their deviation, masks of four frames with IoU 0.98."""
import array
import math
import pathlib
import subprocess
import sys
import tempfile

N_FRAMES = 4


def track(bench_model, weights, backend, precision, folder):
    path = folder / backend
    done = subprocess.run([bench_model, weights, "--backend", backend, "--precision", precision,
                           "--objects", "1", "--frames", str(N_FRAMES), "--masks", str(path)],
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        print(done.stderr.strip())
        sys.exit(done.returncode)
    values = array.array("f", path.read_bytes())
    n = len(values) // N_FRAMES
    return [values[i * n:(i + 1) * n] for i in range(N_FRAMES)]


def main():
    bench_model, weights, backend = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        exact, rounded = (track(bench_model, weights, kind, precision, pathlib.Path(name))
                          for kind, precision in (("ref", "fp32"), (backend, "bf16")))
    n, failed = len(exact[0]), 0
    mean = math.fsum(exact[0]) / n
    deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in exact[0]) / n)
    difference = math.sqrt(math.fsum((x - y) ** 2 for x, y in zip(exact[0], rounded[0])) / n)
    failed += not difference <= 0.02 * deviation
    print(f"first frame: logits differ by {100 * difference / deviation:.2f} % of their deviation")
    failed += exact == rounded  # it was not rounded at all
    for frame, (a, b) in enumerate(zip(exact, rounded)):
        both = sum(x > 0 and y > 0 for x, y in zip(a, b))
        either = sum(x > 0 or y > 0 for x, y in zip(a, b))
        print(f"frame {frame}: {either} pixels, IoU {both / max(either, 1):.4f}")
        failed += either < 50 or both < 0.98 * either
    print(f"{N_FRAMES + 2 - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
