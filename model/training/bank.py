# SPDX-License-Identifier: Apache-2.0
"""The bank: what clips are made of, in one zip file that is small enough to be carried about.

  pictures/SSSS-CC.webp     square CC of photograph S
  regions/SSSS-CC-R.png     region R of that square, where it lies: real boundaries and surroundings
  stamps/SSSS.webp          a whole thing with its alpha: an animal, a vehicle, a fruit
  drawings/SSSS.webp        the same, drawn instead of photographed
  portraits/SSSS.webp       painted people and beasts, most of them down to the waist

Every tenth photograph, stamp, drawing and portrait is held out of training. Needs OpenCV to be made only.
"""
import io
import pathlib
import zipfile

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from model.training.figures import draw_figures

HELD_OUT = 10  # one of so many
THINGS = ("stamps", "drawings", "portraits")  # each whole, with its alpha
N_TEXTURES = 400
N_FIGURES = 1200

# ---- Making it ----------------------------------------------------------------------------------


def find_regions(picture, generator, most=6):
    """Regions of one colour or texture in a photograph (H, W, 3 uint8 RGB), as boolean masks. They are
    looked for at half the size, where filtering costs a quarter."""
    import cv2

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


def is_one_thing(alpha):
    """Not several things side by side, and not an outline only."""
    import cv2

    solid = (alpha > 128).astype(np.uint8)
    pieces = cv2.connectedComponentsWithStats(solid)[2][1:, cv2.CC_STAT_AREA]
    hull = cv2.convexHull(np.argwhere(solid).astype(np.int32))
    return pieces.max() >= 0.7 * solid.sum() and solid.sum() >= 0.35 * cv2.contourArea(hull)


def read_stamp(path, side):
    """A cut out thing with a margin as RGBA (side, side, 4); None where the picture is none."""
    import cv2

    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4 or min(picture.shape[:2]) < 80:
        return None
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    scale = 4 * side / max(picture.shape)
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    alpha = picture[..., 3]
    if (alpha > 128).mean() < 0.05 or (alpha < 10).mean() < 0.05:
        return None
    # Beside the thing is the colour of its nearest point, for edges that mix both.
    _, labels = cv2.distanceTransformWithLabels((alpha < 128).astype(np.uint8), cv2.DIST_L2, 5,
                                                labelType=cv2.DIST_LABEL_PIXEL)
    colours = np.zeros((labels.max() + 1, 3), np.uint8)
    colours[labels[alpha >= 128]] = picture[..., 2::-1][alpha >= 128]
    picture = np.dstack([colours[labels], alpha])
    ys, xs = np.nonzero(alpha > 127)
    length = int(max(np.ptp(ys), np.ptp(xs)) * 1.15) + 4
    y0, x0 = (int(at.min() + at.max() + length) // 2 for at in (ys, xs))
    picture = cv2.copyMakeBorder(picture, length, length, length, length, cv2.BORDER_REPLICATE)
    picture[:length, :, 3] = picture[-length:, :, 3] = 0
    picture[:, :length, 3] = picture[:, -length:, 3] = 0
    return cv2.resize(picture[y0:y0 + length, x0:x0 + length], (side, side),
                      interpolation=cv2.INTER_AREA)


def find_files(folders, suffixes):
    """In the order of the folders, so that what is added last renumbers nothing."""
    return [p for folder in folders for p in sorted(pathlib.Path(folder).rglob("*"))
            if p.suffix.lower() in suffixes]


def make_bank(out, photo_folders, stamp_folders, drawing_folders, portrait_folders, crops=3, side=256,
              seed=1):
    """Writes the bank of all JPEG, PNG and WebP files in photo_folders and all PNG files with alpha in
    stamp_folders, drawing_folders and portrait_folders. Squares are cut from each photograph; everything is
    scaled to `side` pixels."""
    import cv2

    generator = torch.Generator().manual_seed(seed)
    counts = dict.fromkeys(("pictures", "regions", *THINGS), 0)
    with zipfile.ZipFile(out, "w") as archive:

        def add(kind, name, picture, form, **options):
            data = io.BytesIO()
            picture.save(data, form, **options)
            archive.writestr("%s/%s.%s" % (kind, name, form), data.getvalue())
            counts[kind] += 1

        for source, path in enumerate(find_files(photo_folders, (".jpg", ".jpeg", ".png", ".webp"))):
            picture = cv2.imread(str(path))
            if picture is None or min(picture.shape[:2]) < 200:
                continue
            picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            for crop in range(crops):
                share = 0.2 + 0.8 * float(torch.rand(1, generator=generator))
                length = int(min(picture.shape[:2]) * share)
                y, x = (int(torch.randint(whole - length + 1, (1,), generator=generator))
                        for whole in picture.shape[:2])
                square = cv2.resize(picture[y:y + length, x:x + length], (side, side),
                                    interpolation=cv2.INTER_AREA)
                name = "%04d-%02d" % (source, crop)
                for i, mask in enumerate(find_regions(square, generator)):
                    add("regions", "%s-%d" % (name, i), Image.fromarray(mask), "png")
                add("pictures", name, Image.fromarray(square), "webp", quality=85)
        for kind, folders in zip(THINGS, (stamp_folders, drawing_folders, portrait_folders)):
            for path in find_files(folders, (".png",)):
                stamp = read_stamp(path, side)
                if stamp is not None and (kind != "drawings" or is_one_thing(stamp[..., 3])):
                    add(kind, "%04d" % counts[kind], Image.fromarray(stamp), "webp", quality=85,
                        exact=True)
    return counts


# ---- Reading it ---------------------------------------------------------------------------------


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
    angle = torch.rand(n, 1, 1, 1, generator=generator) * torch.pi
    count = 3 + 25 * torch.rand(n, 1, 1, 1, generator=generator)
    along = (x * angle.cos() + y * angle.sin() + 0.1 * field) * count
    across = (y * angle.cos() - x * angle.sin()) * count
    stripes = (along * 2 * torch.pi).sin() * 0.5 + 0.5
    checks = ((along * torch.pi).sin() * (across * torch.pi).sin() > 0).float()
    dots = ((along - along.round()) ** 2 + (across - across.round()) ** 2 < 0.09).float()
    kind = torch.randint(0, 6, (n, 1, 1, 1), generator=generator)
    value = torch.where(kind < 3, field, torch.where(kind == 3, stripes,
                                                     torch.where(kind == 4, checks, dots)))
    low, high, more = (torch.rand(n, 3, 1, 1, generator=generator) for _ in range(3))
    colour = low + (high - low) * value
    return (colour + 0.3 * (more - 0.5) * noise(n, 1, side, 24, generator)).clamp(0, 1)


def cut_out(pictures, masks):
    """Regions with a margin, scaled to the picture's side: (N, 3, P, P) and (N, 1, P, P) in 0..1 become
    (N, 4, P, P)."""
    side = masks.shape[-1]
    at = torch.arange(side, device=masks.device).float()

    def middle_and_half(line):  # (N, P): where the mask is
        low = torch.where(line, at, at.new_tensor(float(side))).amin(1)
        high = torch.where(line, at, at.new_tensor(-1.0)).amax(1) + 1
        return (low + high) / side - 1, (high - low) / side

    inside = masks[:, 0] > 0.5
    (x, width), (y, height) = (middle_and_half(inside.any(axis)) for axis in (1, 2))
    half = torch.maximum(width, height) * 1.15 + 4 / side
    base = (at + 0.5) / side * 2 - 1
    grid = torch.stack([(x[:, None] + half[:, None] * base)[:, None].expand(-1, side, -1),
                        (y[:, None] + half[:, None] * base)[:, :, None].expand(-1, -1, side)], -1)
    return torch.cat([F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False),
                      F.grid_sample(masks, grid, align_corners=False)], 1)


def read_bank(path, side, held_out, device):
    """The part of the bank for training, or the one held out, as uint8 tensors on the device; P is
    `side`, or the bank's own where that is less:
      pictures (N, 3, P, P)   photographs and drawn textures
      regions  (M, 1, P, P)   where they lie in their picture
      places   (M,) int64     which picture that is
      stamps   (K, 4, P, P)
      drawings (L, 4, P, P)
      portraits (O, 4, P, P)
      figures  (F, 4, P, P)   people, animals and vehicles made of capsules"""
    kinds = {kind: [] for kind in ("pictures", "regions", *THINGS)}
    with zipfile.ZipFile(path) as archive:
        names = sorted(archive.namelist())
        side = min(side, Image.open(archive.open(names[0])).width)
        place_of = {}
        for name in names:
            kind, key = name.split(".")[0].split("/")
            if (int(key.split("-")[0]) % HELD_OUT == 0) != held_out:
                continue
            picture = Image.open(archive.open(name))
            picture = picture.convert({"pictures": "RGB", "regions": "L"}.get(kind, "RGBA"))
            if kind == "pictures":
                place_of[key] = len(kinds[kind])
            kinds[kind].append((key, np.array(picture.resize((side, side), Image.BOX))))

    def stack(kind, channels):
        rows = [torch.from_numpy(row).view(side, side, channels) for _, row in kinds[kind]]
        whole = torch.stack(rows) if rows else torch.zeros(0, side, side, channels, dtype=torch.uint8)
        return whole.permute(0, 3, 1, 2).contiguous().to(device)

    bank = {"pictures": stack("pictures", 3), "regions": stack("regions", 1),
            **{kind: stack(kind, 4) for kind in THINGS}}
    bank["places"] = torch.tensor([place_of[key.rsplit("-", 1)[0]] for key, _ in kinds["regions"]],
                                  dtype=torch.int64, device=device)
    generator, part = torch.Generator().manual_seed(2 if held_out else 1), HELD_OUT if held_out else 1
    textures = [(draw_textures(40, generator, side) * 255).round().byte()
                for _ in range(0, N_TEXTURES // part, 40)]
    bank["pictures"] = torch.cat([bank["pictures"], *(t.to(device) for t in textures)])
    bank["figures"] = draw_figures(bank["pictures"], N_FIGURES // part, generator, side).to(device)
    return bank
