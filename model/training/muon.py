# SPDX-License-Identifier: Apache-2.0
"""Muon (K. Jordan and others, 2024): momentum whose update of each matrix is made orthogonal, so that every
direction is learned at the same pace. torch.optim.Muon takes no convolutions and works in bfloat16, which
CPUs are slow at."""
import torch

# Newton and Schulz's iteration, tuned to bring singular values near 1 in five steps.
A, B, C, STEPS = 3.4445, -4.7750, 2.0315, 5
RMS = 0.2  # of an update at rate 1, about that of AdamW, so that rates mean the same


def takes(name, weight):
    """Whether a parameter is a matrix between features; tokens, positions and filters of few numbers are
    none."""
    return (weight.ndim > 1 and min(weight.flatten(1).shape) >= 16 and
            not any(part in name for part in ("embed", "pos_", "token.", "tokens.")))


def orthogonal(x):
    """The nearest orthogonal matrices, about, of x (N, rows, columns), rows <= columns."""
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(STEPS):
        square = x @ x.mT
        x = A * x + (B * square + C * square @ square) @ x
    return x


class Muon(torch.optim.Optimizer):
    """Each weight is a matrix of its first dimension by all others."""

    def __init__(self, weights, momentum=0.95, weight_decay=0.05):
        super().__init__(weights, {"lr": 0.0, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            alike = {}  # those of one shape together
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                update = weight.grad.lerp(state["momentum"], group["momentum"]).flatten(1)
                alike.setdefault(update.shape, []).append((weight, update))
            for (rows, columns), items in alike.items():
                updates = torch.stack([update for _, update in items])
                updates = orthogonal(updates.mT).mT if rows > columns else orthogonal(updates)
                for (weight, _), update in zip(items, updates):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(update.reshape(weight.shape),
                                alpha=-group["lr"] * RMS * max(rows, columns) ** 0.5)
