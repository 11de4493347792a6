#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes ops.safetensors: what PyTorch, Pillow and SciPy give for the operations of model/backend.h.

Needs torch (1.13 was used), Pillow and scipy. A case NAME holds NAME.p, the numbers that
tests/model/test_ops_cases.c lists for its operation, its operands, and NAME.dst. Results are
computed in double and rounded once, but for Pillow's, which are exact.
"""
import json
import os
import struct

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import ndimage

torch.manual_seed(1)
tensors = {}
ACTS = [lambda x: x, F.relu, F.gelu]


def rand(*shape):
    return (torch.rand(*shape) * 2 - 1).double().float().double()


def put(name, p, dst, **operands):
    tensors[f"{name}.p"] = np.asarray(p, np.float32)
    for key, value in list(operands.items()) + [("dst", dst)]:
        tensors[f"{name}.{key}"] = np.ascontiguousarray(np.asarray(value, np.float32))


def linear():
    for i, (t, k, n, bias, act, residual) in enumerate([
            (1, 1, 1, 0, 0, 0), (7, 13, 5, 1, 1, 0), (3, 65, 33, 1, 2, 1), (17, 64, 64, 1, 0, 2)]):
        x, w, b, r = rand(t, k), rand(n, k), rand(n), rand(t, n)
        y = ACTS[act](F.linear(x, w, b if bias else None)) + (r if residual else 0)
        put(f"linear.{i}", (t, k, n, bias, act, residual), y, x=x, w=w, bias=b, residual=r)


def matmul_nt():
    for i, (m, k, n) in enumerate([(1, 1, 1), (4, 7, 33)]):
        a, b = rand(m, k), rand(n, k)
        put(f"matmul_nt.{i}", (m, k, n), a @ b.T, a=a, b=b)


def layer_norm():
    for i, (t, c, act) in enumerate([(3, 13, 0), (5, 4, 2), (2, 65, 2), (2, 1, 0)]):
        x, g, b = rand(t, c), rand(c), rand(c)
        put(f"layer_norm.{i}", (t, c, act), ACTS[act](F.layer_norm(x, (c,), g, b, 1e-6)),
            x=x, gamma=g, beta=b)


# As Hiera does it: pad the input of the qkv layer with zeros, cut into windows, pool q in them.
def window_attention():
    for i, (h, w, heads, d, win, pool) in enumerate([
            (6, 8, 1, 5, 4, 0), (6, 6, 2, 4, 4, 1), (5, 7, 2, 3, 3, 0), (4, 6, 1, 8, 0, 0),
            (8, 4, 3, 2, 8, 1)]):
        c = heads * d
        x, weight, bias = rand(1, h, w, 6), rand(3 * c, 6), rand(3 * c)
        wh, ww = (win, win) if win else (h, w)
        padded = F.pad(x, (0, 0, 0, -w % ww, 0, -h % wh))
        ph, pw = padded.shape[1:3]
        tiles = padded.view(1, ph // wh, wh, pw // ww, ww, 6).permute(0, 1, 3, 2, 4, 5)
        tiles = tiles.reshape(-1, wh * ww, 6)
        qkv = F.linear(tiles, weight, bias).reshape(-1, wh * ww, 3, heads, d)
        q, k, v = torch.unbind(qkv, 2)
        qh, qw = wh, ww
        if pool:
            maps = q.reshape(-1, wh, ww, c).permute(0, 3, 1, 2)
            q = F.max_pool2d(maps, 2, 2).permute(0, 2, 3, 1)
            qh, qw = q.shape[1:3]
            q = q.reshape(-1, qh * qw, heads, d)
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        y = torch.softmax(q @ k.transpose(-1, -2) / d ** 0.5, -1) @ v
        y = y.transpose(1, 2).reshape(1, ph // wh, pw // ww, qh, qw, c)
        y = y.permute(0, 1, 3, 2, 4, 5).reshape(ph // wh * qh, pw // ww * qw, c)
        step = 2 if pool else 1
        put(f"window_attention.{i}", (h, w, heads, d, win, pool), y[:h // step, :w // step],
            qkv=F.linear(x, weight, bias)[0], bias=bias)


def attention():
    for i, (n_q, n_k, heads, d, d_v, scale) in enumerate([
            (1, 1, 1, 1, 1, 1.0), (5, 13, 2, 8, 8, 0.5), (3, 33, 1, 16, 5, 1.5)]):
        q, k, v = rand(n_q, heads * d), rand(n_k, heads * d), rand(n_k, heads * d_v)
        qh, kh = (t.reshape(-1, heads, d).transpose(0, 1) for t in (q, k))
        y = torch.softmax(scale * qh @ kh.transpose(1, 2), -1) @ v.reshape(-1, heads, d_v).transpose(0, 1)
        put(f"attention.{i}", (n_q, n_k, heads, d, d_v, scale),
            y.transpose(0, 1).reshape(n_q, heads * d_v), q=q, k=k, v=v)


def rope():
    for i, (t, c, period, n) in enumerate([(7, 6, 3, 6), (5, 34, 5, 5), (3, 2, 2, 0)]):
        x, angle = rand(t, c), rand(period, c // 2) * 3
        cos, sin = angle.cos().float().double(), angle.sin().float().double()
        turn = torch.complex(cos, sin).repeat(-(-t // period), 1)[:t]
        y = torch.view_as_real(torch.view_as_complex(x.reshape(t, -1, 2)) * turn).reshape(t, c)
        put(f"rope.{i}", (t, c, period, n), torch.cat([y[:n], x[n:]]), x=x, cos=cos, sin=sin)


def conv2d():
    for i, (h, w, ci, co, kh, kw, stride, pad, act) in enumerate([
            (13, 9, 3, 5, 7, 7, 4, 3, 0), (7, 8, 1, 4, 3, 3, 2, 1, 2), (4, 6, 4, 3, 2, 2, 2, 0, 1),
            (3, 3, 5, 7, 1, 1, 1, 0, 0), (2, 3, 2, 2, 3, 2, 1, 4, 0)]):
        x, weight, bias = rand(h, w, ci), rand(co, ci, kh, kw), rand(co)
        y = F.conv2d(x.permute(2, 0, 1)[None], weight, bias, stride, pad)[0].permute(1, 2, 0)
        put(f"conv2d.{i}", (h, w, ci, co, kh, kw, stride, pad, act), ACTS[act](y), x=x, w=weight,
            bias=bias)


def depthwise_conv():
    for i, (h, w, c, k) in enumerate([(9, 8, 5, 7), (2, 3, 17, 3)]):
        x, weight, bias = rand(h, w, c), rand(c, 1, k, k), rand(c)
        y = F.conv2d(x.permute(2, 0, 1)[None], weight, bias, 1, k // 2, 1, c)[0].permute(1, 2, 0)
        put(f"depthwise_conv.{i}", (h, w, c, k), y, x=x, w=weight, bias=bias)


def conv_transpose():
    for i, (h, w, ci, co, act, residual) in enumerate([(3, 5, 4, 3, 2, 1), (2, 2, 1, 1, 0, 0)]):
        x, weight, bias = rand(h, w, ci), rand(ci, co, 2, 2), rand(co)
        r = rand(2 * h, 2 * w, co)
        y = F.conv_transpose2d(x.permute(2, 0, 1)[None], weight, bias, 2)[0].permute(1, 2, 0)
        put(f"conv_transpose.{i}", (h, w, ci, co, act, residual),
            ACTS[act](y + (r if residual else 0)), x=x, w=weight, bias=bias, residual=r)


def maps():
    x = rand(4, 6, 5)
    put("max_pool.0", (4, 6, 5), F.max_pool2d(x.permute(2, 0, 1), 2).permute(1, 2, 0), x=x)
    x, d = rand(3, 2, 5), rand(6, 4, 5)
    up = F.interpolate(x.permute(2, 0, 1)[None], scale_factor=2, mode="nearest")[0]
    put("upsample_add.0", (3, 2, 5), d + up.permute(1, 2, 0), x=x, before=d)
    a, b, row = rand(5, 7), rand(5, 7), rand(7)
    put("add.0", (5, 7, 0, 0, 0.5), a + 0.5 * b, a=a, b=b)
    put("add.1", (5, 7, 1, 1, 1.0), a + row, a=a, b=row)
    x = rand(3, 11) * 20
    put("mask_to_memory.0", (33, 0, 20, -10), torch.sigmoid(x) * 20 - 10, x=x)
    put("mask_to_memory.1", (33, 1, 20, -10), (x > 0).double() * 20 - 10, x=x)
    x = torch.cat([rand(99) * 1e3, torch.tensor([1.00390625, 1.01171875, 0.0, -0.0, 1e-40])])
    x = x.float()
    put("round_bf16.0", (104,), x.bfloat16().float(), x=x)


def resize():
    for i, (n, h, w, oh, ow, aa) in enumerate([
            (2, 5, 7, 13, 16, 0), (1, 16, 16, 64, 64, 0), (1, 13, 9, 4, 5, 0), (1, 1, 1, 3, 2, 0),
            (2, 13, 9, 4, 5, 1), (1, 5, 6, 11, 7, 1), (1, 64, 48, 16, 16, 1)]):
        x = rand(n, h, w)
        y = F.interpolate(x.float()[None], (oh, ow), mode="bilinear", align_corners=False,
                          antialias=bool(aa))[0]
        put(f"resize.{i}", (n, h, w, oh, ow, aa), y, x=x)


MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def image_input():
    rng = np.random.default_rng(1)
    for i, (w, h, s) in enumerate([
            (48, 27, 32), (33, 65, 16), (7, 5, 16), (1, 1, 8), (1, 40, 13), (61, 1, 13),
            (16, 16, 16), (200, 3, 7)]):
        rgb = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
        if i % 2:
            rgb = (rgb > 127).astype(np.uint8) * 255  # overshoot on both sides
        exact = np.array(Image.fromarray(rgb).resize((s, s), Image.BICUBIC))
        y = (torch.from_numpy(exact / 255.0).float() - MEAN) / STD
        put(f"image_input.{2 * i}", (w, h, s, 1), y, rgb=rgb)
        x = torch.from_numpy(rgb).permute(2, 0, 1).float().div(255)[None]
        y = F.interpolate(x, (s, s), mode="bilinear", align_corners=False, antialias=True)[0]
        put(f"image_input.{2 * i + 1}", (w, h, s, 0), (y.permute(1, 2, 0) - MEAN) / STD, rgb=rgb)


def fill_holes():
    rng = np.random.default_rng(2)
    for i, (h, w, area, density) in enumerate([
            (24, 31, 8, 0.25), (16, 16, 1, 0.1), (1, 9, 2, 0.5), (9, 1, 3, 0.6), (20, 20, 400, 0.5)]):
        x = rng.random((h, w)).astype(np.float32) - np.float32(density)
        x[rng.random((h, w)) < 0.02] = 0
        labels, n = ndimage.label(x <= 0, np.ones((3, 3)))
        sizes = np.bincount(labels.ravel(), minlength=n + 1)
        y = np.where((labels > 0) & (sizes[labels] <= area), np.float32(0.1), x)
        put(f"fill_holes.{i}", (h, w, area, 0.1), y, x=x)


def write(path):
    header, data = {}, b""
    for name in sorted(tensors):
        blob = tensors[name].tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape),
                        "data_offsets": [len(data), len(data) + len(blob)]}
        data += blob
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


for make in (linear, matmul_nt, layer_norm, window_attention, attention, rope, conv2d,
             depthwise_conv, conv_transpose, maps, resize, image_input, fill_holes):
    make()
write(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops.safetensors"))
