# SPDX-License-Identifier: Apache-2.0
"""Clips made for training: subjects that move, turn, deform, hide one another, leave and return over a
moving background. Everything is drawn by torch, a batch at once, on the device that trains."""
import math

import torch
import torch.nn.functional as F

from model.training.bank import read_bank

# ---- Subjects -----------------------------------------------------------------------------------


def uniform(shape, low, high, device):
    return low + (high - low) * torch.rand(shape, device=device)


def draw_shapes(n, side, device):
    """Alpha (n, 1, side, side) of blobs, polygons, jointed limbs and rings inside [-1, 1]^2."""
    at = torch.linspace(-1, 1, side, device=device)
    y, x = torch.meshgrid(at, at, indexing="ij")
    radius, angle = (x * x + y * y).sqrt(), torch.atan2(y, x)
    k = torch.arange(1, 8, device=device, dtype=torch.float32)
    weight = torch.randn(n, 7, device=device) * uniform((n, 1), 0.05, 0.35, device) / k
    phase = uniform((n, 7), 0, 2 * math.pi, device)
    wave = (weight[:, :, None, None] * (k[:, None, None] * angle + phase[:, :, None, None]).cos())
    outline = 0.62 * (1 + wave.sum(1)).clamp(0.25, 1.5)
    corners = torch.randint(3, 7, (n, 1, 1), device=device).float()
    turned = angle + uniform((n, 1, 1), 0, 2 * math.pi, device)
    polygon = 0.7 * (math.pi / corners).cos() / (
        (turned % (2 * math.pi / corners)) - math.pi / corners).cos()
    blob = outline - radius
    polygon = polygon - radius
    # Capsules that hang together.
    limb = torch.full((n, side, side), -1.0, device=device)
    start = uniform((n, 2), -0.3, 0.3, device)
    for _ in range(4):
        end = (start + uniform((n, 2), -0.6, 0.6, device)).clamp(-0.75, 0.75)
        px, py = x - start[:, 0, None, None], y - start[:, 1, None, None]
        dx, dy = (end - start)[:, 0, None, None], (end - start)[:, 1, None, None]
        t = ((px * dx + py * dy) / (dx * dx + dy * dy + 1e-4)).clamp(0, 1)
        away = ((px - t * dx) ** 2 + (py - t * dy) ** 2).sqrt()
        limb = torch.maximum(limb, uniform((n, 1, 1), 0.08, 0.22, device) - away)
        start = torch.where(torch.rand(n, 1, device=device) < 0.6, end, start)
    ring = torch.minimum(blob, radius - 0.45 * outline)
    kind = torch.rand(n, 1, 1, device=device)
    field = torch.where(kind < 0.45, blob, torch.where(kind < 0.65, polygon,
                                                       torch.where(kind < 0.93, limb, ring)))
    return (field * side / 3).clamp(-0.5, 0.5).add(0.5)[:, None]


def path(n, n_frames, spread, speed, device):
    """A smooth random walk (n, n_frames): a line, a curve and a swing."""
    t = torch.linspace(0, 1, max(n_frames, 2), device=device)[:n_frames]
    start, move, bend = (torch.randn(n, 1, device=device) for _ in range(3))
    swing = torch.randn(n, 1, device=device) * (
        2 * math.pi * (t * uniform((n, 1), 0.3, 2, device) + torch.rand(n, 1, device=device))).sin()
    length = speed * n_frames / 8
    return start * spread + length * (move * t + 0.5 * bend * t * t + 0.3 * swing)


def sample(layer, centre, scale, turn, wobble, side):
    """Layers (N, C, P, P) placed on (N, C, side, side): centre (N, 2) and scale in half widths."""
    at = (torch.arange(side, device=layer.device) + 0.5) / side * 2 - 1
    y, x = torch.meshgrid(at, at, indexing="ij")
    dx, dy = x - centre[:, 0, None, None], y - centre[:, 1, None, None]
    cos, sin = turn.cos()[:, None, None], turn.sin()[:, None, None]
    u = (dx * cos + dy * sin) / scale[:, 0, None, None]
    v = (dy * cos - dx * sin) / scale[:, 1, None, None]
    if wobble is not None:
        a, k, p = wobble[:, 0, None, None], wobble[:, 1, None, None], wobble[:, 2, None, None]
        u, v = u + a * (k * v + p).sin(), v + a * (k * u + 1.7 * p).sin()
    return torch.stack([u, v], -1)


class ClipMaker:
    """make(n, n_frames, side, n_objects): pictures (n, n_frames, 3, side, side) in 0..1, and the truth
    of some subjects, (n * n_objects, n_frames, 1, side, side) of 0 and 1 (empty where one is hidden or
    away), those of a clip side by side."""

    def __init__(self, path, device, held_out=False):
        self.path, self.device, self.held_out = path, device, held_out
        self.wanted_side, self.layers = 0, {}

    def fit(self, side):
        """Takes layers no larger than the clip's side from the bank."""
        if self.wanted_side != side:
            self.layers = {}
            self.layers = read_bank(self.path, side, self.held_out, self.device)
            self.wanted_side, self.side = side, self.layers["pictures"].shape[-1]

    def draw(self, name, n):
        """n numbers of layers."""
        return torch.randint(len(self.layers[name]), (n,), device=self.device)

    def take(self, name, which):
        return self.layers[name][which].float() / 255

    def pick(self, name, n):
        return self.take(name, self.draw(name, n))

    def subjects(self, n):
        """(n, 4, P, P): colour and alpha."""
        shapes = draw_shapes(n, self.side, self.device)
        colour = self.pick("pictures", n)
        # Seldom one colour: shading keeps edges from being everything there is.
        plain = (torch.rand(n, 1, 1, 1, device=self.device) < 0.15).float()
        colour = plain * (0.15 * colour + 0.85 * torch.rand(n, 3, 1, 1, device=self.device)) + (
            1 - plain) * colour
        drawn = torch.cat([colour, shapes], 1)
        kind = torch.rand(n, 1, 1, 1, device=self.device)
        whole = torch.zeros_like(kind)
        for name, low, high in (("cutouts", 0.14, 0.26), ("figures", 0.26, 0.48), ("drawings", 0.48, 0.68),
                                ("stamps", 0.68, 1)):
            if len(self.layers[name]):
                choose = ((kind >= low) & (kind < high)).float()
                look = self.pick(name, n)
                if name == "drawings":  # some with the texture of a photograph
                    share = uniform((n, 1, 1, 1), -0.8, 0.8, self.device).clamp(0)
                    look[:, :3] += share * (self.pick("pictures", n) - look[:, :3])
                drawn = choose * look + (1 - choose) * drawn
                if name != "cutouts":
                    whole = whole + choose
        # Parts of other looks, on the subject or sticking out of it: most things are not of one piece.
        part = draw_shapes(n, self.side, self.device)
        share = 0.35 - 0.27 * whole
        part = part * (torch.rand(n, 1, 1, 1, device=self.device) < share).float()
        outside = (torch.rand(n, 1, 1, 1, device=self.device) < 0.5).float()
        alpha = torch.maximum(drawn[:, 3:], part * outside)
        colour = drawn[:, :3] + part * (self.pick("pictures", n) - drawn[:, :3])
        return torch.cat([colour, alpha], 1)

    def backgrounds(self, n):
        """(n, 4, P, P): a picture, and a region of it that is the subject where the second result,
        (n, 1, 1, 1) of bool, says so. Such a subject moves with its surroundings only."""
        back = self.draw("pictures", n)
        if len(self.layers["cutouts"]) == 0:
            picture = self.take("pictures", back)
            in_place = torch.zeros(n, 1, 1, 1, dtype=torch.bool, device=self.device)
            return torch.cat([picture, torch.zeros_like(picture[:, :1])], 1), in_place
        in_place = torch.rand(n, 1, 1, 1, device=self.device) < 0.12
        which = self.draw("cutouts", n)
        back = torch.where(in_place.flatten(), self.layers["places"][which], back)
        region = self.take("masks", which) * in_place
        return torch.cat([self.take("pictures", back), region], 1), in_place

    @torch.no_grad()
    def make(self, n, n_frames, side, n_objects=1):
        device, flat = self.device, n * n_frames
        self.fit(side)
        calm = uniform((n, 1), 0.2, 1, device)
        zoom = (path(n, n_frames, 0.1, 0.1, device) * calm).exp() * 0.75
        pan = torch.stack([path(n, n_frames, 0.1, 0.15, device) * calm for _ in range(2)], -1)
        turn = path(n, n_frames, 0.1, 0.1, device) * calm
        grid = sample(self.layers["pictures"][:1].expand(flat, -1, -1, -1), pan.flatten(0, 1) * 0.3,
                      (1 / zoom).flatten()[:, None].expand(-1, 2), turn.flatten(), None, side)
        back, in_place = self.backgrounds(n)
        frames = F.grid_sample(back.repeat_interleave(n_frames, 0), grid,
                               padding_mode="reflection", align_corners=False)
        frames, region = frames[:, :3], frames[:, 3:]
        in_place = in_place.repeat_interleave(n_frames, 0)
        n_subjects = int(torch.randint(n_objects, n_objects + 2, (1,)))
        targets = torch.randperm(n_subjects)[:n_objects].tolist()
        target = targets[0]
        truth = [region] + [torch.zeros_like(region) for _ in targets[1:]]
        looks = [self.subjects(n) for _ in range(n_subjects)]
        if n_subjects > 1 and torch.rand(1) < 0.3:  # a twin: looks alone do not tell
            other = (target + 1) % n_subjects
            looks[other] = looks[target]
        for i in range(n_subjects):
            main = i in targets
            calm = uniform((n, 1), 0.1, 1.2, device)
            centre = torch.stack([path(n, n_frames, 0.5 if main else 0.6, 0.45, device) * calm
                                  for _ in range(2)], -1)
            size = (0.2 + 0.7 * torch.rand(n, 1, device=device) ** 1.3) * (
                0.35 * calm * path(n, n_frames, 0, 0.5, device)).clamp(-1, 1).exp()
            aspect = uniform((n, 1), 0.7, 1.4, device).expand(-1, n_frames)
            scale = torch.stack([size * aspect, size / aspect], -1)
            spin = path(n, n_frames, 0.4, 0.6, device) * calm  # most things stand upright
            bend = torch.stack([uniform((n, 1), 0, 0.12, device).expand(-1, n_frames),
                                uniform((n, 1), 1, 4, device).expand(-1, n_frames),
                                path(n, n_frames, 2, 2, device)], -1)
            grid = sample(looks[i], centre.flatten(0, 1), scale.flatten(0, 1), spin.flatten(),
                          bend.flatten(0, 1), side)
            layer = F.grid_sample(looks[i].repeat_interleave(n_frames, 0), grid,
                                  align_corners=False)
            alpha = layer[:, 3:].clamp(0, 1)
            light = (1 + 0.25 * path(n, n_frames, 0.3, 0.2, device)).view(-1, 1, 1, 1)
            colour = F.grid_sample(looks[i][:, :3].repeat_interleave(n_frames, 0), grid,
                                   padding_mode="border", align_corners=False) * light
            frames = alpha * colour + (1 - alpha) * frames
            for k, own in enumerate(targets):
                shown = torch.maximum(truth[k], alpha) if i == own else truth[k] * (1 - alpha)
                # The first object may be the region in place: then its subject only hides it.
                truth[k] = torch.where(in_place, truth[k] * (1 - alpha), shown) if k == 0 else shown
        frames = self.film(frames.view(n, n_frames, 3, side, side))
        truth = torch.stack([t.view(n, n_frames, 1, side, side) for t in truth], 1)
        return frames, (truth > 0.5).float().flatten(0, 1)

    def film(self, frames):
        """Exposure, colour, focus, noise and the loss of a codec."""
        n, n_frames, _, side, _ = frames.shape
        device = self.device
        gain = uniform((n, 1, 3, 1, 1), 0.8, 1.2, device) * uniform((n, n_frames, 1, 1, 1), 0.96,
                                                                    1.04, device)
        frames = (frames * gain).clamp(0, 1) ** uniform((n, 1, 1, 1, 1), 0.7, 1.4, device)
        flat = frames.flatten(0, 1)
        soft = F.avg_pool2d(F.pad(flat, (1, 1, 1, 1), mode="replicate"), 3, 1)
        coarse = F.interpolate(F.avg_pool2d(flat, 2), (side, side), mode="bilinear")
        blur, loss = (uniform((n, 1, 1, 1), -1, 1, device).clamp(0).repeat_interleave(n_frames, 0)
                      for _ in range(2))
        flat = flat + blur * (soft - flat)
        flat = flat + loss * (coarse - flat)
        strength = uniform((n, 1, 1, 1), -0.02, 0.05, device).clamp(0).repeat_interleave(n_frames, 0)
        flat = flat + strength * torch.randn_like(flat)
        return flat.clamp(0, 1).view_as(frames)
