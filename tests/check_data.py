# SPDX-License-Identifier: Apache-2.0
# check_data.py DATA-FOLDER DESKTOP-FILE METAINFO: what the desktop is told of the program is valid,
# and a project file is known by its content.
import glob
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

APP = "org.masklet.Masklet"
data, desktop, metainfo = sys.argv[1:4]
passed = failed = 0


def check(ok, what, details=""):
    global passed, failed
    print(("ok   " if ok else "FAIL ") + what)
    if not ok:
        print(details.rstrip())
    passed, failed = passed + bool(ok), failed + (not ok)


def run(*command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    return done.returncode == 0, done.stdout + done.stderr


def content_type(path, **environment):
    _, text = run("gio", "info", "-a", "standard::content-type", path, **environment)
    return text.rsplit("content-type:", 1)[-1].strip()


def check_mime():
    """A project is known by its name, and without it by its content; other databases are not."""
    with tempfile.TemporaryDirectory() as folder:
        packages = os.path.join(folder, "mime", "packages")
        os.makedirs(packages)
        for path in glob.glob(os.path.join(data, "mime", "*.xml")):
            shutil.copy(path, packages)
        ok, text = run("update-mime-database", os.path.join(folder, "mime"), XDG_DATA_HOME=folder)
        check(ok and not text.strip(), "the MIME type compiles", text)
        header = b"SQLite format 3\0".ljust(68, b"\0")
        files = {
            "named.masklet": header + bytes(1000),
            "project": header + struct.pack(">I", application_id()) + bytes(1000),
            "database": header + bytes(1000),
        }
        found = {}
        for name, content in files.items():
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(content)
            found[name] = content_type(path, XDG_DATA_HOME=folder)
        check(found["named.masklet"] == "application/x-masklet", "NAME.masklet is a project", str(found))
        check(found["project"] == "application/x-masklet", "a project is known without a name", str(found))
        check(found["database"] != "application/x-masklet", "another database is none", str(found))


def application_id():
    """The number that app/store*.c writes into project files."""
    for path in sorted(glob.glob(os.path.join(data, "..", "app", "store*.[ch]"))):
        for line in open(path, encoding="utf-8"):
            words = line.split()
            if words[:1] == ["#define"] and "APPLICATION_ID" in words[1]:
                return int(words[2].rstrip("uU"), 16)
    raise SystemExit("app/store*.h defines no APPLICATION_ID")


def check_icons():
    scalable = os.path.join(data, "icons/hicolor/scalable/apps", APP + ".svg")
    symbolic = os.path.join(data, "icons/hicolor/symbolic/apps", APP + "-symbolic.svg")
    for path, size in ((scalable, "128"), (symbolic, "16")):
        root = ElementTree.parse(path).getroot()
        check(root.get("width") == root.get("height") == size, os.path.basename(path) + " has its size")
    colours = {e.get("fill") for e in ElementTree.parse(symbolic).iter()} - {None}
    check(colours == {"#2e3436"}, "the symbolic icon has one colour", str(colours))


missing = [tool for tool in ("desktop-file-validate", "appstreamcli", "update-mime-database", "gio",
                             "glib-compile-schemas") if not shutil.which(tool)]
if missing:
    print("not on this machine: " + " ".join(missing))
    sys.exit(77)
ok, text = run("desktop-file-validate", desktop)
check(ok and not text.strip(), "the desktop file is valid", text)
check("Icon=%s\n" % APP in open(desktop, encoding="utf-8").read(), "it names the icon")
ok, text = run("appstreamcli", "validate", "--no-net", "--explain", metainfo)
check(ok, "the metainfo is valid", text)
ok, text = run("glib-compile-schemas", "--strict", "--dry-run", data)
check(ok, "the settings schema is valid", text)
check_mime()
check_icons()
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
