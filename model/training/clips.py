# SPDX-License-Identifier: Apache-2.0
"""Clips made for training: subjects that move, turn, deform, hide one another, leave and return over a
moving background. Everything is drawn by torch, a batch at once, on the device that trains."""
import math

import torch
import torch.nn.functional as F

from model.training.bank import cut_out, read_bank

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


def placing_grid(centre, scale, turn, wobble, side):
    """The grid (N, side, side, 2) by which F.grid_sample() places layers on pictures: centre and scale (N, 2)
    in half widths, turn (N,) in radians, wobble (N, 3) is strength, frequency and phase, or None."""
    at = (torch.arange(side, device=centre.device) + 0.5) / side * 2 - 1
    y, x = torch.meshgrid(at, at, indexing="ij")
    dx, dy = x - centre[:, 0, None, None], y - centre[:, 1, None, None]
    cos, sin = turn.cos()[:, None, None], turn.sin()[:, None, None]
    u = (dx * cos + dy * sin) / scale[:, 0, None, None]
    v = (dy * cos - dx * sin) / scale[:, 1, None, None]
    if wobble is not None:
        a, k, p = wobble[:, 0, None, None], wobble[:, 1, None, None], wobble[:, 2, None, None]
        u, v = u + a * (k * v + p).sin(), v + a * (k * u + 1.7 * p).sin()
    return torch.stack([u, v], -1)


IN_CROWD = 8  # subjects have smaller numbers: 1 for the region in place, then one each
# How often a subject is of a kind; all but the shapes are layers of the bank.
KINDS = {"shapes": 0.14, "regions": 0.1, "figures": 0.16, "portraits": 0.2, "drawings": 0.18, "stamps": 0.22}


def find_edge_below(alpha):
    """alpha (N, P, P) of subjects: how far below the middle, in 0..1, those end that have a broad edge
    there; 0 for the others."""
    side = alpha.shape[-1]
    wide = (alpha > 0.5).sum(2)
    last = (wide > 0).float().mul(torch.arange(side, device=alpha.device)).argmax(1)
    above = wide.gather(1, (last - side // 64).clamp(min=0)[:, None])[:, 0]
    return torch.where(above > 0.4 * wide.amax(1), (last + 1) / side * 2 - 1, torch.zeros_like(last))


def any_size(n, low, high, device):
    """Half the side of a layer, in half widths of the picture, (n, 1): any scale as often."""
    return uniform((n, 1), math.log(low), math.log(high), device).exp()


def jump(line, at, spread):
    """line (n, n_frames): somewhere else from frame `at` on."""
    there = torch.randn(len(line), 1, device=line.device) * spread
    return torch.cat([line[:, :at], line[:, at:] + there], 1)


class ClipMaker:
    """make(n, n_frames, side, n_objects): pictures (n, n_frames, 3, side, side) in 0..1; the truth of some
    subjects, (n * n_objects, n_frames, 1, side, side) of 0 and 1 (empty where one is hidden or away), those
    of a clip side by side; and which thing of its clip each 16th pixel shows, (n, n_frames, side / 16,
    side / 16) of float, 0 for what is none."""

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
        which = self.draw(name, n)
        if name == "regions":
            return cut_out(self.take("pictures", self.layers["places"][which]), self.take(name, which))
        return self.take(name, which)

    def subjects(self, n):
        """(n, 4, P, P): colour and alpha; and where a subject is cut off below, (n,): the height of that
        edge in its layer, 0 for one that is not."""
        device, side = self.device, self.side
        drawn, cut_off = torch.zeros(n, 4, side, side, device=device), torch.zeros(n, device=device)
        whole = torch.zeros(n, dtype=torch.bool, device=device)
        kind, low = torch.rand(n, device=device), 0.0
        for name, share in KINDS.items():
            which = ((kind >= low) & (kind < low + share)).nonzero()[:, 0]
            low += share
            if len(which) == 0:
                continue
            if name != "shapes" and len(self.layers[name]) == 0:
                name = "shapes"
            if name == "shapes":
                colour = self.pick("pictures", len(which))
                # Seldom one colour: shading keeps edges from being everything there is.
                plain = (torch.rand(len(which), 1, 1, 1, device=device) < 0.15).float()
                one = 0.15 * colour + 0.85 * torch.rand(len(which), 3, 1, 1, device=device)
                look = torch.cat([colour + plain * (one - colour), draw_shapes(len(which), side, device)], 1)
            else:
                look = self.pick(name, len(which))
                whole[which] = name != "regions"
            if name == "drawings":  # some with the texture of a photograph
                texture = uniform((len(which), 1, 1, 1), -0.8, 0.8, device).clamp(0)
                look[:, :3] += texture * (self.pick("pictures", len(which)) - look[:, :3])
            if name == "portraits":
                cut_off[which] = find_edge_below(look[:, 3])
            drawn[which] = look
        # Parts of other looks, on the subject or sticking out of it: most things are not of one piece.
        which = (torch.rand(n, device=device) < 0.35 - 0.27 * whole.float()).nonzero()[:, 0]
        if len(which):
            part = draw_shapes(len(which), side, device)
            outside = (torch.rand(len(which), 1, 1, 1, device=device) < 0.5).float()
            look = drawn[which]
            alpha = torch.maximum(look[:, 3:], part * outside)
            colour = look[:, :3] + part * (self.pick("pictures", len(which)) - look[:, :3])
            drawn[which] = torch.cat([colour, alpha], 1)
        return drawn, cut_off

    def backgrounds(self, n):
        """(n, 4, P, P): a picture, and a region of it that is the subject where the second result,
        (n, 1, 1, 1) of bool, says so. Such a subject moves with its surroundings only."""
        back = self.draw("pictures", n)
        if len(self.layers["regions"]) == 0:
            picture = self.take("pictures", back)
            in_place = torch.zeros(n, 1, 1, 1, dtype=torch.bool, device=self.device)
            return torch.cat([picture, torch.zeros_like(picture[:, :1])], 1), in_place
        in_place = torch.rand(n, 1, 1, 1, device=self.device) < 0.12
        which = self.draw("regions", n)
        back = torch.where(in_place.flatten(), self.layers["places"][which], back)
        region = self.take("regions", which) * in_place
        return torch.cat([self.take("pictures", back), region], 1), in_place

    def blend_in(self, looks, back):
        """Takes the colour of some subjects (n, 4, P, P) nearer to that of their surroundings."""
        alpha = looks[:, 3:]
        own = (looks[:, :3] * alpha).sum((2, 3), keepdim=True) / alpha.sum((2, 3), keepdim=True).clamp(min=1)
        share = uniform((len(looks), 1, 1, 1), -0.7, 0.7, self.device).clamp(0)
        return torch.cat([looks[:, :3] + share * (back[:, :3].mean((2, 3), keepdim=True) - own), alpha], 1)

    def crowd(self, back, looks):
        """Backgrounds (n, 4, P, P) with things in them that are not followed, some of which look like what
        is; and their numbers, (n, 1, P, P) from IN_CROWD on."""
        n, numbers = len(back), torch.zeros_like(back[:, :1])
        look = self.subjects(n)[0] if torch.rand(1) < 0.6 else looks[int(torch.randint(len(looks), (1,)))]
        for number in range(IN_CROWD, IN_CROWD + int(torch.randint(1, 6, (1,)))):
            centre, size = uniform((n, 2), -1, 1, self.device), any_size(n, 0.07, 0.95, self.device)
            turn = 0.5 * torch.randn(n, device=self.device)
            grid = placing_grid(centre, size.expand(-1, 2), turn, None, self.side)
            layer = F.grid_sample(look, grid, padding_mode="border", align_corners=False)
            alpha = F.grid_sample(look[:, 3:], grid, align_corners=False)
            back = torch.cat([back[:, :3] + alpha * (layer[:, :3] - back[:, :3]), back[:, 3:] * (1 - alpha)], 1)
            numbers = torch.where(alpha > 0.5, number, numbers)
        return back, numbers

    def behind(self, back, in_place, looks, n_frames, side, cut):
        """The camera's way over backgrounds: pictures (n * n_frames, 3, side, side), the alpha of the region
        in place, and the numbers of what is in them."""
        n, device = len(back), self.device
        calm = uniform((n, 1), 0.2, 1, device)
        zoom = (path(n, n_frames, 0.1, 0.1, device) * calm).exp() * 0.75
        pan = torch.stack([jump(path(n, n_frames, 0.1, 0.15, device) * calm, cut, 3) for _ in range(2)], -1)
        turn = path(n, n_frames, 0.1, 0.1, device) * calm
        grid = placing_grid(pan.flatten(0, 1) * 0.3, (1 / zoom).flatten()[:, None].expand(-1, 2),
                            turn.flatten(), None, side)
        numbers = torch.zeros_like(back[:, :1])
        if torch.rand(1) < 0.6:
            back, numbers = self.crowd(back, looks)
        numbers = F.grid_sample(numbers.repeat_interleave(n_frames, 0), grid[:, 8::16, 8::16], mode="nearest",
                                padding_mode="reflection", align_corners=False)
        frames = F.grid_sample(back.repeat_interleave(n_frames, 0), grid,
                               padding_mode="reflection", align_corners=False)
        frames, region = frames[:, :3], frames[:, 3:]
        if torch.rand(1) < 0.4:  # out of focus behind some subjects
            soft = F.interpolate(F.avg_pool2d(frames, side // 64), (side, side), mode="bilinear")
            share = uniform((n, 1, 1, 1), -0.5, 1, device).clamp(0).repeat_interleave(n_frames, 0)
            share = share * ~in_place.repeat_interleave(n_frames, 0)
            frames = frames + share * (soft - frames)
        return frames, region, torch.where(region[..., 8::16, 8::16] > 0.5, 1, numbers)

    def seen(self, look, edge, n_frames, side, spread, cut, shutter):
        """A subject on its way: alpha and colour (n * n_frames, 1 or 3, side, side)."""
        n, device = len(look), self.device
        calm = uniform((n, 1), 0.1, 1.2, device)
        centre = torch.stack([jump(path(n, n_frames, spread, 0.45, device) * calm, cut, 0.5)
                              for _ in range(2)], -1)
        size = any_size(n, 0.11, 1.1, device) * (
            0.35 * calm * path(n, n_frames, 0, 0.5, device)).clamp(-1, 1).exp()
        aspect = uniform((n, 1), 0.7, 1.4, device).expand(-1, n_frames)
        scale = torch.stack([size * aspect, size / aspect], -1)
        # Most of those that are cut off below stand on the picture's lower edge.
        lower = (1 - centre[..., 1] - edge[:, None] * scale[..., 1]).clamp(min=0).amax(1)
        lower = lower * ((edge > 0) & (torch.rand(n, device=device) < 0.7))
        centre[..., 1] += lower[:, None]
        scale[..., 0] *= (torch.rand(n, 1, device=device) < 0.5).float() * 2 - 1
        spin = path(n, n_frames, 0.4, 0.6, device) * calm  # most things stand upright
        bend = torch.stack([uniform((n, 1), 0, 0.12, device).expand(-1, n_frames),
                            uniform((n, 1), 1, 4, device).expand(-1, n_frames),
                            path(n, n_frames, 2, 2, device)], -1)
        speed = torch.diff(centre, dim=1, append=centre[:, -1:]) if n_frames > 1 else (
            0.15 * torch.randn(n, 1, 2, device=device))
        speed = speed.clamp(-0.2, 0.2)
        light = (1 + 0.25 * path(n, n_frames, 0.3, 0.2, device)).view(-1, 1, 1, 1)
        layer = look.repeat_interleave(n_frames, 0)
        alpha, colour, views = 0, 0, (-shutter, 0, shutter) if shutter else (0,)
        for view in views:
            grid = placing_grid((centre + view * speed).flatten(0, 1), scale.flatten(0, 1), spin.flatten(),
                                bend.flatten(0, 1), side)
            alpha = alpha + F.grid_sample(layer[:, 3:], grid, align_corners=False).clamp(0, 1) / len(views)
            colour = colour + F.grid_sample(layer[:, :3], grid, padding_mode="border",
                                            align_corners=False) * light / len(views)
        return alpha, colour

    @torch.no_grad()
    def make(self, n, n_frames, side, n_objects=1):
        self.fit(side)
        # A cut: everything is somewhere else from this frame on.
        cut = int(torch.randint(1, n_frames, (1,))) if n_frames > 3 and torch.rand(1) < 0.08 else n_frames
        n_subjects = int(torch.randint(n_objects, n_objects + 2, (1,)))
        looks, edges = (list(x) for x in zip(*(self.subjects(n) for _ in range(n_subjects))))
        back, in_place = self.backgrounds(n)
        looks = [self.blend_in(look, back) for look in looks]
        frames, region, numbers = self.behind(back, in_place, looks, n_frames, side, cut)
        in_place = in_place.repeat_interleave(n_frames, 0)
        targets = torch.randperm(n_subjects)[:n_objects].tolist()
        truth = [region] + [torch.zeros_like(region) for _ in targets[1:]]
        if n_subjects > 1 and torch.rand(1) < 0.3:  # a twin: looks alone do not tell
            other = (targets[0] + 1) % n_subjects
            looks[other], edges[other] = looks[targets[0]], edges[targets[0]]
        shutter = 0.3 if torch.rand(1) < 0.2 else 0  # part of the way that one frame sees
        for i, (look, edge) in enumerate(zip(looks, edges)):
            alpha, colour = self.seen(look, edge, n_frames, side, 0.5 if i in targets else 0.6, cut, shutter)
            frames = alpha * colour + (1 - alpha) * frames
            numbers = torch.where(alpha[..., 8::16, 8::16] > 0.5, 2 + i, numbers)
            for k, own in enumerate(targets):
                shown = torch.maximum(truth[k], alpha) if i == own else truth[k] * (1 - alpha)
                # The first object may be the region in place: then its subject only hides it.
                truth[k] = torch.where(in_place, truth[k] * (1 - alpha), shown) if k == 0 else shown
        frames = self.film(frames.view(n, n_frames, 3, side, side))
        truth = torch.stack([t.view(n, n_frames, 1, side, side) for t in truth], 1)
        return frames, (truth > 0.5).float().flatten(0, 1), numbers.view(n, n_frames, side // 16, side // 16)

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
