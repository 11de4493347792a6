# SPDX-License-Identifier: Apache-2.0
# check_po.py SOURCE-FOLDER [--update]: po/POTFILES lists every file with strings to translate, and
# every language of po/LINGUAS is complete, correct and made from these strings. --update brings
# POTFILES and the catalogues up to date (./dev strings).
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

root = sys.argv[1]
passed = failed = 0
CALL = re.compile(r"(?<![A-Za-z0-9])(_|N_|C_|NC_|Q_|gettext|ngettext|g_dngettext|g_dpgettext2)\(\s*[\"(A-Za-z]")
KEYWORDS = ["_", "N_", "Q_:1g", "C_:1c,2", "NC_:1c,2", "ngettext:1,2", "g_dngettext:2,3"]


def check(ok, what, details=""):
    global passed, failed
    print(("ok   " if ok else "FAIL ") + what)
    if not ok and details:
        print("       " + details.rstrip().replace("\n", "\n       "))
    passed, failed = passed + bool(ok), failed + (not ok)


def lines_of(name):
    with open(os.path.join(root, "po", name), encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


def has_strings(path):
    text = open(path, encoding="utf-8").read()
    if path.endswith(".c") or path.endswith(".h"):
        code = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith(("//", "#")))
        return bool(CALL.search(code))
    return 'translatable="yes"' in text


def with_strings():
    found = set()
    for folder in ("app", "ui"):
        for pattern in ("*.c", "*.h", "*.ui"):
            for path in glob.glob(os.path.join(root, folder, "**", pattern), recursive=True):
                if has_strings(path):
                    found.add(os.path.relpath(path, root))
    for pattern in ("*.desktop.in", "*.metainfo.xml.in"):
        found.update(os.path.relpath(path, root) for path in glob.glob(os.path.join(root, "data", pattern)))
    return found


# What the window shows of app/. Not of these: they are masklet-cli's, or the window shows less.
OWN_ENGLISH = ("cli", "bench_", "prompt", "mask_store.c", "matte.c", "value_code.c")
MAKES_TEXT = re.compile(r"\b(g_set_error|g_set_error_literal|g_error_new|g_error_new_literal|msk_store_set_error|"
                        r"msk_store_set_file_error|msk_movie_fail|msk_document_begin)\s*\(")
LITERAL = re.compile(r'"(?:[^"\\\n]|\\.)*"')
MARKED = re.compile(r'\b(?:_|ngettext)\((?:\s*"(?:[^"\\\n]|\\.)*"\s*(?:PRI\w+)?\s*,?)+')
WORDS = re.compile(r"[A-Za-z]{3}\S* \S|^\"[A-Z][a-z]+\"$")


def arguments_at(text, start):
    depth = 1
    at = start
    while depth:
        literal = LITERAL.match(text, at)
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at = literal.end() if literal else at + 1
    return text[start:at - 1]


def unmarked():
    found = []
    for path in sorted(glob.glob(os.path.join(root, "app", "*.c"))):
        if os.path.basename(path).startswith(OWN_ENGLISH):
            continue
        text = re.sub(r"//[^\n]*", "", open(path, encoding="utf-8").read())
        for call in MAKES_TEXT.finditer(text):
            rest = MARKED.sub("", arguments_at(text, call.end()))
            found += ["%s: %s" % (os.path.basename(path), literal) for literal in LITERAL.findall(rest)
                      if WORDS.search(literal)]
    return found


def run(*command):
    return subprocess.run(command, cwd=root, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})



def check_language(language, template, folder):
    path = os.path.join(root, "po", language + ".po")
    done = run("msgfmt", "--check", "--output-file=" + os.path.join(folder, "out.mo"), path)
    check(done.returncode == 0, language + ": its form is right", done.stderr)
    merged = os.path.join(folder, language + ".po")
    done = run("msgmerge", "--quiet", "--no-fuzzy-matching", "--output-file=" + merged, path, template)
    check(done.returncode == 0, language + ": merges with the strings of today", done.stderr)
    done = run("msgfmt", "--statistics", "--output-file=" + os.path.join(folder, "out.mo"), merged)
    text = done.stderr.strip()
    missing = run("msgattrib", "--untranslated", "--no-wrap", merged).stdout.split("\n\n", 1)
    check("fuzzy" not in text and "untranslated" not in text, language + ": complete, " + text,
          missing[1] if len(missing) > 1 else "")


if not shutil.which("xgettext") or not shutil.which("msgmerge"):
    print("not on this machine: gettext")
    sys.exit(77)
if "--update" in sys.argv:
    with open(os.path.join(root, "po", "POTFILES"), "w", encoding="utf-8") as file:
        file.write("".join(path + "\n" for path in sorted(with_strings())))
listed, found = set(lines_of("POTFILES")), with_strings()
check(not found - listed, "po/POTFILES lists every file with strings", "\n".join(sorted(found - listed)))
check(not listed - found, "and no other", "\n".join(sorted(listed - found)))
check(lines_of("POTFILES") == sorted(lines_of("POTFILES")), "in alphabetical order")
check(not unmarked(), "app/ marks its errors and the names of commands", "\n".join(unmarked()))
with tempfile.TemporaryDirectory() as temporary:
    pot = os.path.join(temporary, "masklet.pot")
    result = run("xgettext", "--from-code=UTF-8", "--add-comments=Translators", "--output=" + pot,
                 *["--keyword=" + keyword for keyword in KEYWORDS], *sorted(listed & found))
    check(result.returncode == 0 and os.path.exists(pot), "the strings can be read", result.stderr)
    # One text with and without a plural is one entry with a plural, which serves both.
    warnings = [line for line in result.stderr.split("\n") if "warning:" in line
                and "used without plural and with plural" not in line]
    check(not warnings, "without a warning", "\n".join(warnings))
    check("INT64_FORMAT" not in "".join(open(os.path.join(root, path), encoding="utf-8").read()
                                  for path in listed if path.endswith(".c")),
          "PRId64 stands in texts, not G_GINT64_FORMAT, which xgettext does not know")
    for name in lines_of("LINGUAS"):
        if "--update" in sys.argv:
            run("msgmerge", "--quiet", "--update", "--backup=none", "--no-fuzzy-matching",
                "po/" + name + ".po", pot)
        check_language(name, pot, temporary)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
