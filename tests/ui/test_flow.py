# SPDX-License-Identifier: Apache-2.0
# test_flow.py MASKLET MASKLET-CLI: a user's whole way through the program, in a real window with
# real pointer and key events: open, click, correct, box, track, paint, undo, save, a crash, export.
#
# The bundled model's masks are rough, so what the window shows is held against two things: against
# the drawn truth with bounds that this model reaches, and closely against what masklet-cli makes of
# the same prompts with the same model.
import glob
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys

import numpy
from PIL import Image

import driver
import pictures

driver.enter_session()
import masklet  # noqa: E402

PROGRAM, CLI = sys.argv[1:3]
FRAME = 40
CLICK = (374, 178)      # on the big balloon of this frame, where one click does well
CORRECTED, PAINTED = 30, 60
STROKE = (700, 60), (860, 60)  # in the sky
FAR = (5, 75, 115)      # frames far from it, on both sides
BALLOON, SMALL = pictures.BALLOON, pictures.SMALL_BALLOON
CLICK_BOUND = 0.3       # IoU with the drawn truth that one click with the bundled model reaches
CLI_BOUND = 0.93        # IoU with masklet-cli's mask; the screen is scaled, a click is a whole pixel
TINT_BOUND = 0.9        # of the overlay's colour, where it can be told from the picture
TRACKED_BOUND = 0.75    # the same after tracking, where a rounding grows with each frame
LEAVES = os.path.join(driver.home(), "out")
PROJECT = os.path.join(driver.home(), "balloons.masklet")


class State:
    """What later steps need of earlier ones."""
    placement = None
    prompts = None
    shown = None


def box_of(mask):
    x0, y0, x1, y1 = pictures.bounds(mask)
    return [x0, y0, x1 + 1, y1 + 1]


def check(ok, text):
    if not ok:
        raise driver.Failed(text)


def same(a, b):
    """Whether two pictures of a mask show the same one: the markers of points lie on top of it."""
    return pictures.iou(a, b) > 0.99


def compare(program, expected, what, bound=CLI_BOUND):
    """Waits for the matte view, then the colour of the overlay, to show the mask that is expected."""
    def agree(look, bound, name):
        found = []

        def is_same():
            shown, where = look()
            found.append(pictures.iou(shown & where, expected & where))
            return found[-1] >= bound and [shown]

        try:
            return driver.wait(is_same, 10)[0]
        except driver.Failed:
            raise driver.Failed("%s: IoU of the %s with what is expected is %.3f" % (what, name, found[-1]))

    def matte():
        return program.matte(State.placement), numpy.ones_like(expected)

    def colour():
        tinted, bare = program.tint(State.placement)
        return tinted, pictures.tellable(bare, expected)

    shown = agree(matte, bound, "matte")
    agree(colour, min(bound, TINT_BOUND), "colour")
    return shown


def wait_same(program, expected, what):
    driver.wait(lambda: same(program.matte(State.placement), expected), 10, what)


def open_sample(program):
    """the start page opens the sample clip, its first frame is on the canvas"""
    program.click(program.find("push button", re.compile("Sample Clip")))
    State.placement = program.placement(0)
    program.find("label", re.compile("frame 0 / 119"))


def click_subject(program):
    """a click on the balloon makes an object, its mask and its colour are on the frame"""
    program.go_to(FRAME)
    State.placement = program.placement(FRAME)
    program.click(State.placement.to_screen(CLICK))
    program.wait_says("Object 1: keyframe")
    State.one = {"id": 1, "name": "a", "prompts": [{"frame": FRAME, "points": [list(CLICK)], "labels": [1]}]}
    expected = program.expect([State.one], [FRAME])[FRAME] == 1
    State.shown = compare(program, expected, "after a click")
    found = pictures.iou(State.shown, pictures.truth(FRAME, BALLOON))
    check(found >= CLICK_BOUND, "IoU with the truth is %.3f" % found)


def box_second(program):
    """a box around the small balloon makes a second object"""
    program.key("ctrl+shift+n")
    program.wait_says("Object 2: no mask")
    program.key("b")
    box = box_of(pictures.truth(FRAME, SMALL))
    program.drag([State.placement.to_screen(box[:2]), State.placement.to_screen(box[2:])])
    program.wait_says("Object 2: keyframe")
    two = {"id": 2, "name": "b", "prompts": [{"frame": FRAME, "box": box}]}
    expected = program.expect([two], [FRAME])[FRAME] == 2
    compare(program, expected | State.shown, "after a box")
    State.two = two
    program.key("p")


def track_object(program, number):
    """Tracks one object and watches its lane."""
    program.key(str(number))
    program.wait_says("Object %d" % number)
    lane = program.lane("Object %d" % number)
    before = lane.crop(driver.screenshot())
    program.key("ctrl+t")
    filled = []

    def is_full():
        filled.append(program.filled(before, lane))
        return filled[-1] > 0.97 and program.is_idle()

    driver.wait(is_full, 120, "the lane to fill")
    check(filled == sorted(filled), "the lane fills steadily: %s" % filled)


def track(program):
    """tracking goes both ways: the lanes fill, each frame gets its masks"""
    track_object(program, 1)
    track_object(program, 2)
    ids = program.expect([State.one, State.two], FAR, 0, 119)
    for n in FAR:
        program.go_to(n)
        program.wait_says("Object 2: (tracked|not on this frame)")
        compare(program, ids[n] > 0, "tracked, frame %d" % n, TRACKED_BOUND)


def correct(program):
    """a click on a tracked frame makes it a keyframe and its neighbours stale; undo and redo"""
    program.go_to(CORRECTED)
    program.key("1")
    program.wait_says("Object 1: tracked")
    before = program.matte(State.placement)
    point = pictures.inside(pictures.truth(CORRECTED, BALLOON) & ~before)
    program.click(State.placement.to_screen(point))
    program.wait_says("Object 1: keyframe")
    driver.wait(lambda: not same(program.matte(State.placement), before), 10, "another mask")
    after = program.matte(State.placement)
    program.key("Right")
    program.wait_says("Object 1: mask is stale")
    program.key("Left", "ctrl+z")
    program.wait_says("Object 1: tracked")
    wait_same(program, before, "undo to give the mask back")
    program.key("Right")
    program.wait_says("Object 1: tracked")
    program.key("Left", "ctrl+shift+z")
    program.wait_says("Object 1: keyframe")
    wait_same(program, after, "redo to make it again")


def take_away(program):
    """a right click is a negative click: less mask"""
    before = program.matte(State.placement)
    point = pictures.inside(before & ~pictures.truth(CORRECTED, BALLOON) & ~pictures.truth(CORRECTED, SMALL))
    driver.wait(lambda: program.matte(State.placement)[point[1], point[0]], 10)
    program.click(State.placement.to_screen(point), button=3)
    driver.wait(lambda: "Negative" in program.undo_name(), 10, "undo to name the click")
    driver.wait(lambda: program.matte(State.placement).sum() < before.sum() - 50, 10, "less mask")
    program.key("ctrl+z")
    wait_same(program, before, "undo")


def stale_again(program):
    """only the stale spans run again"""
    program.go_to(FAR[-1])  # beyond the next keyframe
    program.wait_says("Object 1: tracked")
    before = program.matte(State.placement)
    program.go_to(CORRECTED)
    program.key("ctrl+r")
    program.key("Right")
    program.wait_says("Object 1: tracked", 60)
    driver.wait(program.is_idle, 60, "the end of tracking")
    program.go_to(FAR[-1])
    wait_same(program, before, "frames beyond the next keyframe to be as they were")


def paint(program):
    """a stroke of the brush adds to the mask, the eraser takes away"""
    program.go_to(PAINTED)
    program.key("1")
    program.wait_says("Object 1: tracked")
    before = program.matte(State.placement)
    program.key("r")
    a, b = STROKE
    check(not before[a[1], a[0]:b[0]].any(), "there is no mask where it is painted")
    program.drag([State.placement.to_screen(a), State.placement.to_screen(b)])
    program.wait_says("Object 1: painted")
    painted = program.matte(State.placement)
    check(painted[a[1], a[0]:b[0]].all(), "the stroke is there")
    x0, y0, x1, y1 = pictures.bounds(painted & ~before)
    check(abs(x0 + 12 - a[0]) < 5 and abs(x1 - 12 - b[0]) < 5 and abs((y0 + y1) / 2 - a[1]) < 4,
          "the stroke is where it was painted: %s" % ((x0, y0, x1, y1),))
    program.key("e")
    middle = (a[0] + b[0]) // 2
    program.drag([State.placement.to_screen((middle, a[1] - 40)), State.placement.to_screen((middle, a[1] + 40))])
    driver.wait(lambda: not program.matte(State.placement)[a[1], middle], 10, "the eraser's hole")
    erased = program.matte(State.placement)
    check(erased[a[1], a[0]] and erased[a[1], b[0]], "the rest of the stroke stays")
    program.key("p")


def save_as(program):
    """the project is saved under a name"""
    program.key("ctrl+shift+s")
    program.wait_dialog()
    program.key("ctrl+a")
    program.type(PROJECT)
    program.key("Return")
    driver.wait(lambda: os.path.exists(PROJECT), 20, "the project file")
    program.find("label", "balloons")
    program.wait_no_dialog()


def crash(program):
    """kill -9 loses nothing: file sound, masks, objects, history and playhead's frames as before"""
    program.go_to(PAINTED)
    State.before = program.matte(State.placement)
    State.undo = program.undo_name()
    check("Eras" in State.undo or "Paint" in State.undo, "undo names the edit: " + State.undo)
    program.kill()
    copy = os.path.join(driver.home(), "copy.masklet")
    for end in ("", "-wal"):
        if os.path.exists(PROJECT + end):
            shutil.copy(PROJECT + end, copy + end)
    database = sqlite3.connect(copy)
    check(database.execute("PRAGMA integrity_check").fetchone()[0] == "ok", "the file is sound")
    check(not database.execute("PRAGMA foreign_key_check").fetchall(), "and its references")
    program.start(PROJECT)
    program.find("label", re.compile("frame .* / 119"))
    program.go_to(PAINTED)
    program.placement(PAINTED)
    program.key("1")
    program.wait_says("Object 1: painted")
    wait_same(program, State.before, "the masks of before")
    check(program.undo_name() == State.undo, "undo is as before: " + program.undo_name())
    program.go_to(CORRECTED)
    program.wait_says("Object 1: keyframe")


def undo_after_reopening(program):
    """what was done before the crash can be undone after it"""
    program.go_to(PAINTED)
    program.key("1")
    for wanted in (True, False):
        program.key("ctrl+z")
        a, b = STROKE
        driver.wait(lambda: program.matte(State.placement)[a[1], (a[0] + b[0]) // 2] == wanted, 10,
                    "the eraser's stroke, then the brush's, to go")
    program.key("ctrl+shift+z", "ctrl+shift+z")
    wait_same(program, State.before, "redo")


def start_export(program, place):
    """Opens the dialog, chooses the format by its place in the list, and the folder; exports."""
    program.key("ctrl+e")
    program.wait_dialog()
    program.key("alt+f")
    program.wait_still()
    program.key("Home", *["Down"] * place, "Return")
    program.wait_still()
    program.key("alt+l")
    driver.wait(lambda: len(program.x_windows()) > 2, 20, "the folder chooser")
    program.wait_still()
    program.type(LEAVES)
    program.wait_still()
    program.key("Return")
    driver.wait(lambda: len(program.x_windows()) == 2 or program.key("Return"), 20, "the folder to be chosen")
    program.key("alt+e")
    program.wait_no_dialog()


def probe(path):
    text = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", path],
        check=True, capture_output=True).stdout
    return {stream["codec_type"]: stream for stream in json.loads(text)["streams"]}


def export_prores(program):
    """ProRes 4444 with alpha: every frame, the clip's rate and sound, the mask as alpha"""
    os.makedirs(LEAVES)
    start_export(program, 0)
    path = driver.wait(lambda: glob.glob(LEAVES + "/*.mov"), 120, "the video")[0]
    video = probe(path)["video"]
    check(video["codec_name"] == "prores" and video["profile"] in ("4", "4444"), str(video))
    check(video["pix_fmt"].startswith("yuva444p"), video["pix_fmt"])
    check((video["width"], video["height"]) == pictures.SIZE, "size %sx%s" % (video["width"], video["height"]))
    check(video["r_frame_rate"] == "24/1" and int(video["nb_read_frames"]) == 120, str(video))
    check("audio" in probe(path), "the clip's sound is there")
    alpha = pictures.frame(PAINTED, path, "alphaextract,format=gray", 1)[:, :, 0] > 127
    check(pictures.iou(alpha, State.before) > CLI_BOUND, "alpha is what the canvas showed")


def export_png(program):
    """mattes as PNG files: one for each frame, each the mask that the canvas shows"""
    start_export(program, 9)
    driver.wait(lambda: len(glob.glob(LEAVES + "/**/*.png", recursive=True)) == 120, 120, "120 files")
    files = sorted(glob.glob(LEAVES + "/**/*.png", recursive=True))
    with Image.open(files[PAINTED]) as picture:
        check(picture.size == pictures.SIZE and picture.mode == "L", "%s %s" % (picture.size, picture.mode))
        matte = numpy.asarray(picture) > 127
    check(pictures.iou(matte, State.before) > CLI_BOUND, "the matte is what the canvas showed")


def quits(program):
    """the program ends by itself, without a complaint on the way"""
    check(program.quit() == 0, "exit status %s" % program.process.returncode)
    check(not program.complaints(), "\n".join(program.complaints()))


tests = [open_sample, click_subject, box_second, track, correct, take_away, stale_again, paint, save_as, crash,
         undo_after_reopening, export_prores, export_png, quits]
program = masklet.Masklet(PROGRAM, CLI)
status = driver.run(tests, program)
if program.running():
    program.kill()
sys.exit(status)
