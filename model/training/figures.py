# SPDX-License-Identifier: Apache-2.0
"""Figures: people, animals and vehicles put together from capsules. They teach that parts which look
different can be one thing.

A capsule is (x0, y0, x1, y1, radius, material) in [-1, 1]^2, y downwards; a figure lists them from back
to front. Materials: 0 skin or body, 1 and 2 clothes or what else differs, 3 mostly dark. r() gives random
numbers in 0..1."""
import math

import torch


def person(r):
    lean, girth, height = 0.15 * (r() - 0.5), 0.8 + 0.5 * r(), 0.33 + 0.06 * r()
    shoulder, hip = (lean, -0.4), (0.0, 0.06)
    sleeve, trouser = (1 if r() < 0.5 else 0), (2 if r() < 0.7 else 0)

    def limb(start, lengths, swing, bend, radii, materials):
        parts, (x, y), angle = [], start, swing * (2 * r() - 1)
        for length, radius, material in zip(lengths, radii, materials):
            end = x + length * math.sin(angle), y + length * math.cos(angle)
            parts.append((x, y, *end, radius * girth, material))
            (x, y), angle = end, angle + bend * (2 * r() - 1)
        return parts

    def leg(side):
        return limb((hip[0] + 0.08 * side * girth, hip[1]), (height, height, 0.1), 0.6, 0.5,
                    (0.1, 0.075, 0.05), (2, trouser, 3))

    def arm(side):
        return limb((shoulder[0] + 0.17 * side * girth, shoulder[1]), (0.25, 0.23, 0.06), 1.3, 1.0,
                    (0.065, 0.052, 0.05), (1, sleeve, 0))

    wide = 0.1 * girth
    torso = [(lean - wide, -0.38, lean + wide, -0.38, 0.09, 1), (lean, -0.36, *hip, 0.16 * girth, 1),
             (-0.06 * girth, 0.06, 0.06 * girth, 0.06, 0.11, 2)]
    head = [(1.1 * lean, -0.5, 1.2 * lean, -0.6, 0.05, 0), (1.2 * lean, -0.66, 1.2 * lean, -0.6, 0.11, 0),
            (1.2 * lean - 0.03, -0.72, 1.2 * lean + 0.02, -0.7, 0.1, 3)]
    return arm(-1) + leg(-1) + leg(1) + torso + head + arm(1)


def animal(r):
    thick, long, tall = 0.13 + 0.12 * r(), 0.25 + 0.2 * r(), 0.25 + 0.3 * r()
    neck = 0.1 + 0.25 * r()
    legs = []
    for x in (-long, long - 0.06, 0.08 - long, long):
        swing = 0.3 * (2 * r() - 1)
        legs.append((x, 0.05, x + swing * tall, 0.05 + thick + tall, 0.045 + 0.03 * r(), 0 if r() < 0.8 else 1))
    body = [(-long, 0, long, 0.04 * (2 * r() - 1), thick, 0)]
    top = long + 0.15, -neck - 0.05
    head = [(long, -0.03, *top, 0.6 * thick, 0),
            (*top, top[0] + 0.1 + 0.1 * r(), top[1] + 0.05, 0.08 + 0.03 * r(), 0),
            (top[0], top[1], top[0] - 0.04, top[1] - 0.13, 0.03, 1)]
    tail = [(-long - 0.5 * thick, -0.05, -long - 0.3, 0.3 * (2 * r() - 1), 0.03, 0)]
    return legs[:2] + tail + body + head + legs[2:]


def vehicle(r):
    long, tall, cabin = 0.4 + 0.15 * r(), 0.12 + 0.1 * r(), 0.1 + 0.25 * r()
    at, wheel = 0.3 * (2 * r() - 1) * long, 0.09 + 0.06 * r()
    body = [(at - cabin, -tall, at + cabin, -tall, tall + 0.05, 1 if r() < 0.3 else 0),
            (at - 0.8 * cabin, -1.2 * tall, at + 0.8 * cabin, -1.2 * tall, 0.6 * tall, 2),
            (-long, 0.12, long, 0.12, tall, 0)]
    return body + [(x, 0.12 + tall, x, 0.12 + tall, wheel, 3) for x in (-0.65 * long, 0.65 * long)]


def draw_figures(pictures, n, generator, side):
    """(n, 4, side, side) of uint8, colour and alpha, with the textures of pictures (N, 3, side, side)."""
    at = torch.linspace(-1, 1, side)
    y, x = torch.meshgrid(at, at, indexing="ij")
    figures = torch.zeros(n, 4, side, side, dtype=torch.uint8)

    def r():
        return float(torch.rand(1, generator=generator))

    for i in range(n):
        kind = r()
        parts = (person if kind < 0.55 else animal if kind < 0.8 else vehicle)(r)
        materials = []
        for k in range(4):
            colour = torch.rand(3, 1, 1, generator=generator) * (0.3 if k == 3 and r() < 0.7 else 1)
            colour = colour.mean() + (0.2 + 0.8 * r()) * (colour - colour.mean())
            is_skin = k == 0 and kind < 0.55
            if is_skin:
                light, green, blue = 0.25 + 0.7 * r(), 0.68 + 0.1 * r(), 0.5 + 0.15 * r()
                colour = light * torch.tensor([1, green, blue]).view(3, 1, 1)
            look = pictures[int(torch.randint(len(pictures), (1,), generator=generator))].cpu().float() / 255
            share = 0.15 if is_skin else r()
            lost = colour if r() < 0.5 else look.mean((1, 2), keepdim=True)
            materials.append(colour + share * (look - lost))
        colour, alpha = torch.zeros(3, side, side), torch.zeros(side, side)
        for x0, y0, x1, y1, radius, material in parts:
            dx, dy, reach = x1 - x0, y1 - y0, radius + 4 / side
            ends = torch.tensor([[min(x0, x1), min(y0, y1)], [max(x0, x1), max(y0, y1)]])
            ends += torch.tensor([[-reach], [reach]])
            columns, rows = (slice(*torch.searchsorted(at, line)) for line in ends.T.contiguous())
            u, v = x[rows, columns] - x0, y[rows, columns] - y0
            t = ((u * dx + v * dy) / (dx * dx + dy * dy + 1e-6)).clamp(0, 1)
            away = ((u - t * dx) ** 2 + (v - t * dy) ** 2).sqrt() / radius
            inside = ((1 - away) * radius * side / 2 + 0.5).clamp(0, 1)
            shade = 0.6 + 0.45 * (1 - away.clamp(0, 1) ** 2).sqrt()
            here = colour[:, rows, columns]
            here += inside * (materials[material][:, rows, columns] * shade - here)
            alpha[rows, columns] = torch.maximum(alpha[rows, columns], inside)
        colour = torch.where(alpha > 0, colour / alpha.clamp(min=0.01), materials[0])
        figures[i] = (torch.cat([colour, alpha[None]]).clamp(0, 1) * 255).round().byte()
    return figures
