#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the .pt files of this folder. Needs torch (2.15 was used); the tests only read the results.

Element i of every tensor, in row-major order, is i / 2 - 3, so that fp16 and bf16 hold it exactly.
"""
import os
from collections import OrderedDict
from pathlib import Path

import torch

HERE = Path(__file__).parent


def ramp(*shape, dtype=torch.float32):
    n = 1
    for side in shape:
        n *= side
    return (torch.arange(n, dtype=torch.float32) / 2 - 3).reshape(shape).to(dtype)


class Evil:
    def __reduce__(self):
        return (os.system, ("touch /tmp/masklet-was-here",))


def save(name, content, **options):
    torch.save(content, HERE / name, **options)


tensors = OrderedDict(
    single=ramp(2, 3),
    half=ramp(4, dtype=torch.float16),
    brain=ramp(2, 2, 2, dtype=torch.bfloat16),
    scalar=ramp(),
)
save("plain.pt", {
    "model": tensors, "epoch": 3, "big": 1 << 40, "minus": -5, "name": "x", "nothing": None, "lr": 0.1,
    "list": [1, [2, "three"]], "tuple": (1, (2,)), "flag": True, "empty": {},
})
save("bare.pt", dict(tensors))
save("parameters.pt", OrderedDict(weight=torch.nn.Parameter(ramp(3, 2))))

save("views.pt", {"model": {
    "transposed": ramp(6, 4).t().contiguous().t(),  # values are the ramp, storage is not in order
    "channels_last": ramp(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
    "tail": torch.cat([torch.zeros(5), ramp(3)])[5:],
    "column": torch.stack([ramp(4), torch.zeros(4)], dim=1)[:, 0],
}})
save("expanded.pt", {"model": {"expanded": torch.ones(1).expand(1000, 1000)}})
save("five_dims.pt", {"model": {"wide": ramp(1, 2, 1, 2, 1)}})
save("int.pt", {"model": {"counter": torch.tensor([1, 2, 3])}})
save("double.pt", {"model": {"double": torch.tensor([1.0], dtype=torch.float64)}})
save("evil.pt", {"model": OrderedDict(weight=ramp(2)), "hook": Evil()})
save("protocol4.pt", {"model": tensors}, pickle_protocol=4)
save("legacy.pt", {"model": tensors}, _use_new_zipfile_serialization=False)
save("no_tensors.pt", {"model": OrderedDict(), "epoch": 3})
