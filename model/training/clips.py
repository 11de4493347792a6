# SPDX-License-Identifier: Apache-2.0
"""Clips made for training: subjects that move, turn, deform, hide one another, leave and return over a
moving background. Everything is drawn by torch, a batch at once, on the device that trains.

A bank holds what clips are made of, as uint8 tensors:
  pictures (N, 3, P, P)   photographs and drawn textures
  cutouts  (M, 4, P, P)   regions of photographs with their alpha: real boundaries
  masks    (M, P, P)      the same regions where they lie in their picture: real surroundings
  places   (M,)           which picture that is (int64)
"""
import math
import pathlib

import torch
import torch.nn.functional as F

# ---- The bank -----------------------------------------------------------------------------------


def noise(n, channels, side, cells, generator):
    grid = torch.rand(n, channels, cells, cells, generator=generator)
    return F.interpolate(grid, (side, side), mode="bicubic", align_corners=True).clamp(0, 1)


def draw_textures(n, generator, side):
    """Clouds, stripes, checks and dots in two or three colours, (n, 3, side, side) in 0..1."""
    cells = [2 ** int(k) for k in torch.randint(1, 4, (3,), generator=generator)]
    field = sum(noise(n, 1, side, c * 4, generator) * 0.5 ** i for i, c in enumerate(sorted(cells)))
    field = field / field.amax((2, 3), keepdim=True)
    at = torch.linspace(0, 1, side)
    y, x = torch.meshgrid(at, at, indexing="ij")
    angle = torch.rand(n, 1, 1, 1, generator=generator) * math.pi
    count = 3 + 25 * torch.rand(n, 1, 1, 1, generator=generator)
    along = (x * angle.cos() + y * angle.sin() + 0.1 * field) * count
    across = (y * angle.cos() - x * angle.sin()) * count
    stripes = (along * 2 * math.pi).sin() * 0.5 + 0.5
    checks = ((along * math.pi).sin() * (across * math.pi).sin() > 0).float()
    dots = ((along - along.round()) ** 2 + (across - across.round()) ** 2 < 0.09).float()
    kind = torch.randint(0, 6, (n, 1, 1, 1), generator=generator)
    value = torch.where(kind < 3, field, torch.where(kind == 3, stripes,
                                                     torch.where(kind == 4, checks, dots)))
    low, high, more = (torch.rand(n, 3, 1, 1, generator=generator) for _ in range(3))
    colour = low + (high - low) * value
    return (colour + 0.3 * (more - 0.5) * noise(n, 1, side, 24, generator)).clamp(0, 1)


def find_regions(picture, generator, most=6):
    """Regions of one colour or texture in a photograph (H, W, 3 uint8 RGB), as boolean masks. They are
    looked for at half the size, where filtering costs a quarter."""
    import cv2
    import numpy as np

    full = picture.shape[1::-1]
    picture = cv2.resize(picture, (full[0] // 2, full[1] // 2), interpolation=cv2.INTER_AREA)
    smooth = cv2.pyrMeanShiftFiltering(cv2.GaussianBlur(picture, (0, 0), 0.8), 6, 24)
    height, width = smooth.shape[:2]
    regions, taken = [], np.zeros((height, width), bool)
    for _ in range(40):
        x = int(torch.randint(width, (1,), generator=generator))
        y = int(torch.randint(height, (1,), generator=generator))
        step = int(torch.randint(4, 16, (1,), generator=generator))
        mask = np.zeros((height + 2, width + 2), np.uint8)
        cv2.floodFill(smooth.copy(), mask, (x, y), 0, (step,) * 3, (step,) * 3,
                      4 | 255 << 8 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY)
        mask = mask[1:-1, 1:-1]
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        mask = cv2.drawContours(mask, outlines, -1, 255, cv2.FILLED) > 0  # without holes
        share = mask.mean()
        touches = mask[0].mean() + mask[-1].mean() + mask[:, 0].mean() + mask[:, -1].mean()
        if 0.01 < share < 0.4 and touches < 0.6 and (mask & taken).sum() < 0.3 * mask.sum():
            taken |= mask
            large = cv2.resize(mask.astype(np.float32), full, interpolation=cv2.INTER_LINEAR)
            regions.append(large > 0.5)
            if len(regions) == most:
                break
    return regions


def cut_out(picture, mask):
    """The region with a margin, scaled to the picture's side, as RGBA."""
    import cv2
    import numpy as np

    ys, xs = np.nonzero(mask)
    side = int(max(np.ptp(ys), np.ptp(xs)) * 1.15) + 4
    y0, x0 = (int(at.min() + at.max() - side) // 2 for at in (ys, xs))
    padded = cv2.copyMakeBorder(picture, side, side, side, side, cv2.BORDER_REFLECT)
    alpha = cv2.copyMakeBorder(mask.astype(np.uint8) * 255, side, side, side, side,
                               cv2.BORDER_CONSTANT)
    crop = np.dstack([padded, alpha])[y0 + side:y0 + 2 * side, x0 + side:x0 + 2 * side]
    return cv2.resize(crop, picture.shape[1::-1], interpolation=cv2.INTER_AREA)


def make_bank(folders, n_textures=400, crops=3, side=384, seed=1):
    """Reads all JPEG, PNG and WebP files in the folders; squares are cut from each photograph and
    scaled to `side` pixels (P)."""
    import cv2
    import numpy as np

    generator = torch.Generator().manual_seed(seed)
    pictures, cutouts, masks, places = [], [], [], []
    paths = sorted(p for folder in folders for p in pathlib.Path(folder).rglob("*")
                   if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    for path in paths:
        picture = cv2.imread(str(path))
        if picture is None or min(picture.shape[:2]) < 200:
            continue
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        for _ in range(crops):
            share = 0.2 + 0.8 * float(torch.rand(1, generator=generator))
            length = int(min(picture.shape[:2]) * share)
            y, x = (int(torch.randint(whole - length + 1, (1,), generator=generator))
                    for whole in picture.shape[:2])
            square = cv2.resize(picture[y:y + length, x:x + length], (side, side),
                                interpolation=cv2.INTER_AREA)
            for mask in find_regions(square, generator):
                cutouts.append(cut_out(square, mask).transpose(2, 0, 1))
                masks.append(mask.astype(np.uint8) * 255)
                places.append(len(pictures))
            pictures.append(square.transpose(2, 0, 1))
    for _ in range(0, n_textures, 40):
        drawn = draw_textures(40, generator, side)
        pictures.extend((drawn * 255).round().byte().numpy())

    def stack(rows, *shape):
        return torch.from_numpy(np.stack(rows)) if rows else torch.zeros(0, *shape,
                                                                        dtype=torch.uint8)

    return {"pictures": stack(pictures), "cutouts": stack(cutouts, 4, side, side),
            "masks": stack(masks, side, side), "places": torch.tensor(places, dtype=torch.int64)}


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
    """make(n, n_frames, side): pictures (n, n_frames, 3, side, side) in 0..1, and the truth of one
    subject, (n, n_frames, 1, side, side) of 0 and 1 (empty where it is hidden or away)."""

    def __init__(self, bank, device):
        self.device = device
        self.pictures = bank["pictures"].to(device)
        self.cutouts = bank["cutouts"].to(device)
        self.masks, self.places = bank["masks"].to(device), bank["places"].to(device)
        self.side = self.pictures.shape[-1]  # of layers

    def take(self, bank, which):
        """Layers as they are drawn with: 0..1, no larger than the clip."""
        layers = bank[which].float() / 255
        step = max(1, layers.shape[-1] // self.side)
        return F.avg_pool2d(layers, step) if step > 1 else layers

    def pick(self, bank, n):
        return self.take(bank, torch.randint(len(bank), (n,), device=self.device))

    def subjects(self, n):
        """(n, 4, P, P): colour and alpha."""
        shapes = draw_shapes(n, self.side, self.device)
        colour = self.pick(self.pictures, n)
        # Seldom one colour: shading keeps edges from being everything there is.
        plain = (torch.rand(n, 1, 1, 1, device=self.device) < 0.15).float()
        colour = plain * (0.15 * colour + 0.85 * torch.rand(n, 3, 1, 1, device=self.device)) + (
            1 - plain) * colour
        drawn = torch.cat([colour, shapes], 1)
        if len(self.cutouts):
            real = self.pick(self.cutouts, n)
            choose = (torch.rand(n, 1, 1, 1, device=self.device) < 0.5).float()
            drawn = choose * real + (1 - choose) * drawn
        # Parts of other looks, on the subject or sticking out of it: most things are not of one piece.
        part = draw_shapes(n, self.side, self.device)
        part = part * (torch.rand(n, 1, 1, 1, device=self.device) < 0.5).float()
        outside = (torch.rand(n, 1, 1, 1, device=self.device) < 0.5).float()
        alpha = torch.maximum(drawn[:, 3:], part * outside)
        colour = drawn[:, :3] + part * (self.pick(self.pictures, n) - drawn[:, :3])
        return torch.cat([colour, alpha], 1)

    def backgrounds(self, n):
        """(n, 4, P, P): a picture, and a region of it that is the subject where the second result,
        (n, 1, 1, 1) of bool, says so. Such a subject moves with its surroundings only."""
        back = torch.randint(len(self.pictures), (n,), device=self.device)
        in_place = torch.zeros(n, 1, 1, 1, dtype=torch.bool, device=self.device)
        if len(self.masks) == 0:
            picture = self.take(self.pictures, back)
            return torch.cat([picture, torch.zeros_like(picture[:, :1])], 1), in_place
        in_place = torch.rand(n, 1, 1, 1, device=self.device) < 0.3
        which = torch.randint(len(self.masks), (n,), device=self.device)
        back = torch.where(in_place.flatten(), self.places[which], back)
        region = self.take(self.masks[:, None], which) * in_place
        return torch.cat([self.take(self.pictures, back), region], 1), in_place

    @torch.no_grad()
    def make(self, n, n_frames, side):
        device, flat = self.device, n * n_frames
        self.side = self.pictures.shape[-1] // max(1, self.pictures.shape[-1] // side)
        calm = uniform((n, 1), 0.2, 1, device)
        zoom = (path(n, n_frames, 0.1, 0.1, device) * calm).exp() * 0.75
        pan = torch.stack([path(n, n_frames, 0.1, 0.15, device) * calm for _ in range(2)], -1)
        turn = path(n, n_frames, 0.1, 0.1, device) * calm
        grid = sample(self.pictures[:1].expand(flat, -1, -1, -1), pan.flatten(0, 1) * 0.3,
                      (1 / zoom).flatten()[:, None].expand(-1, 2), turn.flatten(), None, side)
        back, in_place = self.backgrounds(n)
        frames = F.grid_sample(back.repeat_interleave(n_frames, 0), grid,
                               padding_mode="reflection", align_corners=False)
        frames, truth = frames[:, :3], frames[:, 3:]
        in_place = in_place.repeat_interleave(n_frames, 0)
        n_subjects = int(torch.randint(1, 5, (1,)))
        target = int(torch.randint(n_subjects, (1,)))
        looks = [self.subjects(n) for _ in range(n_subjects)]
        if n_subjects > 1 and torch.rand(1) < 0.3:  # a twin: looks alone do not tell
            other = (target + 1) % n_subjects
            looks[other] = looks[target]
        for i in range(n_subjects):
            main = i == target
            calm = uniform((n, 1), 0.1, 1.2, device)
            centre = torch.stack([path(n, n_frames, 0.35 if main else 0.5, 0.45, device) * calm
                                  for _ in range(2)], -1)
            size = uniform((n, 1), 0.15, 0.9, device) * (
                0.35 * calm * path(n, n_frames, 0, 0.5, device)).clamp(-1, 1).exp()
            aspect = uniform((n, 1), 0.7, 1.4, device).expand(-1, n_frames)
            scale = torch.stack([size * aspect, size / aspect], -1)
            spin = path(n, n_frames, 1.5, 0.6, device) * calm
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
            covers = in_place if main else torch.ones_like(in_place)
            truth = torch.where(covers, truth * (1 - alpha), torch.maximum(truth, alpha))
        frames = self.film(frames.view(n, n_frames, 3, side, side))
        return frames, (truth > 0.5).float().view(n, n_frames, 1, side, side)

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
