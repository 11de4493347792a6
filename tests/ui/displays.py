# SPDX-License-Identifier: Apache-2.0
"""A display for one test: an X server without a screen, and folders of its own."""
import os
import subprocess
import sys

TOOLS = ("Xvfb",)
CANNOT_RUN = 77  # exit status: not on this machine


def start_server(size):
    """Starts Xvfb with a screen of that size; returns its process and the display's name."""
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "%dx%dx24" % size, "-nolisten", "tcp"],
        pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        name = pipe.readline().strip()
    if not name:
        print("Xvfb does not start")
        sys.exit(1)
    return server, ":" + name


def environment(display, home):
    """The environment of a program there: nothing of the user's folders, settings or language."""
    mine = {
        name: value for name, value in os.environ.items()
        if not name.startswith(("XDG_", "WAYLAND_", "DBUS_", "AT_SPI_", "LC_", "GTK_", "GDK_"))}
    mine.update(
        DISPLAY=display, HOME=home, LANG="C.UTF-8", LANGUAGE="", GDK_BACKEND="x11",
        GSK_RENDERER="cairo", PYTHONDONTWRITEBYTECODE="1", G_ENABLE_DIAGNOSTIC="0")
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        mine["XDG_%s_HOME" % name] = os.path.join(home, name.lower())
        os.mkdir(os.path.join(home, name.lower()))
    mine["XDG_RUNTIME_DIR"] = os.path.join(home, "run")
    os.mkdir(mine["XDG_RUNTIME_DIR"], 0o700)
    return mine
