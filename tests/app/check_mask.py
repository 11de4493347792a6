#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Stored masks against the reference's frame-size logits: check_mask.py EXPORT_TOOL REFERENCE_FOLDER
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("0 passed, 0 failed, 1 skipped (no numpy)")
    sys.exit(77)


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, item in json.loads(data[8:8 + size]).items():
        if name != "__metadata__" and item["dtype"] == "F32":
            start, end = (8 + size + at for at in item["data_offsets"])
            tensors[name] = np.frombuffer(data[start:end], "<f4").reshape(item["shape"])
    return tensors


def upsample(grid, width, height):
    rows, columns = grid.shape
    x = np.maximum((np.arange(width) + 0.5) * columns / width - 0.5, 0)
    y = np.maximum((np.arange(height) + 0.5) * rows / height - 0.5, 0)
    x0, y0 = x.astype(int), y.astype(int)
    fx, fy = x - x0, (y - y0)[:, None]
    x1, y1 = np.minimum(x0 + 1, columns - 1), np.minimum(y0 + 1, rows - 1)
    wide = grid[:, x0] * (1 - fx) + grid[:, x1] * fx
    return wide[y0] * (1 - fy) + wide[y1] * fy


def main():
    tool, folder = sys.argv[1:3]
    n_passed = n_failed = 0
    worst = 0
    with tempfile.TemporaryDirectory() as work:
        source, result = os.path.join(work, "in.f32"), os.path.join(work, "out.u8")
        for root, _, files in sorted(os.walk(folder)):
            for file in sorted(files):
                if not file.endswith(".safetensors"):
                    continue
                tensors = read_safetensors(os.path.join(root, file))
                for name, frame_size in tensors.items():
                    low = tensors.get(re.sub("video_res$", "low_res_logits", name))
                    if not name.endswith(".video_res") or low is None:
                        continue
                    low.tofile(source)
                    height, width = frame_size.shape[-2:]
                    command = [tool, "logits", low.shape[-1], low.shape[-2], width, height,
                               source, result]
                    run = subprocess.run([str(c) for c in command], capture_output=True, text=True)
                    got = np.fromfile(result, np.uint8).reshape(height, width) > 0
                    expected = frame_size.reshape(height, width) > 0
                    wrong = got != expected
                    # A logit l is kept to 0.02 sqrt(1 + l^2), so only pixels nearer to 0 than that
                    # may change sides, and of those along an edge few do.
                    slack = upsample(0.02 * np.sqrt(1 + low.reshape(low.shape[-2:]) ** 2),
                                     width, height)
                    edge = np.zeros_like(expected)
                    edge[:, 1:] |= expected[:, 1:] != expected[:, :-1]
                    edge[1:] |= expected[1:] != expected[:-1]
                    allowed = np.abs(frame_size.reshape(height, width)) <= slack + 1e-5
                    wrong, outside = int(wrong.sum()), int((wrong & ~allowed).sum())
                    worst = max(worst, wrong / max(int(edge.sum()), 1))
                    if run.returncode == 0 and outside == 0 and wrong <= 0.05 * edge.sum():
                        n_passed += 1
                    else:
                        n_failed += 1
                        print("%s %s: %d of %d pixels differ" %
                              (file, name, wrong, width * height))
    print("at most %.1f %% of the pixels along an edge change sides" % (100 * worst))
    if n_passed + n_failed == 0:
        print("no tensors found in %s" % folder)
        n_failed = 1
    print("%d passed, %d failed" % (n_passed, n_failed))
    return 1 if n_failed else 0


sys.exit(main())
