# SPDX-License-Identifier: Apache-2.0
# take_pictures.py MASKLET MASKLET-CLI OUT-FOLDER: the pictures of README and metainfo, taken from the
# program as it runs (./dev pictures): two subjects of the sample clip, drawn around and tracked.
import math
import os
import sys

import numpy
from PIL import Image

import driver
import pictures

driver.enter_session()
import masklet  # noqa: E402

PROGRAM, CLI, OUT = sys.argv[1:4]
FRAME = 40


def outline(mask, n=48):
    """Points around a subject, as a hand would draw them: the farthest pixel in each direction."""
    ys, xs = numpy.nonzero(mask)
    cx, cy = (xs.min() + xs.max()) / 2, (ys.min() + ys.max()) / 2
    angles, radii = numpy.arctan2(ys - cy, xs - cx), numpy.hypot(ys - cy, xs - cx)
    points = []
    for i in range(n):
        at = -math.pi + 2 * math.pi * i / n
        near = numpy.abs((angles - at + math.pi) % (2 * math.pi) - math.pi) < math.pi / n * 1.5
        reach = radii[near].max() if near.any() else 0
        points.append((cx + reach * math.cos(at), cy + reach * math.sin(at)))
    return points + points[:1]


def draw_around(program, placement, mask):
    program.drag([placement.to_screen(point) for point in outline(mask)])


def take(program, name):
    path = os.path.join(OUT, name)
    driver.xdotool("mousemove", 3, 3)
    x, y, width, height = program.x_windows()[-1]
    picture = Image.fromarray(driver.screenshot()).crop((x, y, x + width, y + height))
    picture.save(path, optimize=True)
    print("%s: %d x %d" % (path, picture.width, picture.height))


def main():
    os.makedirs(OUT, exist_ok=True)
    program = masklet.Masklet(PROGRAM, CLI, pictures.SAMPLE)
    program.placement(0)
    program.go_to(FRAME)
    placement = program.placement(FRAME)
    for number, subject in ((1, pictures.BALLOON), (2, pictures.SMALL_BALLOON)):
        program.key("ctrl+shift+n")
        program.wait_says("Object %d" % number)
        program.key("s")
        draw_around(program, placement, pictures.truth(FRAME, subject))
        program.wait_says("Object %d: (painted|keyframe)" % number)
        lane = program.lane("Object %d" % number)
        before = lane.crop(driver.screenshot())
        program.key("ctrl+t")
        driver.wait(lambda: program.filled(before, lane) > 0.97 and program.is_idle(), 120,
                    "the lane to fill")
    program.key("p")
    program.settled(placement)
    take(program, "window.png")
    program.key("F5")
    program.settled(placement)
    take(program, "cutout.png")
    program.quit()


if __name__ == "__main__":
    main()
