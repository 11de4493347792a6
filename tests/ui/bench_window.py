# SPDX-License-Identifier: Apache-2.0
# bench_window.py MASKLET MASKLET-CLI [FILE.csv]: how long the window's main loop is busy at a time
# while a user scrolls, plays, drags the playhead and tracks. 16 ms is what a display at 60 Hz allows.
# Drawing is on the processor here (no GPU below Xvfb) and on the cores that also decode and track.
# "clock" has the waiting for other programs in it, "work" is what the processor did for the main loop.
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
    """Of each iteration that took 1 ms or more between two times: milliseconds by the clock, of work."""
    found = []
    with open(LOG, encoding="ascii") as file:
        for line in file:
            at, took, work = map(int, line.split())
            if begin * 1e6 <= at < end * 1e6:
                found.append((took / 1000, work / 1000))
    return numpy.array(found or [(0.0, 0.0)])


def measure(name, act, rows):
    begin = time.monotonic()
    act()
    end = time.monotonic()
    both = iterations(begin, end)
    for kind, took in (("clock", both[:, 0]), ("work", both[:, 1])):
        late = took > LIMIT_MS
        print("%-30s %-5s %7d %9.1f %9.1f %9.1f %7d %8.2f%%" % (
            name, kind, len(took), numpy.median(took), numpy.percentile(took, 99), took.max(), late.sum(),
            100 * took[late].sum() / 1000 / (end - begin)))
        rows.append((name, kind, len(took), numpy.median(took), numpy.percentile(took, 99), took.max(), late.sum()))
        name = ""


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
    wait_tracked(program)


def wait_tracked(program):
    # Each look goes through the main loop that is measured: not often.
    time.sleep(1)
    while not program.is_idle():
        time.sleep(0.5)


def track_and_play(program):
    program.key("ctrl+t")
    program.key("space")
    wait_tracked(program)
    program.key("space")


rows = []
program = masklet.Masklet(PROGRAM, CLI, pictures.SAMPLE, environment={"MASKLET_STALLS": LOG})
placement = program.placement(0)
program.find("label", re.compile("frame 0 / 119"))
print("%-36s %7s %9s %9s %9s %7s %9s" % ("", "busy", "median", "p99", "max", "> 16 ms", "blocked"))
print("%-36s %7s %9s %9s %9s %7s %9s" % ("", "", "ms", "ms", "ms", "", "of time"))
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
program.key("End")
program.wait_says("Object 1: tracked")
measure("play with masks", lambda: play(program), rows)
program.key("Home")
program.wait_frame(0)
program.key("ctrl+shift+n")
program.click(placement.to_screen(pictures.inside(pictures.truth(0, pictures.SMALL_BALLOON))))
program.wait_says("Object 2: keyframe")
program.key("ctrl+shift+l")
measure("track and play at once", lambda: track_and_play(program), rows)
program.key("End")
program.wait_says("Object 2: (tracked|not on this frame)")
dropped = program.look("label", re.compile("dropped"))
print("at the end: %s" % (dropped.name if dropped else "no frame dropped"))
if len(sys.argv) > 3:
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        file.write("phase,kind,iterations,median_ms,p99_ms,max_ms,late\n")
        file.writelines("%s,%s,%d,%.3f,%.3f,%.3f,%d\n" % row for row in rows)
program.kill()
