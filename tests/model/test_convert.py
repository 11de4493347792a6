#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Converted weights against numpy, and Hugging Face's names both ways.

test_convert.py WEIGHT_TOOL TESTS_DIR
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

TOOL, TESTS = sys.argv[1], sys.argv[2]
sys.path.insert(0, TESTS)
sys.dont_write_bytecode = True
import hf_from_reference as hf  # noqa: E402

passed = failed = 0


def check(ok, what):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    print(f"{what}: {'ok' if ok else 'FAILED'}", flush=True)


def tool(*args):
    return subprocess.run([TOOL, *args], check=True, capture_output=True, text=True).stdout


def round_bf16(values):
    """Round to nearest, ties to even, on the bits."""
    bits = values.view("<u4").astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def f32(tensor):
    return np.frombuffer(tensor[2], "<f4")


def same_order(shape):
    return {name: tensor[1] for name, tensor in shape.items()}


def test_dtypes(folder, micro):
    source = hf.read(micro)
    for kind, dtype, expect in [
        ("f32", "F32", lambda v: v.tobytes()),
        ("f16", "F16", lambda v: v.astype("<f2").tobytes()),
        ("bf16", "BF16", lambda v: round_bf16(v).tobytes()),
    ]:
        out = os.path.join(folder, kind + ".safetensors")
        tool("convert", micro, out, kind)
        found = hf.read(out)
        check(same_order(found).keys() == source.keys(), f"{kind}: the same tensors")
        right = all(
            found[n][0] == dtype and found[n][1] == t[1] and found[n][2] == expect(f32(t))
            for n, t in source.items()
        )
        check(right, f"{kind}: {len(source)} tensors as numpy rounds them")
        check(tool("inspect", out) == tool("inspect", micro), f"{kind}: the same description")
        with open(out, "rb") as file:
            start = 8 + int.from_bytes(file.read(8), "little")
        check(start % 8 == 0, f"{kind}: data begins at a multiple of 8")
        # And back: a type that is already rounded loses nothing more.
        again = os.path.join(folder, kind + "-2.safetensors")
        tool("convert", out, again, "f32")
        tool("convert", again, again, kind)
        check(open(out, "rb").read() == open(again, "rb").read(), f"{kind}: stable through fp32")


def test_hf(folder, micro, reference):
    names = os.path.join(folder, "hf.safetensors")
    hf.write(names, hf.convert(hf.read(micro)))
    # micro is no published size and the renamed file has no configuration, so that comes from one.
    with open(names, "rb") as file:
        content = file.read()
    with open(os.path.join(reference, "model.json"), encoding="utf-8") as file:
        config = json.load(file)["config"]
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header["__metadata__"]["masklet.config"] = json.dumps(config)
    text = json.dumps(header).encode()
    with open(names, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + content[start:])
    published, renamed = (os.path.join(folder, n + ".safetensors") for n in ("a", "b"))
    tool("convert", micro, published, "f32")
    tool("convert", names, renamed, "f32")
    same = open(published, "rb").read() == open(renamed, "rb").read()
    check(same, f"{os.path.basename(reference)}: Hugging Face's names give the same file")


def test_hf_names():
    with open(os.path.join(TESTS, "data/hf_tiny_2.1.txt"), encoding="utf-8") as file:
        lines = [line.rstrip("\n").split(" ") for line in file]
    expected = {name: shape for name, shape in lines}
    shared = os.path.join(TESTS, "..", "..", "shared", "reference", "tiny-2.1", "model.json")
    if not os.path.exists(shared):
        print("names of tiny 2.1: no model.json of it here, left out")
        return
    with open(shared, encoding="utf-8") as file:
        tensors = json.load(file)["tensors"]
    published = {t["name"]: ("F32", t["shape"], b"") for t in tensors}
    found = {n: ",".join(map(str, t[1])) for n, t in hf.convert(published).items()}
    check(found == expected, "names of tiny 2.1 are those that transformers reports")


with tempfile.TemporaryDirectory() as temporary:
    for model in ("micro-2.1", "micro-2.0"):
        folder = os.path.join(TESTS, "data/reference", model)
        weights = os.path.join(temporary, model + ".safetensors")
        tool("seed", os.path.join(folder, "model.json"), weights)
        if model == "micro-2.1":
            test_dtypes(temporary, weights)
        test_hf(temporary, weights, folder)
test_hf_names()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
