# SPDX-License-Identifier: Apache-2.0
"""Compares what is on the screen with the clip's frames and the drawn truth of the sample clip."""
import os
import subprocess

import numpy
from PIL import Image, ImageFilter

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLE = os.path.join(ROOT, "data", "sample", "sample.mp4")
TRUTH = os.path.join(ROOT, "data", "sample", "truth")
BALLOON, SMALL_BALLOON, BUTTERFLY = 1, 2, 3
SIZE = (960, 540)
COLOURS = (0xe69f00, 0x56b4e9)  # of the first two objects


def truth(n, subject):
    """Where the subject is on frame n: (height, width) of bool."""
    with Image.open(os.path.join(TRUTH, "%05d.png" % n)) as picture:
        return numpy.asarray(picture) == subject


def inside(mask):
    """A point (x, y) well inside of a mask: the one whose square of mask around it is largest."""
    best, half = None, 1
    while True:
        window = 2 * half + 1
        sums = numpy.cumsum(numpy.cumsum(numpy.pad(mask.astype(int), ((1, 0), (1, 0))), 0), 1)
        if min(mask.shape) <= window:
            return best
        area = sums[window:, window:] - sums[:-window, window:] - sums[window:, :-window] + sums[:-window, :-window]
        full = numpy.argwhere(area == window * window)
        if len(full) == 0:
            return best
        y, x = full[len(full) // 2]
        best = (int(x) + half, int(y) + half)
        half += 1


def bounds(mask):
    """x0, y0, x1, y1 of a mask, the last ones included."""
    ys, xs = numpy.nonzero(mask)
    return int(xs.min()), int(ys.min()), int(xs.max()), int(ys.max())


def iou(a, b):
    union = numpy.logical_or(a, b).sum()
    return float(numpy.logical_and(a, b).sum() / union) if union else 1.0


def frame(n, clip=SAMPLE, filters="format=rgb24", n_channels=3):
    """Frame n as FFmpeg decodes it, (height, width, channels)."""
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", clip, "-vf", "select=eq(n\\,%d),%s" % (n, filters), "-frames:v", "1",
         "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    return numpy.frombuffer(raw, numpy.uint8).reshape(SIZE[1], SIZE[0], n_channels)


def resize(picture, size):
    return numpy.asarray(Image.fromarray(picture).resize(size, Image.BILINEAR))


class Placement:
    """Where a frame of the clip lies on the screen: scale and offset."""

    def __init__(self, scale, x, y):
        self.scale, self.x, self.y = scale, x, y

    def __repr__(self):
        return "scale %.4f at %.1f, %.1f" % (self.scale, self.x, self.y)

    def to_screen(self, point):
        return self.x + (point[0] + 0.5) * self.scale, self.y + (point[1] + 0.5) * self.scale

    def to_frame(self, picture):
        """The part of a screenshot that shows the frame, at the frame's size."""
        size = round(SIZE[0] * self.scale), round(SIZE[1] * self.scale)
        x, y = round(self.x), round(self.y)
        return resize(numpy.ascontiguousarray(picture[y:y + size[1], x:x + size[0]]), SIZE)


def difference(a, b):
    """The mean difference of two pictures, of 255."""
    return float(numpy.abs(a.astype(numpy.int16) - b.astype(numpy.int16)).mean())


def place(picture, area, expected):
    """Finds `expected` (a frame) in a screenshot's `area` (Rect), fitted with any margin. Returns the
    Placement and the difference there."""
    best = None
    whole = min(area.width / SIZE[0], area.height / SIZE[1])
    for margin in range(0, 49, 1):
        scale = min((area.width - margin) / SIZE[0], (area.height - margin) / SIZE[1])
        x = area.x + (area.width - SIZE[0] * scale) / 2
        y = area.y + (area.height - SIZE[1] * scale) / 2
        placement = Placement(scale, x, y)
        found = difference(placement.to_frame(picture)[::4, ::4], expected[::4, ::4])
        if best is None or found < best[1]:
            best = (placement, found)
    assert whole > 0
    return best


def changed(before, after, threshold=18):
    """Pixels that differ visibly between two pictures of the same size."""
    gap = numpy.abs(before.astype(numpy.int16) - after.astype(numpy.int16)).max(axis=2)
    return gap > threshold


def tellable(bare, mask):
    """Where an overlay of the mask can be told from the bare picture below it: not where the picture has
    an object's colour itself, nor beside the mask's edge, where its outline is drawn."""
    away = numpy.ones(mask.shape, bool)
    for colour in COLOURS:
        channels = numpy.array([colour >> 16, colour >> 8 & 255, colour & 255], numpy.int16)
        away &= numpy.abs(bare.astype(numpy.int16) - channels).max(axis=2) > 64
    picture = Image.fromarray(mask.astype(numpy.uint8) * 255)
    grown, shrunk = (numpy.asarray(picture.filter(extreme(7)))
                     for extreme in (ImageFilter.MaxFilter, ImageFilter.MinFilter))
    return away & (grown == shrunk)


def is_grey(picture):
    """Whether a picture has hardly any colour, as a matte with the markers of its points."""
    return float((picture.max(axis=2) - picture.min(axis=2) < 8).mean()) > 0.97
