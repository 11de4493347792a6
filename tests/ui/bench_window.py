# SPDX-License-Identifier: Apache-2.0
# bench_window.py MASKLET MASKLET-CLI [FILE.csv]: how long the window's main loop works at a time
# while a user scrolls, plays, drags the playhead and tracks. 16 ms is what a display at 60 Hz allows.
# Drawing is on the processor here (no GPU below Xvfb) and on the cores that also decode and track.
import os
import re
import sys
import time

import numpy

import driver
import pictures

driver.enter_session()
import masklet  # noqa: E402

PROGRAM, CLI = sys.argv[1:3]
LOG = os.path.join(driver.home(), "iterations.log")
LIMIT_MS = 16


def iterations(begin, end):
    """Milliseconds of each iteration that worked for 1 ms or more between two times."""
    found = []
    with open(LOG, encoding="ascii") as file:
        for line in file:
            at, took = line.split()
            if begin * 1e6 <= int(at) < end * 1e6:
                found.append(int(took) / 1000)
    return numpy.array(found or [0.0])


def measure(name, act, rows):
    begin = time.monotonic()
    act()
    end = time.monotonic()
    took = iterations(begin, end)
    late = took > LIMIT_MS
    print("%-34s %7d %9.1f %9.1f %9.1f %8.2f%% %8.2f%%" % (
        name, len(took), numpy.median(took), numpy.percentile(took, 99), took.max(),
        100 * late.mean(), 100 * took[late].sum() / 1000 / (end - begin)))
    rows.append((name, len(took), numpy.median(took), numpy.percentile(took, 99), took.max(), late.mean()))


def play(program, seconds=5):
    program.key("Home")
    program.wait_frame(0)
    program.key("space")
    time.sleep(seconds)  # what is measured is what happens meanwhile
    program.key("space")


def scroll_timeline(program):
    lanes = program.find("slider", "Playhead").rect
    x, y = lanes.centre
    for _ in range(3):
        program.scroll(x, y, -12, ["ctrl"])   # into single frames
        program.scroll(x, y, 60, ["shift"])   # along
        program.scroll(x, y, -60, ["shift"])
        program.scroll(x, y, 12, ["ctrl"])


def drag_playhead(program):
    lanes = program.find("slider", "Playhead").rect
    y = lanes.y - 8
    points = [(lanes.x + lanes.width * part, y) for part in (0.02, 0.98, 0.1, 0.9, 0.02)]
    program.drag(points)


def zoom_canvas(program):
    x, y = program.canvas().rect.centre
    for _ in range(4):
        program.scroll(x, y, -10, ["ctrl"])
        program.drag([(x, y), (x + 150, y + 80), (x - 150, y - 80)], button=2)
        program.scroll(x, y, 10, ["ctrl"])
    program.key("ctrl+0")


def track(program):
    program.key("Home")
    program.wait_frame(0)
    program.key("ctrl+t")
    driver.wait(lambda: program.look("label", re.compile("frames/s")), 20, "tracking to begin")
    driver.wait(lambda: not program.look("label", re.compile("frames/s")), 120, "tracking to end")


rows = []
program = masklet.Masklet(PROGRAM, CLI, pictures.SAMPLE, environment={"MASKLET_STALLS": LOG})
placement = program.placement(0)
program.find("label", re.compile("frame 0 / 119"))
print("%-34s %7s %9s %9s %9s %9s %9s" % ("", "busy", "median", "p99", "max", "> 16 ms", "blocked"))
print("%-34s %7s %9s %9s %9s %9s %9s" % ("", "", "ms", "ms", "ms", "of busy", "of time"))
measure("play, first time", lambda: play(program), rows)
measure("play, frames in the cache", lambda: play(program), rows)
measure("drag the playhead", lambda: drag_playhead(program), rows)
measure("zoom and scroll the timeline", lambda: scroll_timeline(program), rows)
measure("zoom and pan the canvas", lambda: zoom_canvas(program), rows)
program.key("Home")
program.wait_frame(0)
program.click(placement.to_screen((377, 269)))
program.wait_says("Object 1: keyframe")
measure("track 119 frames", lambda: track(program), rows)
measure("play with masks", lambda: play(program), rows)
if len(sys.argv) > 3:
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        file.write("phase,iterations,median_ms,p99_ms,max_ms,share_late\n")
        file.writelines("%s,%d,%.3f,%.3f,%.3f,%.5f\n" % row for row in rows)
program.kill()
