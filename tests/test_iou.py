# SPDX-License-Identifier: Apache-2.0
"""test_iou.py IOU: the iou tool against numpy, and its refusals."""
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

results = []


def check(name, good, note=''):
  results.append(good)
  print('ok  ' if good else 'FAIL', name, note)


def save(folder, pattern, frames, size=None):
  os.makedirs(folder, exist_ok=True)
  for i, ids in enumerate(frames):
    image = Image.fromarray(ids, 'P')
    image.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    image.save(os.path.join(folder, pattern % i), optimize=i % 2 == 0)


def run(*arguments):
  done = subprocess.run([sys.argv[1], *arguments], capture_output=True, text=True, check=False)
  return done.returncode, done.stdout, done.stderr


def main():
  rng = np.random.default_rng(3)
  blocks = [np.kron(rng.integers(0, 4, (5, 7)), np.ones((8, 9))).astype(np.uint8) for _ in range(6)]
  blocks[4][blocks[4] == 2] = 0
  moved = [np.roll(b, (i, 2), (0, 1)) for i, b in enumerate(blocks)]
  with tempfile.TemporaryDirectory() as top:
    truth, result = os.path.join(top, 'truth'), os.path.join(top, 'result')
    save(truth, '%05d.png', blocks)
    save(result, 'clip.%04d.png', moved)
    expected = []
    for k in (1, 2, 3):
      each = []
      for a, b in zip(moved, blocks):
        either = ((a == k) | (b == k)).sum()
        each.append(((a == k) & (b == k)).sum() / either if either else 1.0)
      expected.append(f'object {k}: {np.mean(each):.3f}')
    code, out, _ = run(result, truth, '1', '2', '3')
    check('three objects as numpy says', code == 0 and out.splitlines()[:3] == expected,
          ' '.join(expected))
    code, out, _ = run(truth, truth, '2')
    check('a folder with itself', code == 0 and 'mean IoU 1.000 over 6 frames' in out)
    os.rename(os.path.join(result, 'clip.0003.png'), os.path.join(top, 'kept.png'))
    code, _, err = run(result, truth, '1')
    check('a missing frame is named', code == 1 and 'number 3' in err, err.strip())
    with open(os.path.join(top, 'kept.png'), 'rb') as f:
      data = f.read()
    with open(os.path.join(result, 'clip.0003.png'), 'wb') as f:
      f.write(data[:len(data) // 2])
    code, _, err = run(result, truth, '1')
    check('a cut file is named', code == 1 and 'clip.0003.png' in err, err.strip())
    save(result, 'clip.%04d.png', [b[:-1].copy() for b in blocks])
    code, _, err = run(result, truth, '1')
    check('sizes that differ', code == 1 and 'sizes differ' in err, err.strip())
    check('a folder that is not there', run(os.path.join(top, 'none'), truth, '1')[0] == 1)
    check('an ID that is none', run(result, truth, 'ball')[0] == 2)
  failed = results.count(False)
  print(f'{len(results) - failed} passed, {failed} failed')
  return 1 if failed else 0


sys.exit(main())
