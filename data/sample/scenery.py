# SPDX-License-Identifier: Apache-2.0
"""The sample clip's background: a countryside as a height field, seen by a moving camera."""
import numpy as np
from PIL import Image, ImageFilter

F32 = np.float32
METRES = 2.0  # per texel of the maps
SIZE = 2048   # side of the maps, texels
SUN = np.array([-0.62, 0.42, -0.35], F32)  # towards the sun: x right, y up, z away from the camera
SUN = SUN / np.linalg.norm(SUN)
HAZE = np.array([0.80, 0.79, 0.78], F32)


def smooth(x, lo, hi):
  t = np.clip((x - lo) / (hi - lo), 0, 1)
  return (t * t * (3 - 2 * t)).astype(F32)


def lerp(a, b, t):
  return a + (b - a) * t


def noise(rng, size, cells):
  """Value noise, (size, size) in 0..1 that tiles."""
  grid = rng.random((cells, cells), dtype=F32)
  at = np.arange(size, dtype=F32) * (cells / size)
  i = at.astype(int)
  t = at - i
  t = (t * t * (3 - 2 * t)).astype(F32)
  rows = lerp(grid[i], grid[(i + 1) % cells], t[:, None])
  return lerp(rows[:, i], rows[:, (i + 1) % cells], t[None, :])


def fractal(rng, size, cells, octaves, gain=0.5):
  """Sum of octaves of noise, scaled to 0..1."""
  out = np.zeros((size, size), F32)
  amplitude = 1.0
  for _ in range(octaves):
    if cells > size:
      break
    out += amplitude * noise(rng, size, cells)
    amplitude *= gain
    cells *= 2
  return (out - out.min()) / (out.max() - out.min())


def voronoi(rng, size, cells, warp=None):
  """Nearest and second nearest distance (in cells) to jittered points, and the nearest's id."""
  px = rng.random((cells, cells), dtype=F32)
  py = rng.random((cells, cells), dtype=F32)
  at = (np.arange(size, dtype=F32) + 0.5) * (cells / size)
  x, y = np.meshgrid(at, at)
  if warp is not None:
    x, y = x + warp[0], y + warp[1]
  ix, iy = np.floor(x).astype(int), np.floor(y).astype(int)
  first = np.full((size, size), 9, F32)
  second = first.copy()
  which = np.zeros((size, size), int)
  for dy in (-1, 0, 1):
    for dx in (-1, 0, 1):
      cx, cy = (ix + dx) % cells, (iy + dy) % cells
      d = (ix + dx + px[cy, cx] - x) ** 2 + (iy + dy + py[cy, cx] - y) ** 2
      nearer = d < first
      second = np.where(nearer, first, np.minimum(second, d))
      which = np.where(nearer, cy * cells + cx, which)
      first = np.where(nearer, d, first)
  return np.sqrt(first), np.sqrt(second), which


def halvings(image, n):
  """A pyramid: the image and n versions of half the size each."""
  levels = [image]
  for _ in range(n):
    a = levels[-1]
    levels.append((a[0::2, 0::2] + a[1::2, 0::2] + a[0::2, 1::2] + a[1::2, 1::2]) * F32(0.25))
  return levels


def sample(image, x, y):
  """Bilinear, wrapping; x, y in texels."""
  h, w = image.shape[:2]
  x, y = x - F32(0.5), y - F32(0.5)
  x0, y0 = np.floor(x), np.floor(y)
  fx, fy = (x - x0).astype(F32), (y - y0).astype(F32)
  x0, y0 = x0.astype(np.int32) % w, y0.astype(np.int32) % h
  x1, y1 = (x0 + 1) % w, (y0 + 1) % h
  if image.ndim == 3:
    fx, fy = fx[..., None], fy[..., None]
  return lerp(lerp(image[y0, x0], image[y0, x1], fx), lerp(image[y1, x0], image[y1, x1], fx), fy)


def sample_levels(levels, x, y, footprint):
  """Trilinear; footprint is a pixel's size in texels of level 0."""
  level = np.clip(np.log2(np.maximum(footprint, 1)), 0, len(levels) - 1)
  out = np.zeros(x.shape + levels[0].shape[2:], F32)
  for i, image in enumerate(levels):
    weight = np.maximum(0, 1 - np.abs(level - i)).astype(F32)
    at = np.nonzero(weight)
    value = sample(image, x[at] / 2**i, y[at] / 2**i)
    out[at] += value * (weight[at][:, None] if value.ndim == 2 else weight[at])
  return out


class Scenery:
  def __init__(self, seed=7):
    rng = np.random.default_rng(seed)
    self.make_land(rng)
    self.make_sky(rng)

  def make_land(self, rng):
    size = SIZE
    z, x = np.mgrid[0:size, 0:size].astype(F32) * F32(METRES)
    hills = fractal(rng, size, 3, 7, 0.42)
    fine = fractal(rng, size, 64, 5, 0.6)
    ground = 25 + 190 * smooth(hills, 0.25, 1.0) + 3 * fine
    far = smooth(z, 1800, 4000)
    ground += 150 * far * fractal(rng, size, 6, 5)

    # A river in the valley that winds towards the hills.
    bend = (1980 + 330 * np.sin(z / 610 + 0.4) + 120 * np.sin(z / 270 + 2.0) + 0.05 * z)
    river = np.abs(x - bend) / (16 + 10 * np.sin(z / 400) ** 2)
    valley = np.exp(-(((x - bend) / 330) ** 2))
    ground = lerp(ground, 24 + 0.25 * (ground - 24), valley)
    water = 1 - smooth(river, 0.9, 1.15)
    ground = lerp(ground, F32(20), np.exp(-((np.maximum(river - 1, 0) / 2.5) ** 2)))

    # Fields with furrows, hedges between them, woods on the heights.
    warp = [(noise(rng, size, 12) - 0.5) * 0.9, (noise(rng, size, 12) - 0.5) * 0.9]
    d1, d2, field = voronoi(rng, size, 24, warp)
    n = int(field.max()) + 1
    palette = np.array([[.40, .47, .17], [.52, .55, .22], [.30, .41, .15], [.71, .62, .31],
                        [.62, .57, .27], [.46, .36, .22], [.35, .47, .20], [.58, .60, .30]], F32)
    tint = palette[rng.integers(0, len(palette), n)] * (0.88 + 0.24 * rng.random((n, 1), dtype=F32))
    angle = rng.random(n, dtype=F32) * F32(np.pi)
    across = x * np.cos(angle)[field] + z * np.sin(angle)[field]
    furrow = 1 + 0.10 * np.sin(across * (2 * np.pi / 9)) * (rng.random(n)[field] > 0.4)
    colour = tint[field] * furrow[..., None].astype(F32)
    hedge = (1 - smooth(d2 - d1, 0.03, 0.06)) * (noise(rng, size, 90) > 0.36)
    wood = smooth(fractal(rng, size, 10, 6, 0.6) + 0.3 * (hills - 0.5), 0.60, 0.63)
    wood = np.maximum(wood, 0.9 * hedge)
    wood = np.maximum(wood, (1 - smooth(river, 1.6, 2.6)) * (noise(rng, size, 110) > 0.55))
    wood *= smooth(river, 1.2, 1.6)

    # Trees: round bumps, each with its own height and colour.
    t1, _, tree = voronoi(rng, size, 520)
    each = rng.random(int(tree.max()) + 1, dtype=F32)
    crown = np.sqrt(np.clip(1 - (t1 / 0.78) ** 2, 0, 1)) * wood
    height = ground + crown * (4 + 5 * each[tree])
    leaf = lerp(np.array([.15, .22, .08], F32), np.array([.40, .36, .13], F32),
                each[tree][..., None])
    leaf = leaf * (0.6 + 0.5 * crown * (0.6 + 0.8 * rng.random(crown.shape, dtype=F32)))[..., None]
    colour = lerp(colour * (0.82 + 0.36 * fine[..., None]), leaf, smooth(crown, 0.05, 0.3)[..., None])

    # Sun light, and the shadows of hills and trees along the sun's way.
    gz, gx = np.gradient(height, METRES)
    light = (-gx * SUN[0] + SUN[1] - gz * SUN[2]) / np.sqrt(gx * gx + gz * gz + 1)
    lit = np.ones_like(height)
    for step in range(1, 60):
      reach = step * (1 + step / 18) * METRES
      dx = int(round(SUN[0] / np.hypot(SUN[0], SUN[2]) * reach / METRES))
      dz = int(round(SUN[2] / np.hypot(SUN[0], SUN[2]) * reach / METRES))
      rise = reach * SUN[1] / np.hypot(SUN[0], SUN[2])
      over = np.roll(height, (-dz, -dx), (0, 1)) - height - rise
      lit = np.minimum(lit, 1 - smooth(over, 0, 3))
    sun = np.clip(light, 0, None) * lit
    shade = sun[..., None] * np.array([1.75, 1.52, 1.16], F32) + np.array([.36, .43, .55], F32)
    colour = colour * shade * 1.05
    river_colour = np.array([.60, .68, .74], F32) * (0.85 + 0.25 * fine[..., None])
    colour = lerp(colour, river_colour * (0.75 + 0.25 * lit[..., None]), water[..., None])
    self.height = halvings(height.astype(F32), 3)
    self.colour = halvings(colour.astype(F32), 5)
    self.detail = halvings(fractal(rng, 512, 16, 6, 0.75), 6)

  def make_sky(self, rng):
    size = 1024
    swirl = [(noise(rng, size, 8) - 0.5), (noise(rng, size, 8) - 0.5)]
    base = fractal(rng, size, 5, 8, 0.55)
    at = np.arange(size, dtype=F32)
    x, y = np.meshgrid(at, at)
    base = sample(base, x + 60 * swirl[0], y + 60 * swirl[1])
    thick = smooth(base, 0.50, 0.80)
    toward = np.roll(thick, (14, 22), (0, 1))
    light = np.clip(1.0 - 0.22 * toward + 0.30 * (thick - toward), 0.72, 1.15)
    self.cloud = halvings(np.stack([thick, light], -1).astype(F32), 4)
    self.ridges = [fractal(rng, 1024, 7, 8, 0.55)[0], fractal(rng, 1024, 11, 7, 0.55)[5]]

  def render(self, width, height, camera, time):
    """RGB in 0..1+, (height, width, 3). camera: x, y (up), z in metres, yaw in radians, focal and
    horizon in pixels."""
    f = camera['focal']
    columns = (np.arange(width, dtype=F32) + 0.5 - width / 2) / f + F32(camera['yaw'])
    rows = np.arange(height, dtype=F32) + 0.5
    out = self.render_sky(columns, rows, camera, time)

    # For every column, the screen height of the land along depth; the first depth that reaches a
    # row is what the row shows.
    depth = np.geomspace(170, 3900, 760).astype(F32)
    x = camera['x'] + depth[:, None] * columns[None, :]
    z = camera['z'] + depth[:, None] + 0 * x
    land = sample_levels(self.height, x / METRES, z / METRES, depth[:, None] / f / METRES + 0 * x)
    screen = camera['horizon'] + (camera['y'] - land) * (f / depth[:, None])  # (depth, width)
    reach = np.minimum.accumulate(screen, 0)
    first = np.empty((height, width), np.int64)
    for c in range(width):
      first[:, c] = np.searchsorted(-reach[:, c], -rows)
    row, col = np.nonzero((first < len(depth)) & (first > 0))
    i = first[row, col]
    above, below = screen[i, col], reach[i - 1, col]
    t = np.clip((below - rows[row]) / np.maximum(below - above, 1e-3), 0, 1)
    d = lerp(depth[i - 1], depth[i], t).astype(F32)
    wx = camera['x'] + d * columns[col]
    wz = camera['z'] + d

    footprint = d / f
    colour = sample_levels(self.colour, wx / METRES, wz / METRES, footprint / METRES * 1.3)
    detail = sample_levels(self.detail, wx * 1.7, wz * 1.1, footprint * 2.4) - F32(0.5)
    colour *= (1 + 0.75 * detail)[:, None]
    drift = sample(self.cloud[2][..., 0], wx / 14 + 9 * time, wz / 14)
    colour *= (1 - 0.38 * drift)[:, None]
    air = 1 - np.exp(-np.maximum(d - 250, 0) / 3000)
    glow = np.exp(-((columns[col] + 0.6) / 0.6) ** 2)
    haze = HAZE + glow[:, None] * np.array([.16, .08, -.04], F32)
    out[row, col] = lerp(colour, haze, air[:, None])
    return out

  def render_sky(self, columns, rows, camera, time):
    up = (camera['horizon'] - rows) / camera['focal']  # tangent of the elevation
    x = np.broadcast_to(columns[None, :], (len(rows), len(columns)))
    e = np.broadcast_to(up[:, None], x.shape)
    t = np.clip(e / 0.5, 0, 1)[..., None] ** 0.7
    sky = lerp(np.array([.92, .86, .78], F32), np.array([.24, .47, .80], F32), t)
    glow = np.exp(-(((x + 0.75) / 0.7) ** 2 + ((e - 0.12) / 0.35) ** 2))
    sky = sky + glow[..., None] * np.array([.20, .12, -.02], F32)

    far = 1 / np.maximum(e + 0.10, 0.02)  # distance to the cloud layer
    cloud = sample_levels(self.cloud, x * far * 150 + 5 * time + 300, far * 120 + 150,
                          far * far * 0.13)
    thick = cloud[..., 0] * smooth(e, 0.01, 0.12)
    white = cloud[..., 1:] * np.array([1.08, 1.03, .97], F32) + np.array([.02, .03, .07], F32)
    white = lerp(np.array([.95, .90, .84], F32), white, smooth(e, 0.02, 0.2)[..., None])
    sky = lerp(sky, white, (0.92 * thick)[..., None])

    for i, ridge in enumerate(self.ridges):
      top = 0.062 - 0.026 * i + (0.12 - 0.04 * i) * (
          np.interp(columns * 300 + 512, np.arange(1024), ridge) - 0.42)
      inside = smooth(top[None, :] - e, 0, 0.0016)
      tone = lerp(np.array([.62, .68, .76], F32), np.array([.56, .62, .66], F32), i)
      tone = lerp(tone, HAZE, smooth(top[None, :] - e, 0, 0.09)[..., None])
      sky = lerp(sky, tone, inside[..., None])
    return sky.astype(F32)


def finish(image, rng, grain):
  """Bloom, contrast, vignette and grain; RGB float in, 8 bits out."""
  h, w = image.shape[:2]
  bright = Image.fromarray((np.clip(image - 0.62, 0, 1) * 255).astype(np.uint8))
  bloom = np.asarray(bright.filter(ImageFilter.GaussianBlur(w / 60)), F32) / 255
  image = np.clip(image + 0.28 * bloom, 0, None)
  image = image / (1 + 0.16 * image * image)  # shoulder
  image = lerp(image, image * image * (3 - 2 * image), 0.35)
  y, x = np.mgrid[0:h, 0:w]
  radius = ((x - w / 2) / (w / 2)) ** 2 + ((y - h / 2) / (h / 2)) ** 2
  image = image * (1 - 0.10 * radius)[..., None]
  image = image + grain * rng.standard_normal((h, w, 1), dtype=F32)
  return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
