#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""masklet-cli track: its masks against the reference's, ranges and directions, exports, JSON lines,
interrupts, memory.

test_cli_track.py MASKLET_CLI SEED_WEIGHTS"""
import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
from PIL import Image

from cli_harness import (FRAMES, IS_SANITIZED, SIGINT, SIGTERM, Running, check, end_group, end_tests,
                         expect, indexed, iou, left_over, make_clip, micro, n_video_frames, paths,
                         probe, read_csv, resize, run, set_up, skip, tear_down, tensors, tolerances,
                         track, work)


def compare(name, scenario, objects, step, args, first, last):
  """Tracks frames/ and compares masks and scores with a step of a scenario."""
  out = work(name)
  result = track(FRAMES, *args, '--range', f'{first}:{last}', '--export', f'davis={out}', '--json')
  expect(result, 0, what=name)
  truth, tolerance = tensors(scenario), tolerances(scenario)
  found = {(line['frame'], line['object']): line for line in result.events('mask')}
  worst, n_wrong, n_compared = 1.0, 0, 0
  for row in read_csv(os.path.join(out, 'frames.csv')):
    frame, picture = int(row['index']), indexed(os.path.join(out, row['file']))
    taken = np.zeros(picture.shape, bool)
    for number in sorted(objects):
      prefix = f'step{step}.frame{frame}.object{number}.'
      low = truth[prefix + 'low_res_logits']
      logits = resize(low, 480, 270)
      # In the data set the lowest id has a pixel that several objects claim.
      mask, is_in = (logits > 0) & ~taken, picture == number
      if number == min(objects):
        worst = min(worst, iou(mask, is_in))
      # Logits are kept to 0.02 sqrt(1 + l^2) (mask.h); beyond that no pixel may differ.
      allowed = tolerance.get(prefix + 'low_res_logits')
      if allowed is not None:
        band = 0.02 * np.sqrt(1 + np.abs(low).max() ** 2) + allowed
        n_wrong += ((mask != is_in) & (np.abs(logits) > band) & ~taken).sum()
      taken |= is_in
      n_compared += 1
      allowed = tolerance.get(prefix + 'object_score')
      if allowed is not None:
        difference = abs(found[frame, number]['object_score'] -
                         float(truth[prefix + 'object_score'].reshape(-1)[0]))
        check(difference <= allowed, f'{prefix}object_score', (difference, allowed))
  check(n_compared == (last - first + 1) * len(objects), f'{name}: all compared', n_compared)
  check(n_wrong == 0 and worst > 0.99, f'{name}: masks', (n_wrong, worst))
  print(f'  {name}: {n_compared} masks, no pixel wrong beyond the logits\' rounding, '
        f'worst IoU {worst:.5f}' if n_wrong == 0 else f'  {name}: {n_wrong} pixels wrong')


def test_reference():
  none = ['--hole-area', 0, '--direction', 'forward']
  compare('one click', 'one_click_forward', [1], 1,
          ['--object', 1, '--point', '150,150', *none], 0, 23)
  compare('holes filled', 'fill_holes', [1, 2], 2,
          ['--object', 1, '--point', '150,150', '--object', 2, '--point', '380,90',
           '--direction', 'forward'], 0, 12)
  compare('from the middle', 'both_directions_from_middle', [5], 1,
          ['--object', 5, '--point', '221,137', *none], 11, 23)
  compare('another start', 'remove_unknown_and_reset', [4], 7,
          ['--object', 4, '--point', '365,95', *none], 2, 5)
  y, x = np.mgrid[0:270, 0:480]
  ellipse = ((x + .5 - 170) / 48) ** 2 + ((y + .5 - 146) / 45) ** 2 <= 1
  Image.fromarray((ellipse * 255).astype(np.uint8)).save(work('ellipse.png'))
  compare('a mask', 'mask_prompt', [1], 2, ['--object', 1, '--mask', work('ellipse.png'), *none],
          3, 15)
  end_group('masks as the reference has them')


def test_same_every_way():
  """Prompt files, backends and company give the same masks."""
  with open(work('prompts.json'), 'w') as file:
    json.dump({'objects': [
      {'id': 3, 'name': 'ball', 'prompts': [
        {'frame': 4, 'points': [[150.5, 150], [20, 20]], 'labels': [1, 0],
         'box': [105, 100, 200, 200]}]},
      {'id': 7, 'prompts': [{'frame': 9, 'points': [[380, 90]], 'labels': [1]},
                            {'frame': 2, 'mask': 'ellipse.png'}]}]}, file)
  ways = {
    'file': ['--prompts', work('prompts.json')],
    'options': ['--object', 3, '--frame', 4, '--point', '150.5,150', '--negative', '20,20',
                '--box', '105,100,200,200', '--object', 7, '--frame', 9, '--point', '380,90',
                '--frame', 2, '--mask', work('ellipse.png')],
    'alone': ['--object', 7, '--frame', 9, '--point', '380,90', '--frame', 2, '--mask',
              work('ellipse.png')],
    'ref': ['--prompts', work('prompts.json'), '--backend', 'ref'],
  }
  seen = {}
  for name, args in ways.items():
    result = track(FRAMES, *args, '--range', '0:14', '--json')
    expect(result, 0, what=name)
    seen[name] = {(line['frame'], line['object']): line for line in result.events('mask')}
  for way in ('file', 'options', 'ref'):
    check(set(seen[way]) == {(f, o) for f in range(15) for o in (3, 7)}, f'{way}: all frames',
          sorted(seen[way]))
  check(seen['file'] == seen['options'], 'a file and options say the same')
  check(seen['alone'] == {key: line for key, line in seen['file'].items() if key[1] == 7},
        'an object alone and in company')
  for key, line in seen['ref'].items():
    other = seen['file'][key]
    check(abs(line['object_score'] - other['object_score']) < 0.05 and
          abs(line['area'] - other['area']) <= 0.01 * 480 * 270, f'ref and cpu on {key}',
          (line, other))
  end_group('the same masks every way')


def test_directions():
  click = ['--object', 1, '--frame', 6, '--point', '182,144', '--frame', 12, '--point', '228,136']
  tracked = {}
  for direction, expected in (('both', range(2, 19)), ('forward', range(6, 19)),
                              ('backward', range(2, 13))):
    out = work(f'way-{direction}')
    result = track(FRAMES, *click, '--range', '2:18', '--direction', direction, '--json', '--export',
                   f'matte-png={out}')
    expect(result, 0, what=direction)
    lines = result.events('mask')
    tracked[direction] = {line['frame']: line for line in lines}
    check(sorted(tracked[direction]) == list(expected) and len(lines) == len(expected),
          f'{direction}: frames', [line['frame'] for line in lines])
    rows = read_csv(os.path.join(out, 'frames.csv'))
    check([int(row['index']) for row in rows] == list(range(2, 19)), f'{direction}: frames.csv', rows)
    for row in rows:
      matte = np.asarray(Image.open(os.path.join(out, row['file'])))
      line = tracked[direction].get(int(row['index']))
      check((matte > 127).sum() == (line['area'] if line else 0), f'{direction}: area', row)
      if line and line['bbox']:
        ys, xs = np.nonzero(matte > 127)
        check(line['bbox'] == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1],
              f'{direction}: bbox', (line, xs.min()))
  # What lies before, between and after depends on its own anchors only.
  for frame in (*range(6, 13), *range(13, 19)):
    check(tracked['both'][frame] == tracked['forward'][frame], f'frame {frame} both and forward')
  for frame in (*range(2, 7), 12):
    check(tracked['both'][frame] == tracked['backward'][frame], f'frame {frame} both and backward')
  end_group('ranges and directions')


def test_exports():
  clip, out = work('clip.mp4'), work('exports')
  make_clip(clip, 12)
  os.mkdir(out)
  kinds = {'matte-png': 'matte', 'matte-png16': 'matte16', 'rgba-png': 'rgba', 'davis': 'davis',
           'prores4444': 'p.mov', 'vp9-alpha': 'v.webm', 'ffv1-alpha': 'f.mkv',
           'matte-video': 'm.mp4'}
  exports = [item for kind, name in kinds.items() for item in ('--export', f'{kind}={out}/{name}')]
  result = track(clip, '--object', 1, '--frame', 5, '--point', '60,60', '--object', 2, '--box',
                 '20,20,90,90', '--json', *exports)
  expect(result, 0, what='all kinds')
  events = {line['kind']: line for line in result.events('export')}
  check(list(events) == list(kinds), 'an event for each export', list(events))
  for kind, name in kinds.items():
    path = os.path.join(out, name)
    check(events[kind]['paths'] == [path] and events[kind]['frames'] == 12, f'{kind}: event',
          events[kind])
    if os.path.isdir(path):
      n = len([name for name in os.listdir(path) if name.endswith('.png')])
      check(os.path.exists(os.path.join(path, 'frames.csv')), f'{kind}: frames.csv')
    else:
      n = n_video_frames(path)
    check(n == 12, f'{kind}: frames', n)
  # The alpha of all kinds is that of the data set.
  for index in range(12):
    inside = indexed(os.path.join(out, 'davis', f'{index:05d}.png')) > 0
    matte = np.asarray(Image.open(os.path.join(out, 'matte', f'clip.{index:04d}.png')))
    rgba = np.asarray(Image.open(os.path.join(out, 'rgba', f'clip.{index:04d}.png')))
    check(np.array_equal(matte, inside * 255) and np.array_equal(rgba[:, :, 3], matte),
          f'frame {index}: alpha')

  result = track(clip, '--object', 1, '--point', '60,60', '--object', 2, '--box', '20,20,90,90',
                 '--range', '3:6', '--export', f'matte-video={out}/one-{{id}}.mkv', '--export',
                 f'matte-png={out}/each', '--separate', '--first-number', 1001)
  expect(result, 0, what='separate')
  check(all(n_video_frames(f'{out}/one-{number}.mkv') == 4 for number in (1, 2)), 'a video each')
  check(sorted(os.listdir(f'{out}/each')) == ['object-1', 'object-2'] and
        os.path.exists(f'{out}/each/object-2/object-2.1004.png'), 'a folder each',
        left_over(f'{out}/each'))
  check('one-1.mkv: 4 frames' in result.out, 'what was written is told', result.out)
  end_group('exports')


def test_json():
  result = track(work('clip.mp4'), '--object', 9, '--point', '60,60', '--json')
  lines = result.lines()
  check(lines[0]['event'] == 'start' and lines[-1]['event'] == 'done', 'first and last', lines)
  start, done = lines[0], lines[-1]
  check(start['frames'] == 12 and start['first'] == 0 and start['last'] == 11 and
        start['objects'] == [{'id': 9, 'name': None}] and start['width'] == 160, 'start', start)
  check(done['status'] == 'done' and done['results'] == 12 and done['peak_memory'] > 1e6, 'done',
        done)
  for line in result.events('mask'):
    check(set(line) == {'event', 'frame', 'object', 'object_score', 'iou', 'area', 'bbox'} and
          line['object'] == 9 and 0 <= line['iou'] <= 1 and 0 <= line['area'] <= 160 * 120, 'mask',
          line)
  plain = track(work('clip.mp4'), '--object', 9, '--point', '60,60')
  check(plain.code == 0 and 'nothing was exported' in plain.out, 'without exports', plain.out)
  result = run('track', work('missing.mp4'), *micro('--object', 9, '--point', '1,1', '--json'))
  events = [line['event'] for line in result.lines()]
  check(result.code == 3 and events == ['error', 'done'], 'an error as JSON', result.out)
  # Nobody reads any more.
  read, write = os.pipe()
  os.close(read)
  running = Running('track', work('clip.mp4'), *micro('--object', 9, '--point', '60,60', '--json',
                                                      '--export', f'davis={work("unread")}'))
  running.process.stdout.close()
  running.process.stdout = open(os.devnull)
  result = running.finish()
  check(result.code == 1 and not os.path.exists(work('unread')), 'a closed pipe',
        (result.code, result.err))
  os.close(write)
  end_group('JSON lines')


def test_progress():
  """A bar on a terminal, lines of text otherwise."""
  plain = track(work('clip.mp4'), '--object', 1, '--point', '60,60')
  check('\r' not in plain.err and '#' not in plain.err, 'no bar elsewhere', plain.err)
  try:
    main_end, terminal = os.openpty()
  except OSError as error:
    skip('the bar on a terminal', error)
    return end_group('progress')
  running = subprocess.Popen(
    [paths['cli'], 'track', work('clip.mp4'), *map(str, micro()), '--object', '1', '--point',
     '60,60'], stderr=terminal, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
  os.close(terminal)
  seen = b''
  try:
    while data := os.read(main_end, 4096):
      seen += data
  except OSError:  # the other end is closed
    pass
  os.close(main_end)
  check(running.wait() == 0, 'on a terminal', seen)
  last = seen.decode().replace('\r\n', '\n').rstrip().split('\r')[-1]
  check('[########################] frame 12 of 12' in last and '/s' in last, 'a full bar', last)
  end_group('progress')


def test_damage():
  """What comes before a frame that does not decode is kept."""
  folder = work('damaged')
  shutil.copytree(FRAMES, folder)
  with open(os.path.join(folder, '00010.png'), 'w') as file:
    file.write('no picture')
  result = track(folder, '--object', 1, '--point', '150,150', '--export', f'davis={work("d1")}')
  expect(result, 3, '00010.png', 'what was tracked before', what='damage')
  check(len(read_csv(work('d1', 'frames.csv'))) == 10, 'damage: what comes before')
  result = track(folder, '--object', 1, '--frame', 10, '--point', '150,150', '--export',
                 f'davis={work("d2")}')
  expect(result, 3, '00010.png', what='a prompt on it')
  check(not os.path.exists(work('d2')), 'a prompt on it: nothing', os.listdir(paths['work']))
  result = track(folder, '--object', 1, '--point', '150,150', '--range', '0:9', '--export',
                 f'davis={work("d3")}')
  expect(result, 0, what='a range around it')
  end_group('damaged frames')


# ---- Interrupts --------------------------------------------------------------------------------

def start(out, *args):
  # ref is slow enough to be interrupted.
  return Running('track', work('long.mp4'), *micro('--backend', 'ref', '--json'), '--object', 1,
                 '--point', '60,60', *args, '--export', f'matte-png={out}/m', '--export',
                 f'ffv1-alpha={out}/f.mkv')


def check_kept(name, out, result, running, frames):
  """frames: those of which there are masks."""
  expect(result, 130, 'stopping', what=name)
  masks = sorted(line['frame'] for line in running.seen if line['event'] == 'mask')
  check(masks == list(frames) and 0 < len(masks) < 200, f'{name}: masks', masks)
  rows = read_csv(f'{out}/m/frames.csv')
  check([int(row['index']) for row in rows] == masks, f'{name}: mattes', rows)
  for row in rows:
    Image.open(os.path.join(out, 'm', row['file'])).load()
  check(n_video_frames(f'{out}/f.mkv') == len(masks), f'{name}: video')
  check(running.seen[-1] == {**running.seen[-1], 'event': 'done', 'status': 'stopped',
                             'results': len(masks)}, f'{name}: done', running.seen[-1])
  names = sorted(os.listdir(out))
  check(names == ['f.mkv', 'f.mkv.frames.csv', 'm'], f'{name}: no temporary files', names)


def test_interrupts():
  make_clip(work('long.mp4'), 200)
  for number, name in ((SIGINT, 'SIGINT'), (SIGTERM, 'SIGTERM')):
    out = work(name)
    os.mkdir(out)
    running = start(out)
    running.wait_for('mask', 5)
    running.send(number)
    result = running.finish()
    n = len([line for line in running.seen if line['event'] == 'mask'])
    check(n >= 5, f'{name}: what was there before')
    check_kept(name, out, result, running, range(n))

  out = work('backward')
  os.mkdir(out)
  running = start(out, '--frame', 40, '--box', '20,20,90,90', '--range', '0:199')
  running.wait_for('mask', 6)
  running.send(SIGINT)
  result = running.finish()
  # Points for frame 0 came first; from frame 40 the span between is next, forward from 0.
  n = len([line for line in running.seen if line['event'] == 'mask']) - 1
  check_kept('between anchors', out, result, running, [*range(n), 40])

  out = work('from-end')
  os.mkdir(out)
  running = Running('track', work('long.mp4'), *micro('--backend', 'ref', '--json'), '--object', 1,
                    '--frame', 150, '--point', '60,60', '--export', f'matte-png={out}/m',
                    '--export', f'ffv1-alpha={out}/f.mkv')
  running.wait_for('mask', 6)
  running.send(SIGINT)
  result = running.finish()
  n = len([line for line in running.seen if line['event'] == 'mask'])
  check_kept('backward', out, result, running, range(151 - n, 151))

  out = work('twice')
  os.mkdir(out)
  running = start(out)
  running.wait_for('mask', 5)
  running.send(SIGINT)
  running.send(SIGTERM)
  result = running.finish()
  # Both may arrive before the first was handled: then one of each kind still does.
  expect(result, 130, 'quit', what='twice')
  check(os.listdir(out) == [] and running.seconds < 20, 'twice: nothing left at once',
        (os.listdir(out), running.seconds))

  # All is tracked, from the end to the start; only the exports are not done.
  out = work('writing')
  os.mkdir(out)
  make_clip(work('large.mp4'), 60, size='1280x720')
  running = Running('track', work('large.mp4'), *micro('--json', '--object', 1, '--frame', 59,
                                                       '--point', '600,300', '--export',
                                                       f'rgba-png={out}/r'))
  running.wait_for('mask', 60)
  time.sleep(0.5)
  running.send(SIGINT)
  result = running.finish()
  expect(result, 130, 'stopping', what='writing')
  rows = [int(row['index']) for row in read_csv(f'{out}/r/frames.csv')]
  check(rows == list(range(len(rows))) and 0 < len(rows) < 60 and os.listdir(out) == ['r'] and
        len(os.listdir(f'{out}/r')) == len(rows) + 1, 'writing: what was written', rows)

  # While the clip is still being read there is nothing to keep.
  out = work('early')
  os.mkdir(out)
  running = start(out)
  time.sleep(0.05)
  running.send(SIGINT)
  result = running.finish()
  names = sorted(os.listdir(out))
  check(result.code in (130, -2) and names in ([], ['f.mkv', 'f.mkv.frames.csv', 'm']),
        'early: all or nothing', (result.code, names))
  end_group('interrupts')


def test_memory():
  if IS_SANITIZED:
    return skip('memory', 'sanitizers use their own')
  clip = make_clip(work('memory.mp4'), 3000, gop=60)
  peaks = {}
  for n in (300, 3000):
    result = track(clip, '--object', 1, '--point', '60,60', '--range', f'0:{n - 1}', '--json',
                   '--export', f'ffv1-alpha={work(f"{n}.mkv")}', timeout=900)
    expect(result, 0, what=f'{n} frames')
    peaks[n] = result.events('done')[0]['peak_memory']
  print('  peak memory: ' + ', '.join(f'{n} frames {peak / 1e6:.1f} MB' for n, peak in peaks.items()))
  check(peaks[3000] < 1.05 * peaks[300], 'memory does not grow with the clip', peaks)
  end_group('memory')


def main():
  set_up(sys.argv)
  try:
    test_reference()
    test_same_every_way()
    test_directions()
    test_exports()
    test_json()
    test_progress()
    test_damage()
    test_interrupts()
    test_memory()
  finally:
    tear_down()
  end_tests()


main()
