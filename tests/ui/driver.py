# SPDX-License-Identifier: Apache-2.0
"""Drives the real program in a real window: an X server without a screen (Xvfb), a D-Bus session of
its own, real pointer and key events (xdotool), widgets found by role and name (AT-SPI), pictures of
the window (Pillow).

    import driver
    driver.enter_session()          # first: runs the script again inside server and session
    program = driver.Program(path)
    program.click(program.find("push button", "Export"))
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import displays

SCREEN = (1400, 900)
# Asan and slow machines: all waits are this much longer.
PATIENCE = float(os.environ.get("MASKLET_UI_PATIENCE", "1"))
TOOLS = ("dbus-run-session", "xdotool") + displays.TOOLS
# Lines on stderr that tell nothing about the program. GtkPathBar of GTK 4.8 gives its two arrows no place
# until it has been told its folder, so that a file chooser which is drawn earlier than that complains.
NOISE = re.compile(r"Trying to snapshot GtkButton \S+ without a current allocation|"
                   r"dconf|Unable to acquire the address of the accessibility bus|"
                   r"Could not load a pixbuf from icon theme|"
                   r"unable to send notifications|cannot open shared object|MESA|libEGL|Vulkan|portal")


def enter_session():
    """Returns inside a display and a D-Bus session; the outer process never returns from it."""
    try:
        import gi
        gi.require_version("Atspi", "2.0")
        from gi.repository import Atspi
        from PIL import ImageGrab  # noqa: F401
        import numpy  # noqa: F401
    except (ImportError, ValueError) as error:
        print("not on this machine: %s" % error)
        sys.exit(displays.CANNOT_RUN)
    if os.environ.get("MASKLET_UI_SESSION"):
        os.dup2(1, 2)
        start_accessibility()
        return
    lacking = [tool for tool in TOOLS if not shutil.which(tool)]
    if lacking:
        print("not on this machine: " + " ".join(lacking))
        sys.exit(displays.CANNOT_RUN)

    server, display = displays.start_server(SCREEN)
    home = tempfile.mkdtemp(prefix="masklet-ui-")
    environment = displays.environment(display, home)
    environment.update(MASKLET_UI_SESSION=home, GSETTINGS_BACKEND="keyfile")
    status = 1
    # What the bus starts (accessibility, settings) ends with its process group.
    session = subprocess.Popen(
        ["dbus-run-session", "--", sys.executable, "-u"] + sys.argv, env=environment,
        start_new_session=True, stderr=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        status = session.wait()
    finally:
        for send in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(session.pid, send)
            except ProcessLookupError:
                break
            time.sleep(0.1)
        server.terminate()
        server.wait()
        shutil.rmtree(home, ignore_errors=True)
    sys.exit(status if 0 <= status < 256 else 1)


def start_accessibility():
    """Waits for the registry of accessible programs: the library asks once and never again."""
    from gi.repository import Gio, GLib

    def ask(bus, name, path, interface, method, arguments):
        return bus.call_sync(name, path, interface, method, arguments, None, 0, 10000, None).unpack()

    def registry_answers():
        try:
            session = Gio.bus_get_sync(Gio.BusType.SESSION)
            address = ask(session, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress", None)[0]
            bus = Gio.DBusConnection.new_for_address_sync(
                address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
                | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
            ask(bus, "org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root",
                "org.freedesktop.DBus.Properties", "Get",
                GLib.Variant("(ss)", ("org.a11y.atspi.Accessible", "ChildCount")))
            return True
        except GLib.Error:
            return False

    wait(registry_answers, 30, "the accessibility bus")


def home():
    return os.environ["MASKLET_UI_SESSION"]


class Failed(Exception):
    """A condition did not come true in time."""


def wait(condition, seconds=20, what=None):
    """The first true value of condition(), or Failed. Ends as soon as it is true."""
    end = time.monotonic() + seconds * PATIENCE
    pause = 0.01
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed("waited %.0f s for %s" % (seconds * PATIENCE, what or condition))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


def xdotool(*arguments):
    done = subprocess.run(["xdotool", *map(str, arguments)], capture_output=True, text=True)
    return done.stdout.strip()


def screenshot():
    """The screen as an array (height, width, 3)."""
    import numpy
    from PIL import ImageGrab
    return numpy.asarray(ImageGrab.grab(xdisplay=os.environ["DISPLAY"]).convert("RGB"))


def save_screenshot(path):
    from PIL import Image
    Image.fromarray(screenshot()).save(path)


class Rect:
    """x, y, width, height on the screen."""

    def __init__(self, x, y, width, height):
        self.x, self.y, self.width, self.height = x, y, width, height

    def __repr__(self):
        return "%dx%d+%d+%d" % (self.width, self.height, self.x, self.y)

    @property
    def centre(self):
        return self.x + self.width / 2, self.y + self.height / 2

    def crop(self, picture):
        x, y = max(round(self.x), 0), max(round(self.y), 0)
        return picture[y:round(self.y + self.height), x:round(self.x + self.width)]


class Node:
    """A widget as assistive technology sees it."""

    def __init__(self, accessible, window):
        self.accessible, self.window = accessible, window

    def __repr__(self):
        return "%s '%s'" % (self.role, self.name)

    @property
    def name(self):
        return self.accessible.get_name() or ""

    @property
    def description(self):
        return self.accessible.get_description() or ""

    @property
    def role(self):
        return self.accessible.get_role_name() or ""

    def has_state(self, state):
        from gi.repository import Atspi
        return self.accessible.get_state_set().contains(getattr(Atspi.StateType, state))

    @property
    def visible(self):
        """Whether it says so itself; what it is in may be hidden. GTK 4.8 never says "showing"."""
        return self.has_state("VISIBLE")

    @property
    def sensitive(self):
        return self.has_state("SENSITIVE")

    @property
    def extents(self):
        from gi.repository import Atspi
        box = self.accessible.get_extents(Atspi.CoordType.WINDOW)
        return Rect(box.x, box.y, box.width, box.height)

    @property
    def rect(self):
        """Where it is on the screen."""
        box, offset = self.extents, self.window.offset()
        return Rect(box.x + offset[0], box.y + offset[1], box.width, box.height)

    def children(self):
        for i in range(self.accessible.get_child_count()):
            child = self.accessible.get_child_at_index(i)
            if child is not None:
                yield Node(child, self.window)

    def descend(self, hidden=False, seen=None):
        """The node and all below it, depth first; without what is hidden, unless asked for."""
        seen = set() if seen is None else seen
        # GTK 4.8 lists what is on a stack twice.
        if self.accessible in seen or not (hidden or self.visible):
            return
        seen.add(self.accessible)
        yield self
        for child in self.children():
            yield from child.descend(hidden, seen)

    def act(self, action=0):
        """Runs an action as assistive technology does: by number or by name."""
        if isinstance(action, str):
            names = [self.accessible.get_action_name(i) for i in range(self.accessible.get_n_actions())]
            action = names.index(action)
        if not self.accessible.do_action(action):
            raise Failed("%r: action %s is refused" % (self, action))

    def text(self):
        from gi.repository import Atspi
        return Atspi.Text.get_text(self.accessible, 0, -1)

    def value(self):
        return self.accessible.get_current_value()

    def set_value(self, value):
        if not self.accessible.set_current_value(value):
            raise Failed("%r: value %s is refused" % (self, value))


class Window(Node):
    """A top-level window: its X window tells where its widgets are."""

    def __init__(self, accessible, program):
        super().__init__(accessible, self)
        self.program = program

    def offset(self):
        """From widget coordinates to the screen: GTK counts from inside of the frame it draws."""
        inner = self.extents
        best = None
        for x, y, width, height in self.program.x_windows():
            dx, dy = width - inner.width, height - inner.height
            if dx < 0 or dy < 0:
                continue
            if best is None or dx + dy < best[0]:
                best = (dx + dy, x + dx / 2 - inner.x, y + dy / 2 - inner.y)
        if best is None:
            raise Failed("no X window for %r %r among %s" % (self, inner, self.program.x_windows()))
        return best[1:]


class Program:
    """The program, running. `arguments` as on the command line."""

    def __init__(self, path, *arguments, environment=None):
        self.log = tempfile.NamedTemporaryFile("w+", prefix="masklet-", suffix=".log", dir=home())
        self.path, self.environment = path, {**os.environ, **(environment or {})}
        self.start(*arguments)

    def start(self, *arguments):
        """Starts it, again after it ended."""
        self.process = subprocess.Popen(
            [self.path, *arguments], stdout=self.log, stderr=self.log, env=self.environment)
        wait(self.windows, 60, "a window of the program")

    # ---- Its life ------------------------------------------------------------------------------

    def running(self):
        return self.process.poll() is None

    def kill(self):
        """As kill -9: it gets no chance to save."""
        self.process.kill()
        self.process.wait()

    def quit(self, seconds=20):
        """Ctrl+Q; returns the exit status."""
        self.key("ctrl+q")
        wait(lambda: not self.running(), seconds, "the end of the program")
        return self.process.returncode

    def output(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def complaints(self):
        """Warnings that it printed, GTK's included."""
        return [line for line in self.output().splitlines()
                if re.search(r"WARNING|CRITICAL|ERROR:|runtime error", line) and not NOISE.search(line)]

    # ---- Finding -------------------------------------------------------------------------------

    def x_windows(self):
        """x, y, width, height of its X windows that are shown, the newest last."""
        found = []
        for window in xdotool("search", "--all", "--onlyvisible", "--pid", self.process.pid).split():
            values = dict(line.split("=") for line in
                          xdotool("getwindowgeometry", "--shell", window).split("\n") if "=" in line)
            if values:
                found.append(tuple(int(values[name]) for name in ("X", "Y", "WIDTH", "HEIGHT")))
        return found

    def windows(self):
        from gi.repository import Atspi
        if not self.running():
            raise Failed("the program ended with status %d:\n%s"
                         % (self.process.returncode, self.output()[-4000:]))
        desktop = Atspi.get_desktop(0)
        for i in range(desktop.get_child_count()):
            application = desktop.get_child_at_index(i)
            if application is None or application.get_process_id() != self.process.pid:
                continue
            # Asked afresh each time: the cache learns nothing of changes while no main loop runs.
            application.set_cache_mask(Atspi.Cache.NONE)
            children = [application.get_child_at_index(n) for n in range(application.get_child_count())]
            return [Window(child, self) for child in children if child not in (None, application)]
        return []

    def nodes(self, within=None, hidden=False):
        """Every node of every window; what vanishes while it is looked at is left out."""
        from gi.repository import GLib
        for top in [within] if within else self.windows():
            try:
                yield from top.descend(hidden)
            except GLib.Error:
                continue

    def matches(self, role=None, name=None, within=None, hidden=False):
        """`name`: a string, or a compiled pattern that must be found in it."""
        from gi.repository import GLib
        for node in self.nodes(within, hidden):
            try:
                if role and node.role != role:
                    continue
                text = node.name
                if isinstance(name, str) and text != name:
                    continue
                if name and not isinstance(name, str) and not name.search(text):
                    continue
            except GLib.Error:
                continue
            yield node

    def look(self, role=None, name=None, within=None, hidden=False):
        """The first match now, or None."""
        return next(self.matches(role, name, within, hidden), None)

    def find(self, role=None, name=None, within=None, hidden=False, seconds=20):
        """The first match, waiting for it."""
        what = "%s '%s'" % (role or "a node", getattr(name, "pattern", name))
        try:
            return wait(lambda: self.look(role, name, within, hidden), seconds, what)
        except Failed as error:
            raise Failed("%s; there is:\n%s" % (error, self.describe()))

    def vanish(self, role=None, name=None, seconds=20):
        what = "%s '%s' to go" % (role or "a node", getattr(name, "pattern", name))
        wait(lambda: self.look(role, name) is None, seconds, what)

    def describe(self):
        """The tree of what is shown and has a name, for messages."""
        lines = []
        for node in self.nodes():
            try:
                if node.name:
                    lines.append("    %r %s" % (node, node.description))
            except Exception:  # vanished
                continue
        return "\n".join(lines[:200])

    # GTK 4.8 shows assistive technology only the first window of a program (its root hands out no
    # path for the others): dialogs are driven by keys.

    def wait_dialog(self, seconds=20):
        """Waits for a second window, drawn."""
        wait(lambda: len(self.x_windows()) > 1, seconds, "a dialog")
        self.wait_still(seconds)

    def wait_still(self, seconds=20):
        """Waits until the screen does not change any more: two looks in a row are the same."""
        last = [None]

        def is_still():
            picture = screenshot().tobytes()
            same, last[0] = picture == last[0], picture
            return same

        time.sleep(0.05)  # what was pressed has to arrive
        wait(is_still, seconds, "a screen that stands still")

    def wait_no_dialog(self, seconds=20):
        wait(lambda: len(self.x_windows()) == 1, seconds, "the dialog to close")

    # ---- Doing ---------------------------------------------------------------------------------

    def click(self, where, button=1, modifiers=(), count=1):
        """`where`: a Node, its middle; or a point of the screen."""
        x, y = where.rect.centre if isinstance(where, Node) else where
        command = ["mousemove", round(x), round(y)]
        for key in modifiers:
            command += ["keydown", key]
        command += ["click", "--repeat", count, "--delay", 40, button]
        for key in modifiers:
            command += ["keyup", key]
        xdotool(*command)

    def move(self, x, y):
        xdotool("mousemove", round(x), round(y))

    def drag(self, points, button=1, modifiers=()):
        """Presses at the first point, moves over the others, lets go at the last."""
        points = [(round(x), round(y)) for x, y in points]
        command = ["mousemove", *points[0]]
        for key in modifiers:
            command += ["keydown", key]
        command += ["mousedown", button]
        for (x0, y0), (x1, y1) in zip(points, points[1:]):
            steps = max(int(max(abs(x1 - x0), abs(y1 - y0)) / 12), 1)
            for i in range(1, steps + 1):
                command += ["mousemove", x0 + (x1 - x0) * i // steps, y0 + (y1 - y0) * i // steps,
                            "sleep", "0.008"]
        command += ["mouseup", button]
        for key in modifiers:
            command += ["keyup", key]
        xdotool(*command)

    def scroll(self, x, y, steps, modifiers=()):
        """Wheel steps, negative away from the user."""
        command = ["mousemove", round(x), round(y)]
        for key in modifiers:
            command += ["keydown", key]
        command += ["click", "--repeat", abs(steps), "--delay", 15, 5 if steps > 0 else 4]
        for key in modifiers:
            command += ["keyup", key]
        xdotool(*command)

    def key(self, *keys):
        for key in keys:
            xdotool("key", key)

    def type(self, text):
        xdotool("type", "--delay", "15", text)


def run(tests, program):
    """Runs the functions in order, each with `program`; prints a line for each; the exit status."""
    failed = 0
    for test in tests:
        begin = time.monotonic()
        try:
            test(program)
            print("ok   %s (%.1f s)" % (test.__doc__ or test.__name__, time.monotonic() - begin))
        except Exception as error:  # each is reported, the next one runs
            failed += 1
            print("FAIL %s: %s: %s" % (test.__doc__ or test.__name__, type(error).__name__, error))
            if os.environ.get("MASKLET_UI_PICTURES"):
                os.makedirs(os.environ["MASKLET_UI_PICTURES"], exist_ok=True)
                save_screenshot(os.path.join(os.environ["MASKLET_UI_PICTURES"], test.__name__ + ".png"))
    print("%d passed, %d failed" % (len(tests) - failed, failed))
    return failed > 0
