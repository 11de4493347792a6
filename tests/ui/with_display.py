# SPDX-License-Identifier: Apache-2.0
# with_display.py PROGRAM [ARGUMENT]...: runs a test program that shows widgets on a display of its
# own, with settings that last as long as it does and without a D-Bus session.
import shutil
import subprocess
import sys
import tempfile

import displays

if not shutil.which("Xvfb"):
    print("not on this machine: Xvfb")
    sys.exit(displays.CANNOT_RUN)
server, display = displays.start_server((1280, 800))
home = tempfile.mkdtemp(prefix="masklet-ui-")
environment = displays.environment(display, home)
# Cairo draws; without GL, GTK does not try Mesa, which loses memory and cannot be named by a
# suppression when it is unloaded.
environment.update(GSETTINGS_BACKEND="memory", GTK_A11Y="test", DBUS_SESSION_BUS_ADDRESS="disabled:",
                   GDK_DEBUG="gl-disable")
try:
    status = subprocess.run(sys.argv[1:], env=environment).returncode
finally:
    server.terminate()
    server.wait()
    shutil.rmtree(home, ignore_errors=True)
sys.exit(status if status >= 0 else 128 - status)
