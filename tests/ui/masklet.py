# SPDX-License-Identifier: Apache-2.0
"""What the tests know of Masklet's window: where the clip's frame is, what the canvas says, lanes."""
import json
import os
import re
import subprocess
import tempfile
import time

import numpy

import driver
import pictures

STILL = 0.15  # seconds without a change
FRAME = re.compile(r"^frame (\d+) / (\d+)$")


class Masklet(driver.Program):
    """The program with a clip or project open; `cli` answers what the masks should be."""

    def __init__(self, path, cli, *arguments, environment=None):
        super().__init__(path, *arguments, environment=environment)
        self.cli = cli

    # ---- The canvas ----------------------------------------------------------------------------

    def keep(self, role, name):
        """As find(), but widgets that live as long as the window are looked for only once."""
        if (role, name) not in self._kept:
            self._kept[role, name] = self.find(role, name)
        return self._kept[role, name]

    def start(self, *arguments):
        self._kept = {}
        super().start(*arguments)

    def canvas(self):
        return self.keep("image", "Canvas")

    def says(self):
        """What the canvas tells assistive technology: "Frame 3, Object 1: tracked"."""
        return self.canvas().description

    def wait_says(self, text, seconds=20):
        driver.wait(lambda: re.search(text, self.says()), seconds, "the canvas to say %r" % text)

    def frame(self):
        return int(FRAME.match(self.keep("label", FRAME).name).group(1))

    def wait_frame(self, n, seconds=20):
        driver.wait(lambda: self.frame() == n, seconds, "frame %d" % n)
        self.wait_says(r"^Frame %d\b" % n, seconds)

    def go_to(self, n):
        """Steps there with the keys."""
        self.key("Home")
        self.wait_frame(0)
        for key, step in (("shift+Right", 10), ("Right", 1)):
            while n - self.frame() >= step:
                before = self.frame()
                self.key(key)
                driver.wait(lambda: self.frame() == before + step, what="a step of %d" % step)
        self.wait_frame(n)

    def placement(self, n=0):
        """Where the clip's frame is on the screen, found by its picture."""
        expected = pictures.frame(n)
        area = self.canvas().rect

        def look():
            placement, gap = pictures.place(driver.screenshot(), area, expected)
            return gap < 8 and placement

        return driver.wait(look, 30, "the clip's frame %d on the canvas" % n)

    def settled(self, placement, ready=lambda picture: True):
        """The canvas's picture, at the clip's size, when it is `ready` and has stood still a while."""
        last, since = [None], [0]

        def look():
            picture = placement.to_frame(driver.screenshot())
            if last[0] is None or not numpy.array_equal(last[0], picture):
                last[0], since[0] = picture, time.monotonic()
            return ready(picture) and time.monotonic() - since[0] > STILL

        driver.xdotool("mousemove", 3, 3)  # no hover, no tooltip on the canvas
        driver.wait(look, 15, "the picture to settle")
        return last[0]

    def tint(self, placement):
        """Where the masks are on the screen, at the clip's size: what holding M takes away; and the
        picture without them."""
        with_masks = self.settled(placement)
        driver.xdotool("keydown", "m")
        try:
            bare = self.settled(placement, lambda picture: not numpy.array_equal(picture, with_masks))
        finally:
            driver.xdotool("keyup", "m")
        return pictures.changed(bare, with_masks, 12), bare

    def matte(self, placement):
        """The masks as the matte view shows them, at the clip's size."""
        self.key("F4")
        try:
            return self.settled(placement, pictures.is_grey).min(axis=2) > 127
        finally:
            self.key("F2")
            self.settled(placement, lambda picture: not pictures.is_grey(picture))

    # ---- The timeline --------------------------------------------------------------------------

    def lane(self, name):
        """Where an object's lane is on the screen."""
        lanes = self.keep("slider", "Playhead").rect
        row = self.find("list item", re.compile("^" + name), within=self.keep("list", "Lanes"),
                        hidden=True).rect
        return driver.Rect(lanes.x, row.y, lanes.width, row.height)

    @staticmethod
    def filled(before, lane):
        """The share of the lane's width where it looks other than before."""
        after = lane.crop(driver.screenshot())
        return float(pictures.changed(before, after, 8).any(axis=0).mean())

    def is_idle(self):
        """Whether nothing is being tracked."""
        return not self.look("push button", "Stop Tracking", within=self.keep("panel", "Status"))

    def undo_name(self):
        """The tooltip of the undo button: "Undo Add Point (Ctrl+Z)"."""
        return self.keep("push button", "Undo").description

    # ---- What should be there ------------------------------------------------------------------

    def expect(self, prompts, frames, first=None, last=None):
        """Masks that masklet-cli makes of the same prompts: {frame: ids}."""
        folder = tempfile.mkdtemp(dir=driver.home())
        path = os.path.join(folder, "prompts.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"objects": prompts}, file)
        out = os.path.join(folder, "davis")
        first = min(frames) if first is None else first
        last = max(frames) if last is None else last
        subprocess.run(
            [self.cli, "track", pictures.SAMPLE, "--model",
             os.path.join(pictures.ROOT, "data/models/starter.safetensors"), "--prompts", path,
             "--range", "%d:%d" % (first, last), "--export", "davis=" + out],
            check=True, capture_output=True)
        return {n: self.read_ids(out, n - first) for n in frames}

    @staticmethod
    def read_ids(folder, n):
        from PIL import Image
        for path, _, names in os.walk(folder):
            if "%05d.png" % n in names:
                with Image.open(os.path.join(path, "%05d.png" % n)) as picture:
                    return numpy.asarray(picture)
        raise driver.Failed("masklet-cli wrote no frame %d" % n)
