# SPDX-License-Identifier: Apache-2.0
"""The sample clip's subjects: two hot-air balloons and a butterfly, each drawn as colour and alpha."""
import numpy as np
from PIL import Image, ImageDraw

from scenery import F32, lerp, smooth

LIGHT = np.array([-0.60, -0.45, 0.66], F32)  # towards the sun: x right, y down, z to the camera
LIGHT = LIGHT / np.linalg.norm(LIGHT)


def rgb(text):
  return (np.array([int(text[i:i + 2], 16) for i in (0, 2, 4)], F32) / 255) ** F32(1.15)


CRIMSON, CREAM, AMBER, NAVY = rgb('c8202c'), rgb('fbf0d8'), rgb('f6a21c'), rgb('1c2f63')
TEAL, MINT, PLUM = rgb('0f8f94'), rgb('d9f2e0'), rgb('5b2a6e')


def stripes_crimson(around, down):
  """Three-coloured gores with a zigzag belt and a dark crown."""
  n = 18
  gore = np.floor(around * n).astype(int) % n
  out = np.stack([CRIMSON, CREAM, AMBER])[gore % 3]
  tooth = np.abs((around * n) % 1 - 0.5) * 2
  belt = down + 0.16 * tooth
  for lo, hi, colour in ((0.16, 0.22, CREAM), (0.22, 0.44, NAVY), (0.44, 0.50, CREAM)):
    out = lerp(out, colour, ((belt > lo) & (belt < hi))[..., None])
  crown = down + 0.05 * tooth
  out = lerp(out, NAVY, (crown < -0.86)[..., None])
  return lerp(out, CRIMSON * 0.8, (down > 1.14)[..., None])


def stripes_teal(around, down):
  """A spiral with dots on its dark turns."""
  n = 8
  turn = around * n + 0.9 * down
  dark = np.floor(turn).astype(int) % 2 == 0
  out = np.where(dark[..., None], TEAL, MINT)
  dot = (((turn % 1) - 0.5) * 0.62) ** 2 + ((((down * 3.0) % 1) - 0.5) * 0.36) ** 2 < 0.0105
  out = np.where((dark & dot)[..., None], AMBER, out)
  return lerp(out, PLUM, ((down < -0.84) | (down > 1.16))[..., None])


def balloon(canvas, place, pattern, n_gores):
  """Adds a balloon. place: x, y and radius of the widest part, px; lean in radians; spin in turns;
  wobble -1..1; fire 0..1; lit: brightness; air: share of haze."""
  h, w = canvas.shape[:2]
  r = place['radius']
  x0, x1 = int(max(0, place['x'] - 1.7 * r)), int(min(w, place['x'] + 1.7 * r))
  y0, y1 = int(max(0, place['y'] - 1.5 * r)), int(min(h, place['y'] + 2.5 * r))
  if x0 >= x1 or y0 >= y1:
    return
  yy, xx = np.mgrid[y0:y1, x0:x1].astype(F32) + F32(0.5)
  xx, yy = (xx - place['x']) / r, (yy - place['y']) / r
  c, s = np.cos(place['lean']), np.sin(place['lean'])
  x, y = c * xx + s * yy, -s * xx + c * yy
  x = x - place['wobble'] * (0.05 * (y + 0.2) ** 2 + 0.02 * np.sin(3 * y))  # cloth in the wind
  x = x / (1 + 0.02 * place['wobble'])
  soft = F32(1.0 / r)  # a pixel

  # Envelope: a sphere above, a taper below.
  taper = 1 - 0.80 * (np.clip(y, 0, 1.3) / 1.3) ** 1.75
  profile = np.where(y < 0, np.sqrt(np.clip(1 - y * y, 0, 1)), taper)
  profile = profile * (1 + 0.015 * place['wobble'] * np.sin(5 * y + 1))
  alpha = smooth(profile - np.abs(x), -0.5 * soft, 0.5 * soft) * (y > -1) * smooth(1.3 - y, 0, soft)
  side = np.clip(x / np.maximum(profile, 1e-3), -1, 1)
  front = np.sqrt(1 - side * side)
  around = np.arcsin(side) / (2 * np.pi) + place['spin']
  down = y - 0.10 * front * profile
  colour = pattern(around % 1, down)
  slope = np.where(y < 0, y, 0.80 * 1.75 / 1.3 * (np.clip(y, 0, 1.3) / 1.3) ** 0.75)
  rise = np.where(y < 0, np.clip(profile, 0.02, 1), 1.0)
  phase = (around * n_gores) % 1 - 0.5
  nx, nz = side + 0.30 * phase * front, front - 0.30 * phase * side  # each gore bulges
  length = np.sqrt((nx * nx + nz * nz) * rise * rise + slope * slope)
  nx, ny, nz = nx * rise / length, slope / length, nz * rise / length
  lambert = nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]
  sun = np.clip((lambert + 0.18) / 1.18, 0, 1)
  shade = sun[..., None] * np.array([1.02, .94, .80], F32) + np.array([.32, .36, .44], F32)
  shade = shade + np.clip(ny, 0, 1)[..., None] * np.array([.06, .08, .02], F32)  # from the meadows
  seam = 1 - 0.30 * np.exp(-((0.5 - np.abs(phase)) / (n_gores * 0.0035 / np.maximum(front, .1))) ** 2)
  ring = 1 - 0.10 * np.exp(-((((down * 4.5) % 1) - 0.5) / 0.07) ** 2)
  colour = colour * shade * (seam * ring)[..., None]
  half = LIGHT + np.array([0, 0, 1], F32)
  half = half / np.linalg.norm(half)
  shine = np.clip(nx * half[0] + ny * half[1] + nz * half[2], 0, 1) ** 24
  colour = colour + 0.20 * shine[..., None]
  heat = place['fire'] * np.exp(-((y - 1.35) / 0.75) ** 2) * (0.4 + 0.6 * front)
  colour = colour + heat[..., None] * np.array([.75, .42, .10], F32)

  def over(tone, cover):
    nonlocal colour, alpha
    colour = lerp(colour, tone, cover[..., None])
    alpha = np.maximum(alpha, cover)

  # Skirt, ropes, basket, and the flame between them.
  inside = 0.20 + 0.10 * (y - 1.3) / 0.16
  skirt = smooth(inside - np.abs(x), -0.5 * soft, 0.5 * soft) * (y >= 1.29) * smooth(1.46 - y, 0, soft)
  cloth = NAVY * (0.75 + 0.5 * smooth(-x, -0.2, 0.25))[..., None] + heat[..., None] * 0.5
  over(cloth.astype(F32), skirt)
  fall = np.clip((y - 1.44) / 0.34, 0, 1)
  for top, foot in ((-0.22, -0.15), (0.22, 0.15), (-0.10, -0.06), (0.10, 0.06)):
    off = np.abs(x - lerp(top, foot, fall))
    rope = smooth(0.012 + 0.5 * soft - off, 0, soft) * (y > 1.44) * (y < 1.80)
    over(rgb('3a2a1c') + 0 * x[..., None], rope)
  flame = np.exp(-((x / 0.045) ** 2)) * smooth(y, 1.40, 1.62) * smooth(1.70 - y, 0, 0.03)
  over(np.array([1.6, 1.15, .45], F32) + 0 * x[..., None], place['fire'] * flame)
  wide = 0.17 - 0.03 * np.clip((y - 1.76) / 0.30, 0, 1) ** 2
  basket = smooth(wide - np.abs(x), -0.5 * soft, 0.5 * soft)
  basket = basket * smooth(y - 1.76, 0, soft) * smooth(2.06 - y, 0, soft)
  weave = 0.72 + 0.28 * np.sign(np.sin(x * 150) * np.sin(y * 110))
  wicker = rgb('9a6a36') * (weave * (0.65 + 0.75 * smooth(-x, -0.2, 0.2)))[..., None]
  wicker = lerp(wicker, rgb('5a3517'), ((y < 1.80) | (y > 2.02))[..., None])
  over(wicker.astype(F32), basket)
  for head in (-0.07, 0.05):  # two people look out
    face = (x - head) ** 2 + ((y - 1.70) * 0.9) ** 2
    over(rgb('e2b48c') * (0.75 + 0.3 * smooth(-(x - head), -.04, .04))[..., None],
         smooth(0.042**2 - face, 0, 0.05 * soft))
    hair = smooth(0.044**2 - face, 0, 0.05 * soft) * (y < 1.69)
    over(rgb('3b2416' if head < 0 else 'b5762c') + 0 * x[..., None], hair)

  haze = np.array([.80, .80, .80], F32)
  colour = lerp(colour * place['lit'], haze, F32(place['air']))
  area = canvas[y0:y1, x0:x1]
  area[..., :3] = lerp(area[..., :3], colour, alpha[..., None])
  area[..., 3:] *= 1 - alpha[..., None]
  area[..., 3 + place['id']] += alpha


def curve(points, n=24):
  """A closed smooth line through the points (Catmull-Rom)."""
  p = np.array(points, float)
  t = np.linspace(0, 1, n, endpoint=False)[:, None]
  out = []
  for i in range(len(p)):
    a, b, c, d = p[i - 1], p[i], p[(i + 1) % len(p)], p[(i + 2) % len(p)]
    out.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
                      + (3 * b - a - 3 * c + d) * t**3))
  return np.concatenate(out)


class Butterfly:
  """One pair of wings seen flat, drawn once; flapping squeezes it towards the body."""
  SIDE = 512
  FORE = [(0.02, 0.00), (0.10, 0.32), (0.34, 0.66), (0.72, 0.92), (0.90, 0.88), (0.86, 0.62),
          (0.66, 0.30), (0.40, 0.06), (0.05, -0.06)]
  HIND = [(0.00, 0.06), (0.34, 0.20), (0.64, 0.14), (0.78, -0.12), (0.68, -0.44), (0.46, -0.64),
          (0.22, -0.60), (0.03, -0.34)]

  def __init__(self):
    big = self.SIDE * 2
    image = Image.new('RGBA', (big, big), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)

    def at(points, scale=1.0, centre=(0, 0)):
      p = (np.asarray(points, float) - centre) * scale + centre
      return [(float(x * big), float((0.98 - y) / 1.7 * big)) for x, y in p]

    for shape, centre, warm, deep in ((self.HIND, (0.38, -0.18), (255, 176, 46), (214, 84, 18)),
                                      (self.FORE, (0.50, 0.44), (255, 150, 28), (226, 70, 14))):
      outline = curve(shape)
      draw.polygon(at(outline), fill=(28, 18, 16, 255))
      for i in range(8):
        t = i / 7
        tone = tuple(int(lerp(d, w, t)) for d, w in zip(deep, warm))
        draw.polygon(at(outline, 0.82 - 0.09 * i, centre), fill=tone + (255,))
      for k in range(2, len(outline), 22):  # veins
        (x, y), = at([outline[k]])
        ox, oy = at([(0.06, 0.02)])[0]
        draw.line([(ox, oy), (x, y)], fill=(38, 20, 14, 255), width=big // 110)
      for k in range(0, len(outline), 13):  # pale dots in the border
        p = (outline[k] - centre) * 0.92 + centre
        if p[0] > 0.22:
          (x, y), = at([p])
          s = big / 85
          draw.ellipse([x - s, y - s, x + s, y + s], fill=(255, 246, 224, 255))
    self.wing = image.resize((self.SIDE, self.SIDE), Image.LANCZOS)

  def add(self, canvas, place):
    """place: x, y, span of one wing in px, heading in radians, flap in radians, id, lit."""
    h, w = canvas.shape[:2]
    span = place['span']
    reach = int(1.4 * span)
    x0, x1 = max(0, int(place['x']) - reach), min(w, int(place['x']) + reach)
    y0, y1 = max(0, int(place['y']) - reach), min(h, int(place['y']) + reach)
    if x0 >= x1 or y0 >= y1:
      return
    size = (x1 - x0, y1 - y0)
    c, s = np.cos(place['heading']), np.sin(place['heading'])
    ahead = np.array([c, s])      # on the screen
    aside = np.array([-s, c])
    layers = []
    for sign in (-1, 1):
      lift = place['flap'] if sign < 0 else 0.85 * place['flap'] + 0.25
      out = sign * aside * np.cos(lift) + np.array([0, -1]) * 0.75 * np.sin(lift)
      m = np.stack([out, ahead], 1) * span  # wing (x out, y ahead) to screen
      if abs(np.linalg.det(m)) < 0.02 * span * span:
        m[:, 0] += 0.04 * span * aside * sign
      m = np.linalg.inv(m)
      x, y = m @ np.array([x0 - place['x'], y0 - place['y']])
      sx, sy = self.SIDE, -self.SIDE / 1.7
      data = (m[0, 0] * sx, m[0, 1] * sx, x * sx, m[1, 0] * sy, m[1, 1] * sy, (y - 0.98) * sy)
      shrink = max(1, int(self.SIDE / span / 1.2))
      wing = self.wing.reduce(shrink) if shrink > 1 else self.wing
      data = tuple(v / shrink for v in data)
      layer = np.asarray(wing.transform(size, Image.AFFINE, data, Image.BILINEAR), F32) / 255
      facing = 0.78 + 0.30 * np.cos(lift - 0.5 * sign)
      layers.append((layer[..., :3] ** F32(1.15) * F32(facing * place['lit']), layer[..., 3]))
    body = Image.new('L', (size[0] * 2, size[1] * 2), 0)
    draw = ImageDraw.Draw(body)

    def point(along, across):
      p = np.array([place['x'] - x0, place['y'] - y0]) + span * (ahead * along + aside * across)
      return tuple(float(v) * 2 for v in p)

    shape = curve([(0.30, 0), (0.24, 0.045), (0.12, 0.035), (0.02, 0.06), (-0.10, 0.05),
                   (-0.42, 0.02), (-0.42, -0.02), (-0.10, -0.05), (0.02, -0.06), (0.12, -0.035),
                   (0.24, -0.045)], 8)
    draw.polygon([point(a, b) for a, b in shape], fill=255)
    for sign in (-1, 1):
      tip = point(0.62, 0.20 * sign)
      draw.line([point(0.27, 0.02 * sign), point(0.46, 0.09 * sign), tip], fill=255,
                width=max(2, int(span / 40)))
      s = span / 22
      draw.ellipse([tip[0] - s, tip[1] - s, tip[0] + s, tip[1] + s], fill=255)
    cover = np.asarray(body.resize(size, Image.BOX), F32) / 255
    layers.append((np.array([.10, .075, .07], F32) + 0 * cover[..., None], cover))
    area = canvas[y0:y1, x0:x1]
    for colour, alpha in layers:
      area[..., :3] = lerp(area[..., :3], colour, alpha[..., None])
      area[..., 3:] *= 1 - alpha[..., None]
      area[..., 3 + place['id']] += alpha
