# SPDX-License-Identifier: Apache-2.0
# test_projects.py MASKLET MASKLET-CLI: project files in a real window: work that was never saved,
# clips that are elsewhere, files that are in use, newer or damaged, a disk that is full.
import fcntl
import glob
import os
import re
import resource
import shutil
import sqlite3
import struct
import subprocess
import sys

import driver
import pictures

driver.enter_session()
import masklet  # noqa: E402

PROGRAM, CLI = sys.argv[1:3]
PLACE = os.path.join(driver.home(), "projects")
CLIP = os.path.join(PLACE, "clip.mp4")
PROJECT = os.path.join(PLACE, "work.masklet")
UNSAVED = "Unsaved Work"


def check(ok, text):
    if not ok:
        raise driver.Failed(text)


def in_place(name):
    return os.path.join(PLACE, name)


def open_file(path):
    """As from a file manager: the program that runs opens it."""
    subprocess.run([PROGRAM, path], check=True, env=program.environment)


def wait_open(program, title, objects):
    program.find("label", title)
    program.find("label", re.compile("frame 0 / 119"))
    for i in range(objects):
        program.find("list item", re.compile("^Object %d" % (i + 1)), within=program.find("list", "Lanes"),
                     hidden=True)


def add_object(program, number):
    program.key("ctrl+shift+n")
    program.wait_says("Object %d" % number)


def close_clip(program):
    program.key("ctrl+shift+w")
    program.find("push button", re.compile("Sample Clip"))


def type_name(program, path):
    """Into the file chooser that is shown."""
    program.wait_dialog()
    program.key("ctrl+a")
    program.type(path)
    program.wait_still()
    program.key("Return")


def refused(program, path):
    """A file that cannot be opened: a dialog says so, the file is untouched, the window stays as it was."""
    with open(path, "rb") as file:
        before = file.read()
    open_file(path)
    program.wait_dialog()
    program.key("Escape")
    program.wait_no_dialog()
    program.find("push button", re.compile("Sample Clip"))
    with open(path, "rb") as file:
        check(file.read() == before, "%s was changed" % path)


def killed(program):
    """work of a program that was killed is listed at the next start, and opens as it was"""
    open_file(CLIP)
    wait_open(program, "clip.mp4", 0)
    check(not program.look("label", UNSAVED), "there is unsaved work")
    add_object(program, 1)
    add_object(program, 2)
    driver.wait(lambda: program.look("push button", "Undo").description != "Undo (Ctrl+Z)", 10, "an edit")
    program.key("ctrl+s")  # asks for a name; by then all is written
    program.wait_dialog()
    program.kill()
    program.start()
    program.find("label", UNSAVED)
    program.find("label", re.compile("^2 objects, .*" + re.escape(PLACE)))
    program.click(program.find("label", "clip.mp4"))
    wait_open(program, "clip.mp4", 2)
    check(program.look("label", "Unsaved"), "it is not called unsaved")


def saved_from_list(program):
    """it is saved under a name from the list, without being opened"""
    close_clip(program)
    program.click(program.find("push button", "Save under a name"))
    type_name(program, PROJECT)
    driver.wait(lambda: os.path.exists(PROJECT), 20, "the project")
    program.vanish("label", UNSAVED)
    open_file(PROJECT)
    wait_open(program, "work", 2)


def opened_twice(program):
    """a project that is open already shows its window"""
    open_file(PROJECT)
    program.wait_still()
    check(len(program.x_windows()) == 1 and len(program.windows()) == 1, "there is another window")
    close_clip(program)
    check(not program.look("label", UNSAVED), "a saved project is listed")


def discarded(program):
    """unsaved work is discarded when the user says so, not before"""
    open_file(CLIP)
    wait_open(program, "clip.mp4", 0)
    add_object(program, 1)
    close_clip(program)
    program.find("label", UNSAVED)
    for key in ("Escape", "alt+d"):
        check(program.look("label", UNSAVED), "it went without being asked")
        program.click(program.find("push button", "Discard"))
        program.wait_dialog()
        program.key(key)
        program.wait_no_dialog()
    program.vanish("label", UNSAVED)
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    check(not glob.glob(state + "/masklet/unsaved/*"), "its files are there")


def moved_clip(program):
    """a clip that was moved is asked for; giving up leaves the window as it was"""
    away, kept = in_place("away.mp4"), in_place("kept")
    shutil.copy(PROJECT, kept)
    os.rename(CLIP, away)
    open_file(PROJECT)
    program.wait_dialog()
    program.key("Escape")
    program.wait_no_dialog()
    program.find("push button", re.compile("Sample Clip"))
    open_file(PROJECT)
    program.wait_dialog()
    program.key("alt+l")
    driver.wait(lambda: len(program.x_windows()) > 1, 20, "the chooser")
    program.wait_still()
    program.type(away)
    program.wait_still()
    program.key("Return")
    wait_open(program, "work", 2)
    close_clip(program)
    open_file(PROJECT)  # it is known by now
    wait_open(program, "work", 2)
    close_clip(program)
    os.rename(away, CLIP)
    os.rename(kept, PROJECT)


def moved_together(program):
    """project and clip that are moved together find each other"""
    together = in_place("together")
    os.mkdir(together)
    os.rename(CLIP, os.path.join(together, "clip.mp4"))
    shutil.copy(PROJECT, os.path.join(together, "work.masklet"))
    database = sqlite3.connect(os.path.join(together, "work.masklet"))
    facts = dict(database.execute("SELECT key, value FROM project"))
    database.execute("UPDATE project SET value = ? WHERE key = 'media-path'", (b"/nowhere/clip.mp4",))
    database.execute("INSERT OR REPLACE INTO project VALUES ('media-relative-path', ?)", (b"clip.mp4",))
    database.commit()
    database.close()
    check(b"media" not in facts and facts["media-path"], str(facts))
    open_file(os.path.join(together, "work.masklet"))
    wait_open(program, "work", 2)
    close_clip(program)
    os.rename(os.path.join(together, "clip.mp4"), CLIP)


def in_use(program):
    """a project that another program has open is refused, and opens when that one is done"""
    with open(PROJECT, "r+b") as file:
        # An open file description lock, far behind the end, as app/store_file.c has it.
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 1 << 60, 1, 0)
        fcntl.fcntl(file, getattr(fcntl, "F_OFD_SETLK", 37), lock)
        refused(program, PROJECT)
    open_file(PROJECT)
    wait_open(program, "work", 2)
    close_clip(program)


def newer_and_damaged(program):
    """projects of a newer program and damaged ones are refused and left alone"""
    newer, torn, none = in_place("newer.masklet"), in_place("torn.masklet"), in_place("none.masklet")
    shutil.copy(PROJECT, newer)
    database = sqlite3.connect(newer)
    database.execute("PRAGMA user_version = 99")
    database.commit()
    database.close()
    with open(PROJECT, "rb") as file:
        content = file.read()
    with open(torn, "wb") as file:
        file.write(content[:len(content) // 2])
    with open(none, "wb") as file:
        file.write(b"not a project at all\n" * 100)
    for path in (newer, torn, none):
        refused(program, path)


def full_disk(program):
    """edits that do not fit on the disk are kept, told of, written when there is room"""
    open_file(PROJECT)
    wait_open(program, "work", 2)
    limit = resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (512, limit[1]))
    add_object(program, 3)
    program.find("label", re.compile("not on the disk yet"))
    program.key("ctrl+w")  # closing would lose it: asked first
    program.wait_dialog()
    program.key("Escape")
    program.wait_no_dialog()
    check(program.running(), "the program has ended")
    program.wait_says("Object 3")
    resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, limit)
    program.vanish("label", re.compile("not on the disk yet"), 30)
    close_clip(program)
    open_file(PROJECT)
    wait_open(program, "work", 3)


def lost_knowingly(program):
    """the window closes without the last edits only when the user says so"""
    limit = resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (512, limit[1]))
    add_object(program, 4)
    program.find("label", re.compile("not on the disk yet"))
    program.key("ctrl+w")
    program.wait_dialog()
    program.key("alt+c")
    driver.wait(lambda: not program.running(), 20, "the end of the program")
    check(program.process.returncode == 0, "exit status %s" % program.process.returncode)
    lines = [line for line in program.complaints() if not re.search("edits could not be|recently-used", line)]
    check(not lines, "\n".join(lines))
    program.start(PROJECT)
    wait_open(program, "work", 3)


def quits(program):
    """the last edit is on the disk when the program has ended"""
    add_object(program, 4)
    check(program.quit() == 0, "exit status %s" % program.process.returncode)
    check(not os.path.exists(PROJECT + "-wal"), "the log was not emptied")
    database = sqlite3.connect(PROJECT)
    check(database.execute("SELECT count(*) FROM cell WHERE kind = 2").fetchone()[0] == 4, "objects")


os.mkdir(PLACE)
shutil.copy(pictures.SAMPLE, CLIP)
tests = [killed, saved_from_list, opened_twice, discarded, moved_clip, moved_together, in_use, newer_and_damaged,
         full_disk, lost_knowingly, quits]
program = masklet.Masklet(PROGRAM, CLI)
status = driver.run(tests, program)
if program.running():
    program.kill()
sys.exit(status)
