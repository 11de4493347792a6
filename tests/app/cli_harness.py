# SPDX-License-Identifier: Apache-2.0
"""What the tests of masklet-cli share: running it, counting checks, oracles of others."""
import csv
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REFERENCE = os.path.join(ROOT, 'tests/data/reference')
FRAMES = os.path.join(REFERENCE, 'frames')
MICRO = os.path.join(REFERENCE, 'micro-2.1')
IS_SANITIZED = 'ASAN_OPTIONS' in os.environ or 'TSAN_OPTIONS' in os.environ

counts = {'passed': 0, 'failed': 0, 'skipped': 0}
group_counts = [0, 0]
paths = {}


def check(ok, what, detail=''):
  counts['passed' if ok else 'failed'] += 1
  group_counts[0 if ok else 1] += 1
  if not ok:
    print(f'failed: {what}\n  {str(detail)[:1500]}')
  return ok


def end_group(name):
  done, failed = group_counts
  print(f'{name}: {"FAILED" if failed else "ok"} ({done + failed} checks)', flush=True)
  group_counts[:] = [0, 0]


def skip(name, why):
  counts['skipped'] += 1
  print(f'{name}: skipped, {why}', flush=True)


def end_tests():
  text = f'{counts["passed"]} passed, {counts["failed"]} failed'
  print(text + (f', {counts["skipped"]} skipped' if counts['skipped'] else ''))
  sys.exit(1 if counts['failed'] else 0)


def set_up(argv):
  """argv: masklet-cli, seed_weights. Makes paths['work'] and the micro model in it."""
  paths['cli'], paths['seed'] = map(os.path.abspath, argv[1:3])
  paths['work'] = tempfile.mkdtemp(prefix='test-cli-')
  # Nothing of the user's; no models but those of the tree.
  os.environ['XDG_DATA_HOME'] = os.path.join(paths['work'], 'xdg')
  os.environ.pop('MASKLET_MODELS', None)
  os.environ['LC_ALL'] = 'C.UTF-8'
  paths['model'] = work('micro.safetensors')
  subprocess.run([paths['seed'], os.path.join(MICRO, 'model.json'), paths['model']], check=True)


def tear_down():
  shutil.rmtree(paths['work'], ignore_errors=True)


def work(*names):
  return os.path.join(paths['work'], *names)


class Result:
  def __init__(self, code, out, err):
    self.code, self.out, self.err = code, out, err

  def lines(self):
    return [json.loads(line) for line in self.out.splitlines()]

  def events(self, name):
    return [line for line in self.lines() if line['event'] == name]


def run(*args, timeout=300, **options):
  done = subprocess.run([paths['cli'], *map(str, args)], capture_output=True, timeout=timeout,
                        stdin=subprocess.DEVNULL, **options)
  return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def micro(*args):
  """Arguments that track with the micro model. One thread: this is about results, not speed."""
  return ['--model', paths['model'], '--backend', 'cpu', '--precision', 'fp32', '--threads', 1,
          *args]


def track(clip, *args, **options):
  return run('track', clip, *micro(*args), **options)


def expect(result, code, *texts, what=''):
  """The exit code, and texts that standard error must contain."""
  name = f'{what}: exit {code}'
  check(result.code == code, name, f'exit {result.code}\n{result.err}\n{result.out}')
  for text in texts:
    check(text in result.err, f'{what}: "{text}" on standard error', result.err)
  check('Sanitizer' not in result.err and 'CRITICAL' not in result.err and
        'WARNING' not in result.err, f'{what}: no complaint of a library', result.err)


def ffmpeg(*args):
  subprocess.run(['ffmpeg', '-v', 'error', '-y', *map(str, args)], check=True,
                 stdin=subprocess.DEVNULL)


def make_clip(path, n_frames, size='160x120', rate=25, gop=25):
  ffmpeg('-f', 'lavfi', '-i', f'testsrc2=size={size}:rate={rate}', '-frames:v', n_frames,
         '-c:v', 'libx264', '-g', gop, '-bf', 2, '-pix_fmt', 'yuv420p', path)
  return path


def probe(path, *entries, stream='v:0'):
  text = subprocess.run(
    ['ffprobe', '-v', 'error', '-count_frames', '-select_streams', stream, '-show_streams',
     '-show_format', '-of', 'json', path], capture_output=True, check=True).stdout
  found = json.loads(text)
  return found['streams'][0] if found.get('streams') else None


def n_video_frames(path):
  return int(probe(path)['nb_read_frames'])


def read_csv(path):
  with open(path, newline='') as file:
    return list(csv.DictReader(file))


def left_over(folder):
  """All files below a folder, hidden ones too."""
  return sorted(os.path.join(base, name) for base, _, names in os.walk(folder) for name in names)


def indexed(path):
  image = Image.open(path)
  assert image.mode == 'P', path
  return np.asarray(image)


# ---- The reference's tensors -------------------------------------------------------------------

def tensors(scenario):
  with open(os.path.join(MICRO, scenario + '.safetensors'), 'rb') as file:
    data = file.read()
  size = struct.unpack('<Q', data[:8])[0]
  header = json.loads(data[8:8 + size])
  found = {}
  for name, entry in header.items():
    if name != '__metadata__':
      begin, end = entry['data_offsets']
      values = np.frombuffer(data[8 + size + begin:8 + size + end], '<f4')
      found[name] = values.reshape(entry['shape'])
  return found


def tolerances(scenario):
  with open(os.path.join(MICRO, scenario + '.json')) as file:
    return json.load(file)['tolerance']


def resize(low, width, height):
  """Bilinear, align_corners = False, as torch does it."""
  def weights(n_out, n_in):
    at = np.maximum((np.arange(n_out) + 0.5) * n_in / n_out - 0.5, 0)
    first = np.minimum(np.floor(at).astype(int), n_in - 1)
    second = np.minimum(first + 1, n_in - 1)
    matrix = np.zeros((n_out, n_in))
    matrix[np.arange(n_out), first] += 1 - (at - first)
    matrix[np.arange(n_out), second] += at - first
    return matrix
  low = low.reshape(low.shape[-2:]).astype(np.float64)
  return weights(height, low.shape[0]) @ low @ weights(width, low.shape[1]).T


def iou(a, b):
  union = np.logical_or(a, b).sum()
  return 1.0 if union == 0 else np.logical_and(a, b).sum() / union


# ---- Programs that are interrupted -------------------------------------------------------------

class Running:
  """masklet-cli as a process whose JSON lines are read while it runs."""

  def __init__(self, *args, **options):
    self.process = subprocess.Popen([paths['cli'], *map(str, args)], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **options)
    self.seen = []

  def wait_for(self, event, n=1):
    """Reads lines until the n-th of an event."""
    while n > 0:
      line = self.process.stdout.readline()
      if not line:
        return False
      self.seen.append(json.loads(line))
      n -= self.seen[-1]['event'] == event
    return True

  def send(self, number):
    self.process.send_signal(number)

  def finish(self, timeout=120):
    start = time.monotonic()
    out, err = self.process.communicate(timeout=timeout)
    self.seconds = time.monotonic() - start
    self.seen += [json.loads(line) for line in out.splitlines()]
    return Result(self.process.returncode, '', err.decode())


SIGINT, SIGTERM = signal.SIGINT, signal.SIGTERM
