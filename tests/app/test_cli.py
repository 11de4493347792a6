#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""masklet-cli's commands apart from tracking, its usage and what it says of bad input.

test_cli.py MASKLET_CLI SEED_WEIGHTS TEST_PROMPT"""
import json
import os
import resource
import signal
import subprocess
import sys

import numpy as np
from PIL import Image

from cli_harness import (FRAMES, MICRO, ROOT, check, counts, end_group, end_tests, expect, ffmpeg,
                         left_over, make_clip, micro, paths, probe, run, set_up, skip, tear_down,
                         track, work)

SAMPLE = os.path.join(ROOT, 'data/sample/sample.mp4')
MEDIA = os.path.join(ROOT, 'tests/data/media')


def test_usage():
  commands = [[], ['info'], ['track'], ['model'], ['model', 'info'], ['model', 'convert'], ['bench']]
  for command in commands:
    for flag in ('--help', '-h'):
      result = run(*command, flag)
      expect(result, 0, what=f'{command} {flag}')
      check('Example' in result.out and 'masklet-cli' in result.out, f'{command} {flag}: an example',
            result.out)
  expect(run('help'), 0, what='help')
  version = run('--version')
  check(version.code == 0 and version.out.startswith('masklet-cli ') and
        version.out.split()[1][0].isdigit(), '--version', version.out)
  for args in ([], ['frobnicate'], ['info'], ['info', 'a', 'b'], ['info', '--nonsense', 'a'],
               ['model'], ['model', 'frobnicate'], ['model', 'info'], ['model', 'convert', 'a'],
               ['model', 'convert', 'a', 'b', '--dtype', 'int4'], ['bench', 'file'],
               ['bench', '--size', '12'], ['bench', '--size', '33x33'], ['bench', '--frames', '1'],
               ['bench', '--objects', '0'], ['bench', '--backend', 'abacus'],
               ['bench', '--precision', 'fp8'], ['bench', '--threads', '-1'], ['track']):
    result = run(*args)
    expect(result, 2, 'masklet-cli: ', '--help', what=f'usage {args}')
    check(result.out == '', f'usage {args}: nothing on standard output', result.out)
  end_group('usage')


def test_track_usage():
  click = ['--object', '1', '--point', '5,5']
  for args, text in (
      ([], 'nothing to track'),
      (['--point', '5,5'], '--point comes before any --object'),
      (['--box', '1,2,3,4', '--object', '1'], '--box comes before any --object'),
      (['--object', '0', '--point', '5,5'], '--object 0'),
      (['--object', 'x', '--point', '5,5'], '--object x'),
      (['--object', '1', '--point', '5'], '--point 5'),
      (['--object', '1', '--point', '5,5,5'], '--point 5,5,5'),
      (['--object', '1', '--point', '5,nan'], '--point 5,nan'),
      (['--object', '1', '--negative', ''], '--negative'),
      (['--object', '1', '--box', '1,2,3'], '--box 1,2,3'),
      (['--object', '1', '--box', '1,2,3,4', '--box', '1,2,3,4'], 'has a box'),
      (['--object', '1', '--mask', 'a.png', '--mask', 'b.png'], 'has a mask'),
      (['--object', '1', '--frame', '-1', '--point', '5,5'], '--frame -1'),
      (click + ['--range', '5'], '--range 5'),
      (click + ['--range', '5:4'], '--range 5:4'),
      (click + ['--range', 'a:b'], '--range a:b'),
      (click + ['--direction', 'up'], '--direction up'),
      (click + ['--backend', 'abacus'], '--backend abacus'),
      (click + ['--precision', 'fp8'], '--precision fp8'),
      (click + ['--threads', 'two'], 'two'),
      (click + ['--threads', '-2'], '--threads -2'),
      (click + ['--hole-area', '-2'], '--hole-area -2'),
      (click + ['--grow', '1e9'], 'grow'),
      (click + ['--export', 'davis'], 'KIND=PATH'),
      (click + ['--export', 'davis='], 'KIND=PATH'),
      (click + ['--export', 'gif=x.gif'], 'unknown kind'),
      (click + ['--export', 'davis=x', '--export', 'matte-png=./x'], 'another export'),
      (click + ['--prompts', 'x.json'], 'not both'),
      (click + ['--frobnicate'], '--frobnicate')):
    expect(run('track', SAMPLE, *args), 2, text, '--help', what=f'track {args}')
  expect(run('track', SAMPLE, SAMPLE, *click), 2, 'one file', what='two clips')
  end_group('usage of track')


# ---- info --------------------------------------------------------------------------------------

def test_info():
  clips = [SAMPLE] + [os.path.join(MEDIA, name) for name in sorted(os.listdir(MEDIA))
                      if name.endswith('.mp4')]
  for clip in clips:
    truth = probe(clip)
    result = run('info', clip, '--json')
    expect(result, 0, what=f'info {clip}')
    found = json.loads(result.out)['video']
    check(str(found['frames']) == truth['nb_read_frames'], f'{clip}: frames',
          (found['frames'], truth['nb_read_frames']))
    turned = any(abs(side.get('rotation', 0)) % 180 == 90
                 for side in truth.get('side_data_list', []))
    size = (truth['height'], truth['width']) if turned else (truth['width'], truth['height'])
    check((found['width'], found['height']) == size, f'{clip}: size', found)
    text = run('info', clip)
    expect(text, 0, what=f'info {clip} as text')
    check(str(found['frames']) in text.out and f'{size[0]} x {size[1]}' in text.out,
          f'{clip}: text', text.out)
  found = json.loads(run('info', FRAMES, '--json').out)['video']
  check(found['frames'] == 24 and found['width'] == 480, 'a folder of images', found)
  found = json.loads(run('info', os.path.join(FRAMES, '%05d.png'), '--json').out)['video']
  check(found['frames'] == 24, 'a pattern of images', found)
  expect(run('info', '--check', clips[1]), 0, what='info --check')
  end_group('info')


def make_bad_clips():
  text, sound, half, empty = (work(name) for name in
                              ('text.mp4', 'sound.m4a', 'half.mp4', 'empty.mp4'))
  with open(text, 'w') as file:
    file.write('This is not a film, it is a text.\n' * 50)
  ffmpeg('-f', 'lavfi', '-i', 'sine=duration=1', '-c:a', 'aac', sound)
  with open(SAMPLE, 'rb') as file:
    data = file.read()
  # The sample's index may be at either end: the front half must still lack something.
  with open(half, 'wb') as file:
    file.write(data[:200])
  open(empty, 'wb').close()
  os.mkdir(work('nothing'))
  return [(work('missing.mp4'), 'missing.mp4'), (text, 'text.mp4'), (sound, 'sound.m4a'),
          (half, 'half.mp4'), (empty, 'empty.mp4'), (work('nothing'), 'nothing'),
          (work('none-%05d.png'), 'none-%05d.png')]


def test_bad_clips():
  for clip, name in make_bad_clips():
    result = run('info', clip)
    expect(result, 3, name, what=f'info {name}')
    check(result.out == '' and len(result.err.splitlines()) == 1, f'info {name}: one message',
          result.err)
    out = work('bad-clip')
    os.makedirs(out, exist_ok=True)
    result = track(clip, '--object', 1, '--point', '5,5', '--export', f'davis={out}/d')
    expect(result, 3, name, what=f'track {name}')
    check(left_over(out) == [] and os.listdir(out) == [], f'track {name}: nothing left',
          left_over(out))
  # A clip that ends too early plays as far as it goes.
  whole, short = make_clip(work('whole.mkv'), 40), work('short.mkv')
  with open(whole, 'rb') as file:
    data = file.read()
  with open(short, 'wb') as file:
    file.write(data[:len(data) // 2])
  found = json.loads(run('info', short, '--json').out)['video']
  check(0 < found['frames'] < 40, 'a truncated clip', found)
  result = track(short, '--object', 1, '--point', '5,5', '--export', f'davis={work("short")}')
  expect(result, 0, 'short.mkv', what='a truncated clip')
  check(len([f for f in os.listdir(work('short')) if f.endswith('.png')]) == found['frames'],
        'a truncated clip: its frames', os.listdir(work('short')))
  end_group('clips that cannot be read')


# ---- model -------------------------------------------------------------------------------------

def read_safetensors(path):
  with open(path, 'rb') as file:
    data = file.read()
  size = int.from_bytes(data[:8], 'little')
  return json.loads(data[8:8 + size]), data[8 + size:]


def values(entry, data):
  raw = data[entry['data_offsets'][0]:entry['data_offsets'][1]]
  if entry['dtype'] == 'BF16':
    return (np.frombuffer(raw, '<u2').astype(np.uint32) << 16).view(np.float32)
  return np.frombuffer(raw, {'F32': '<f4', 'F16': '<f2'}[entry['dtype']]).astype(np.float32)


def test_model():
  found = json.loads(run('model', 'info', paths['model'], '--json').out)
  check(found['image_size'] == 256 and found['version'] == '2.1' and
        found['variant'] == 'custom', 'model info --json', found)
  header, data = read_safetensors(paths['model'])
  header.pop('__metadata__')
  n = sum(int(np.prod(entry['shape'])) for entry in header.values())
  check(found['parameters'] == n, 'model info: parameters', (found, n))
  text = run('model', 'info', paths['model'])
  check(text.code == 0 and '256 x 256' in text.out, 'model info', text.out)
  text = run('model', 'info', paths['model'], env={**os.environ, 'SAM2_CUDA_MODULE': '/nowhere.so'})
  check('not used: the CUDA backend cannot be loaded: /nowhere.so' in text.out, 'why no CUDA', text.out)
  check(json.loads(run('model', 'info', 'starter', '--json').out)['file'].endswith(
    'starter.safetensors'), 'the bundled model by name')
  # Names of the user's folder, short names of the published files, the folder of the environment.
  folder = work('xdg', 'masklet', 'models')
  os.makedirs(folder)
  os.link(paths['model'], os.path.join(folder, 'mine.safetensors'))
  os.link(paths['model'], os.path.join(folder, 'sam2.1_hiera_tiny.safetensors'))
  for name in ('mine', 'tiny'):
    check(json.loads(run('model', 'info', name, '--json').out)['file'].startswith(folder),
          f'the model named {name}')
  os.makedirs(work('models'))
  os.link(paths['model'], work('models', 'other.safetensors'))
  result = run('model', 'info', 'other', '--json', env={**os.environ, 'MASKLET_MODELS': work('models')})
  check(result.code == 0, 'a model in $MASKLET_MODELS', result.err)
  expect(run('model', 'info', 'nobody'), 3, '"nobody"', 'starter', what='a name nobody has')

  truth = {name: values(entry, data) for name, entry in header.items()}
  for dtype, relative in (('fp32', 0), ('fp16', 2 ** -11), ('bf16', 2 ** -8)):
    out = work(f'{dtype}.safetensors')
    expect(run('model', 'convert', paths['model'], out, '--dtype', dtype), 0, what=f'to {dtype}')
    entries, blob = read_safetensors(out)
    check('__metadata__' in entries, f'{dtype}: configuration')
    entries.pop('__metadata__')
    check(entries.keys() == truth.keys(), f'{dtype}: names')
    worst = max(np.max(np.abs(values(entry, blob) - truth[name]) -
                       relative * np.abs(truth[name]) - (0 if dtype == 'fp32' else 1e-7))
                for name, entry in entries.items())
    check(worst <= 0, f'{dtype}: values', worst)
    check(run('model', 'info', out).code == 0, f'{dtype}: opens')
  end_group('models')


def test_bad_models():
  text, short = work('text.safetensors'), work('short.safetensors')
  with open(text, 'w') as file:
    file.write('no model\n' * 100)
  with open(paths['model'], 'rb') as file:
    data = file.read()
  with open(short, 'wb') as file:
    file.write(data[:len(data) // 2])
  bare = os.path.join(MICRO, 'model.pt')  # of a size that only its configuration would tell
  for path in (work('missing.pt'), text, short, bare, work('models')):
    name = os.path.basename(path)
    expect(run('model', 'info', path if '/' in path else './' + path), 3, name,
           what=f'model info {name}')
    out = work('bad-model')
    os.makedirs(out, exist_ok=True)
    expect(run('model', 'convert', path, os.path.join(out, 'x.safetensors')), 3, name,
           what=f'model convert {name}')
    result = run('track', SAMPLE, '--model', path, '--object', 1, '--point', '5,5', '--export',
                 f'davis={out}/d')
    expect(result, 3, name, what=f'track with {name}')
    expect(run('bench', '--model', path), 3, name, what=f'bench with {name}')
    check(os.listdir(out) == [], f'{name}: nothing left', os.listdir(out))
  out = work('text.mp4', 'x.safetensors')
  expect(run('model', 'convert', paths['model'], out), 1, 'text.mp4', what='below a file')
  expect(run('model', 'convert', paths['model'], work('no', 'x.safetensors')), 1, 'x.safetensors',
         what='no such folder')
  result = run('track', SAMPLE, '--model', paths['model'], '--backend', 'cuda', '--object', 1,
               '--point', '5,5')
  if result.code != 0:
    expect(result, 1, 'cuda', what='no cuda')
  end_group('models that cannot be used')


# ---- Prompts -----------------------------------------------------------------------------------

def test_masks(test_prompt):
  random = np.random.default_rng(3)
  grey = random.integers(0, 256, (37, 53), np.uint8)
  rgb = random.integers(0, 256, (37, 53, 3), np.uint8)
  alpha = random.integers(0, 256, (37, 53), np.uint8)
  labels = random.integers(0, 5, (37, 53), np.uint8)
  bits = random.integers(0, 2, (37, 53), np.uint8)
  deep = random.integers(0, 65536, (37, 53)).astype(np.uint16)
  palette = Image.fromarray(labels, 'P')
  palette.putpalette([i % 256 for i in range(768)])
  few = Image.fromarray(np.minimum(labels, 3), 'P')
  few.putpalette([0, 0, 0, 0, 0, 0, 1, 1, 1, 255, 255, 255])
  images = {
    'grey': (Image.fromarray(grey), grey >= 128),
    'rgb': (Image.fromarray(rgb), rgb.astype(int).sum(2) >= 384),
    'rgba': (Image.fromarray(np.dstack([rgb, alpha])), alpha >= 128),
    'la': (Image.fromarray(np.dstack([grey, alpha]), 'LA'), alpha >= 128),
    'palette': (palette, labels > 0),
    'two-bit palette': (few, labels > 0),
    'one bit': (Image.fromarray(bits * 255).convert('1'), bits > 0),
    '16 bit': (Image.fromarray(deep), deep.astype(float) * 255 / 65535 >= 127.5),
  }
  for name, (image, truth) in images.items():
    path, out = work('mask.png'), work('mask.raw')
    image.save(path, bits=2) if name == 'two-bit palette' else image.save(path)
    done = subprocess.run([test_prompt, '--mask', path, out], capture_output=True)
    found = np.fromfile(out, np.uint8).reshape(truth.shape) if done.returncode == 0 else None
    check(found is not None and np.array_equal(found > 0, truth), f'mask: {name}', done.stderr)
  ffmpeg('-f', 'lavfi', '-i', 'color=white:size=53x37', '-frames:v', 1, work('mask.jpg'))
  with open(work('mask.png'), 'rb') as file:
    data = file.read()
  with open(work('cut.png'), 'wb') as file:
    file.write(data[:len(data) // 2])
  for name in ('mask.jpg', 'cut.png', 'missing.png', 'nothing'):
    done = subprocess.run([test_prompt, '--mask', work(name), work('mask.raw')], capture_output=True)
    check(done.returncode == 1 and name.encode() in done.stderr, f'mask: {name}', done.stderr)
  end_group('masks from PNGs')


def test_bad_prompts():
  clip = make_clip(work('clip.mp4'), 20)  # 160 x 120
  out = work('bad-prompt')
  os.makedirs(out)
  Image.new('L', (50, 50), 255).save(work('small.png'))
  prompts = work('prompts.json')

  def bad(code, *texts, args=(), file=None):
    if file is not None:
      with open(prompts, 'w') as stream:
        stream.write(file)
      args = ['--prompts', prompts]
    result = track(clip, *args, '--export', f'davis={out}/d')
    expect(result, code, *texts, what=f'{texts}')
    check(os.listdir(out) == [] and result.out == '', f'{texts}: nothing left', os.listdir(out))

  bad(2, 'point 160,5 is outside', '160 x 120', args=['--object', 1, '--point', '160,5'])
  bad(2, 'point -1,5 is outside', args=['--object', 1, '--negative', '-1,5'])
  bad(2, 'box 0,0,161,10 is outside', args=['--object', 1, '--box', '0,0,161,10'])
  bad(2, 'box 5,5,5,10 is empty', args=['--object', 1, '--box', '5,5,5,10'])
  bad(2, 'frame 20', '0 to 19', args=['--object', 1, '--frame', 20, '--point', '5,5'])
  bad(2, 'frame 3', '5 to 9',
      args=['--range', '5:9', '--object', 1, '--frame', 3, '--point', '5,5'])
  bad(2, 'clip.mp4', '0 to 19', args=['--range', '5:20', '--object', 1, '--point', '5,5'])
  bad(2, 'object 2 has no prompts', args=['--object', 1, '--point', '5,5', '--object', 2])
  bad(2, 'small.png', '50 x 50', args=['--object', 1, '--mask', work('small.png')])
  bad(2, 'a mask goes without', args=['--object', 1, '--mask', work('small.png'), '--point', '5,5'])
  bad(3, 'missing.png', 'no such file', args=['--object', 1, '--mask', work('missing.png')])
  bad(3, 'text.mp4', 'not a PNG', args=['--object', 1, '--mask', work('text.mp4')])
  bad(3, 'nowhere.json', args=['--prompts', work('nowhere.json')])
  bad(3, 'prompts.json:1:', file='{"objects": [}')
  bad(3, 'prompts.json: object 1, prompt 1: unknown key "pionts"',
      file='{"objects":[{"id":1,"prompts":[{"frame":0,"pionts":[]}]}]}')
  bad(3, 'prompts.json: object 1: "prompts" is empty', file='{"objects":[{"id":1,"prompts":[]}]}')
  bad(2, 'prompts.json: object 4, frame 99',
      file='{"objects":[{"id":4,"prompts":[{"frame":99,"box":[1,1,9,9]}]}]}')
  end_group('prompts that cannot be used')


# ---- Exports -----------------------------------------------------------------------------------

def test_bad_exports():
  clip = work('clip.mp4')
  click = ['--object', 1, '--point', '50,50']
  out = work('bad-export')
  os.makedirs(os.path.join(out, 'full'))
  kept = os.path.join(out, 'full', 'kept.txt')
  for path in (kept, os.path.join(out, 'there.mov')):
    with open(path, 'w') as file:
      file.write('mine')
  before = left_over(out)

  def bad(code, *texts, exports, args=(), **options):
    exports = [item for export in exports for item in ('--export', export)]
    result = track(clip, *click, *exports, *args, '--json', **options)
    expect(result, code, *texts, what=f'{exports}')
    check(left_over(out) == before, f'{exports}: nothing left', left_over(out))
    return result

  result = bad(1, 'full', exports=[f'davis={out}/new', f'matte-png={out}/full'])
  check('mask' not in result.out, 'found before tracking', result.out)
  bad(1, 'there.mov', exports=[f'prores4444={out}/there.mov'])
  bad(1, 'nowhere', exports=[f'prores4444={out}/nowhere/x.mov'])
  bad(1, 'kept.txt', exports=[f'davis={kept}/x'])
  bad(1, '/proc', exports=['davis=/proc/x'])
  bad(2, 'x.avi', exports=[f'matte-video={out}/x.avi'])
  bad(2, 'pattern', exports=[f'matte-png={out}/x'], args=['--pattern', 'same.png'])
  if os.getuid() != 0:
    os.chmod(out, 0o555)
    bad(1, 'bad-export', exports=[f'davis={out}/new'])
    os.chmod(out, 0o755)

  # A limit on the size of files stands for a full disk.
  for kind, name, size in (('prores4444', 'x.mov', 30000), ('ffv1-alpha', 'x.mkv', 30000),
                           ('vp9-alpha', 'x.webm', 9000), ('rgba-png', 'x', 3000)):
    def limit():
      signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
      resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    bad(1, name, exports=[f'{kind}={out}/{name}'], preexec_fn=limit)

  # --overwrite replaces, and leaves what is not its own.
  result = track(clip, *click, '--range', '0:2', '--overwrite', '--export', f'davis={out}/full',
                 '--export', f'prores4444={out}/there.mov')
  expect(result, 0, what='--overwrite')
  check(open(kept).read() == 'mine' and probe(f'{out}/there.mov')['nb_read_frames'] == '3',
        '--overwrite', left_over(out))
  end_group('exports that cannot be written')


def test_full_disk():
  """A file system that is really full, where a namespace can mount one."""
  script = ('mount -t tmpfs -o size=300k none "$1" && shift && '
            '"$@"; code=$?; find "$OUT" -type f; exit $code')
  out = work('disk')
  os.makedirs(out)
  probe_mount = subprocess.run(['unshare', '-rm', 'mount', '-t', 'tmpfs', 'none', out],
                               capture_output=True)
  if probe_mount.returncode != 0:
    return skip('a full disk', 'no right to mount one')
  command = [paths['cli'], 'track', work('clip.mp4'), *map(str, micro()), '--object', '1', '--point',
             '50,50', '--export', f'rgba-png={out}/x']
  done = subprocess.run(['unshare', '-rm', 'sh', '-c', script, 'sh', out, *command],
                        capture_output=True, env={**os.environ, 'OUT': out})
  check(done.returncode == 1 and b'No space left' in done.stderr, 'a full disk',
        (done.returncode, done.stderr))
  check(done.stdout == b'', 'a full disk: nothing left', done.stdout)
  end_group('a full disk')


def test_bench():
  result = run('bench', *micro('--size', '160x120', '--frames', 19, '--objects', 2, '--json'))
  expect(result, 0, what='bench --json')
  found = json.loads(result.out)
  check(found['objects'] == 2 and found['frames'] == 19 and found['threads'] == 1, 'bench', found)
  for way in ('preloaded', 'decoded'):
    parts = found[way]['stage_ms_per_frame']
    total = found[way]['ms_per_frame']
    check(abs(sum(parts.values()) - total) < 1e-6 * total and min(parts.values()) > -0.05 * total,
          f'bench: stages of {way} add up', found[way])
    check(abs(found[way]['frames_per_second'] * total - 1000) < 1e-3, f'bench: rate of {way}', total)
    check('memory_full_frames_per_second' in found[way], f'bench: {way} with full memory')
  check(found['peak_memory'] > 1e6, 'bench: memory', found)
  result = run('bench', *micro('--size', '160x120', '--frames', 2))
  expect(result, 0, what='bench')
  check('frames/s' in result.out and 'peak memory' in result.out, 'bench as text', result.out)
  end_group('bench')


def main():
  set_up(sys.argv)
  try:
    test_usage()
    test_track_usage()
    test_info()
    test_bad_clips()
    test_model()
    test_bad_models()
    test_masks(os.path.abspath(sys.argv[3]))
    test_bad_prompts()
    test_bad_exports()
    test_full_disk()
    test_bench()
  finally:
    tear_down()
  end_tests()


main()
