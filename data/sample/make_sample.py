#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the sample clip: sample.mp4 (960x540, 24 frames/s, 5 s, with sound), its truth/ (a PNG per
frame: 0 background, 1 and 2 the balloons, 3 the butterfly) and demo.json (the demo's click).

  make_sample.py            draws everything beside this file (about six minutes)
  make_sample.py --check    draws a few frames again and compares them with the files (seconds)
  make_sample.py --still N FILE.png   one frame

Needs python3-numpy, python3-pil and ffmpeg. Two runs on one machine give the same bytes."""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

import scenery
import sound
import subjects
from scenery import F32, lerp

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, HEIGHT, FPS, COUNT = 960, 540, 24, 120
DETAIL = 1.5   # drawn larger by this, then reduced
SHUTTER = 0.5  # of a frame
BLUR_STEPS = 4
CLICKED = 1    # the demo's subject
PALETTE = [0, 0, 0, 220, 50, 47, 42, 161, 152, 255, 176, 46]


def ease(t):
  return t * t * (3 - 2 * t)


def fire(t, bursts):
  level = 0.0
  for start, end in bursts:
    if start <= t <= end:
      level = max(level, min(1, (t - start) / 0.12, (end - t) / 0.25))
  return level * (0.85 + 0.15 * np.sin(61 * t) * np.sin(37 * t))


def camera(t):
  """The camera's way at t seconds: a slow pan to the right, a drift, a slight zoom."""
  p = ease(t / 5)
  zoom = 1 + 0.05 * p
  return {'x': 1985 + 26 * p, 'y': 236 - 5 * p, 'z': 40 + 12 * t, 'yaw': -0.035 + 0.075 * p,
          'focal': WIDTH * DETAIL * 0.95 * zoom,
          'horizon': HEIGHT * DETAIL * (0.535 + 0.006 * np.sin(1.3 * t))}


def places(t):
  """Where the subjects are at t seconds, from far to near; lengths in pixels of the result."""
  zoom = 1 + 0.05 * ease(t / 5)
  far = {'id': 2, 'x': 735 - 118 * t, 'y': 176 + 6 * np.sin(1.1 * t) - 5 * t,
         'radius': 61 * zoom * (1 + 0.010 * t), 'lean': 0.035 * np.sin(1.2 * t + 2),
         'spin': 0.2 + 0.055 * t, 'wobble': np.sin(1.9 * t), 'fire': fire(t, [(2.9, 3.9)]),
         'lit': 0.98, 'air': 0.12}
  near = {'id': 1, 'x': 318 + 46 * t + 10 * np.sin(0.9 * t), 'y': 203 + 9 * np.sin(1.25 * t + 0.6),
          'radius': 118 * zoom * (1 + 0.008 * t), 'lean': 0.060 * np.sin(1.15 * t - 0.4),
          'spin': 0.035 * t + 0.02, 'wobble': np.sin(1.5 * t + 0.8),
          'fire': fire(t, [(0.5, 1.5), (4.1, 4.8)]), 'lit': 1.0, 'air': 0.0}
  u = max(0, t / 4.1)
  fly = {'id': 3, 'x': 60 + 985 * u ** 1.12, 'y': 440 - 250 * u + 42 * np.sin(5.2 * t + 0.5),
         'span': 66 + 10 * u,
         'heading': np.arctan2(-0.42 + 0.75 * np.cos(5.2 * t + 0.5), 1.25),
         'flap': 0.55 + 0.72 * np.sin(2 * np.pi * 3.1 * t), 'lit': 1.05}
  return far, near, fly


def draw(index, scene, butterfly):
  """Frame `index` as 8-bit RGB and the object ids."""
  w, h = int(WIDTH * DETAIL), int(HEIGHT * DETAIL)
  back = scene.render(w, h, camera(index / FPS), index / FPS)
  total = np.zeros((h, w, 7), F32)
  for step in range(BLUR_STEPS):
    t = (index + SHUTTER * (step / BLUR_STEPS - 0.5)) / FPS
    canvas = np.zeros((h, w, 7), F32)
    canvas[..., :3] = back
    canvas[..., 3] = 1
    far, near, fly = places(t)
    for place in (far, near, fly):
      for key in ('x', 'y', 'radius', 'span'):
        if key in place:
          place[key] *= DETAIL
    subjects.balloon(canvas, far, subjects.stripes_teal, 16)
    subjects.balloon(canvas, near, subjects.stripes_crimson, 18)
    butterfly.add(canvas, fly)
    total += canvas
  total /= BLUR_STEPS
  reduced = np.stack([np.asarray(Image.fromarray(total[..., c]).resize((WIDTH, HEIGHT), Image.BOX))
                      for c in range(7)], -1)
  rng = np.random.default_rng(1000 + index)
  return (scenery.finish(reduced[..., :3], rng, 0.008),
          np.argmax(reduced[..., 3:], -1).astype(np.uint8))


def save_truth(ids, path):
  image = Image.fromarray(ids, 'P')
  image.putpalette(PALETTE)
  image.save(path, optimize=True)


def encode(frames, wav, path):
  command = ['ffmpeg', '-v', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'rgb24',
             '-s', f'{WIDTH}x{HEIGHT}', '-r', str(FPS), '-i', '-', '-i', wav,
             '-vf', 'scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int',
             '-c:v', 'libx264', '-preset', 'slow', '-crf', '21', '-pix_fmt', 'yuv420p',
             '-threads', '1', '-colorspace', 'bt709', '-color_primaries', 'bt709',
             '-color_trc', 'bt709', '-color_range', 'tv', '-c:a', 'aac', '-b:a', '96k', '-shortest',
             '-fflags', '+bitexact', '-flags:v', '+bitexact', '-flags:a', '+bitexact',
             '-movflags', '+faststart', path]
  process = subprocess.Popen(command, stdin=subprocess.PIPE)
  for frame in frames:
    process.stdin.write(frame.tobytes())
  process.stdin.close()
  if process.wait() != 0:
    sys.exit('make_sample.py: ffmpeg failed')


def click(ids):
  """A pixel well inside the demo's subject: the middle of its thickest part."""
  inside = ids == CLICKED
  depth = np.zeros(ids.shape, int)
  while inside.any():
    depth += inside
    inside = (inside & np.roll(inside, 1, 0) & np.roll(inside, -1, 0)
              & np.roll(inside, 1, 1) & np.roll(inside, -1, 1))
  y, x = np.nonzero(depth == depth.max())
  return [float(x[len(x) // 2]) + 0.5, float(y[len(y) // 2]) + 0.5]


def make():
  scene, butterfly = scenery.Scenery(), subjects.Butterfly()
  truth = os.path.join(HERE, 'truth')
  os.makedirs(truth, exist_ok=True)

  def frames():
    for index in range(COUNT):
      image, ids = draw(index, scene, butterfly)
      save_truth(ids, os.path.join(truth, f'{index:05d}.png'))
      if index == 0:
        prompt = {'frame': 0, 'points': [click(ids)], 'labels': [1]}
        names = {'id': CLICKED, 'name': 'balloon', 'prompts': [prompt]}
        with open(os.path.join(HERE, 'demo.json'), 'w', encoding='utf-8') as f:
          f.write(json.dumps({'objects': [names]}, indent=2) + '\n')
      print(f'\rframe {index + 1} of {COUNT}', end='', file=sys.stderr, flush=True)
      yield image
    print(file=sys.stderr)

  with tempfile.TemporaryDirectory() as folder:
    wav = os.path.join(folder, 'sound.wav')
    sound.write(wav, COUNT / FPS, [(0.5, 1.5), (4.1, 4.8)], [(2.9, 3.9)])
    encode(frames(), wav, os.path.join(HERE, 'sample.mp4'))


def check():
  """Compares a few frames with what is committed. Truth: at most a few edge pixels (libm differs
  between machines). Picture: what coding may cost, 30 dB."""
  scene, butterfly = scenery.Scenery(), subjects.Butterfly()
  raw = subprocess.run(['ffmpeg', '-v', 'error', '-i', os.path.join(HERE, 'sample.mp4'),
                        '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'], check=True,
                       stdout=subprocess.PIPE).stdout
  clip = np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)
  results = [('frames', len(clip) == COUNT, f'{len(clip)}')]
  for index in (0, 47, COUNT - 1):
    image, ids = draw(index, scene, butterfly)
    known = np.asarray(Image.open(os.path.join(HERE, 'truth', f'{index:05d}.png')))
    wrong = int((known != ids).sum())
    results.append((f'truth {index}', wrong <= 20, f'{wrong} pixels differ'))
    error = np.mean((clip[index].astype(F32) - image) ** 2)
    level = 10 * np.log10(255**2 / error)
    results.append((f'picture {index}', level > 30, f'{level:.1f} dB'))
  for name, good, note in results:
    print('ok  ' if good else 'FAIL', name, note)
  failed = sum(not good for _, good, _ in results)
  print(f'{len(results) - failed} passed, {failed} failed')
  return 1 if failed else 0


def main(arguments):
  if arguments == ['--check']:
    return check()
  if len(arguments) == 3 and arguments[0] == '--still':
    image, _ = draw(int(arguments[1]), scenery.Scenery(), subjects.Butterfly())
    Image.fromarray(image).save(arguments[2])
    return 0
  if arguments:
    print(__doc__, file=sys.stderr)
    return 2
  make()
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
