# SPDX-License-Identifier: Apache-2.0
# test_accessibility.py MASKLET MASKLET-CLI: the window as assistive technology meets it: every
# control has a role and a name, Tab reaches every pane, and the way from a clip to an export can be
# gone with the keyboard and accessible actions alone.
import re
import sys

import driver

driver.enter_session()
import masklet  # noqa: E402

PROGRAM, CLI = sys.argv[1:3]
CONTROLS = ("push button", "toggle button", "check box", "combo box", "slider", "spin button", "entry",
            "text", "switch", "menu item", "radio button", "link", "image", "tool bar")
PANES = ("Tools", "Canvas", "Transport", "Timeline", "Objects")


def check(ok, text):
    if not ok:
        raise driver.Failed(text)


def path_of(node):
    names, accessible = [], node.accessible
    for _ in range(30):
        names.append("%s '%s'" % (accessible.get_role_name(), accessible.get_name()))
        accessible = accessible.get_parent()
        if accessible is None or accessible.get_role_name() in ("application", "desktop frame"):
            break
    return " < ".join(names)


def nameless(program):
    """Controls that say nothing: no name, that of a class, or one with a mnemonic's underscore."""
    found = []
    for node in program.nodes():
        if node.role in CONTROLS and (not node.name.strip() or re.match(r"(Gtk|Adw|Msk)[A-Z]|.*\b_", node.name)):
            # The inner parts of a control that has a name (a switch's knob, an arrow).
            parent = node.accessible.get_parent()
            inner = parent is not None and parent.get_role_name() in CONTROLS + ("list item",)
            if node.role == "image" or (inner and parent.get_name().strip()):
                continue
            found.append(path_of(node))
    return found


def focused(program):
    """What has the keyboard focus."""
    from gi.repository import GLib
    best = None
    for node in program.nodes():
        try:
            if node.has_state("FOCUSED"):
                best = node
        except GLib.Error:
            continue
    return best


def start_page(program):
    """the empty window: every control has a name"""
    program.find("push button", re.compile("Sample Clip"))
    found = nameless(program)
    check(not found, "without a name:\n    " + "\n    ".join(found))


def opens_by_action(program):
    """an accessible action opens the sample clip"""
    program.find("push button", re.compile("Sample Clip")).act()
    program.find("label", re.compile("frame 0 / 119"), seconds=60)


def main_window(program):
    """with a clip: panes and controls have roles and names"""
    for pane in PANES:
        program.find(None, pane)
    found = nameless(program)
    check(not found, "without a name:\n    " + "\n    ".join(found))


def tab_order(program):
    """Tab reaches every pane and comes around"""
    seen, first = [], None
    for _ in range(80):
        program.key("Tab")
        node = focused(program)
        if node is None:
            continue
        path = path_of(node)
        if first is None:
            first = path
        elif path == first and len(seen) > 8:
            break
        seen.append(path)
    else:
        raise driver.Failed("Tab does not come around:\n    " + "\n    ".join(seen))
    for pane in PANES:
        check(any("'%s'" % pane in path for path in seen),
              "Tab does not reach %s:\n    %s" % (pane, "\n    ".join(seen)))


tests = [start_page, opens_by_action, main_window, tab_order]
program = masklet.Masklet(PROGRAM, CLI)
status = driver.run(tests, program)
program.kill()
sys.exit(status)
