#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Reads every kind of export back with FFmpeg's tools and Pillow: check_export.py EXPORT_TOOL [NAME]
import os
import shutil
import subprocess
import sys
import tempfile

from export_checks import *
from export_video_checks import (test_ffv1, test_matte_video, test_prores, test_sound, test_vp9)


def test_png(sources, work):
    source = sources["plain.mp4"]
    path = os.path.join(work, "matte")
    check(export(source, "matte-png", path, objects=2) == [path], "the path is printed")
    names = ["plain.%04d.png" % n for n in range(30)]
    check(listing(path) == sorted(names + ["frames.csv"]), "file names")
    check_frames_csv(path + "/frames.csv", source, 0, 30, names)
    for n, name in enumerate(names):
        image = Image.open(os.path.join(path, name))
        expected = union_of(2, n, 320, 180) * np.uint8(255)
        check(image.mode == "L" and np.array_equal(np.array(image), expected), name)

    path = os.path.join(work, "matte16")
    export(source, "matte-png16", path, feather=150, first=3, last=9, pattern="{clip}_{frame}.png")
    check(listing(path) == sorted(["plain_%d.png" % n for n in range(3, 10)] + ["frames.csv"]),
          "numbers of the source's frames")
    for n in range(3, 10):
        got = read_png16(os.path.join(path, "plain_%d.png" % n))
        mask = mask_of(1, n, 320, 180)
        expected = np.zeros((180, 320)) if mask is None else feather(mask, 150)
        check(np.abs(got - expected).max() <= 0.6, "feathered matte %d" % n)
    check(len(np.unique(to_8(got))) > 120, "the ramp has many levels")

    # The cut-out: alpha as the matte's, RGB as FFmpeg converts the source.
    path = os.path.join(work, "rgba")
    export(source, "rgba-png", path, number=1001, feather=60, objects=1, names="dog/1")
    matte = os.path.join(work, "rgba_matte")
    export(source, "matte-png16", matte, number=1001, feather=60, names="dog/1")
    check("dog_1.1001.png" in listing(path) and "dog_1.1030.png" in listing(path), "numbering")
    reference = decode_source(source, "rgb24", np.uint8, -3).astype(int)
    levels = set()
    for n in range(30):
        image = Image.open(os.path.join(path, "dog_1.%d.png" % (1001 + n)))
        pixels = np.array(image)
        alpha = read_png16(os.path.join(matte, "dog_1.%d.png" % (1001 + n)))
        levels |= set(np.unique(pixels[..., 3]))
        check(image.mode == "RGBA" and np.array_equal(pixels[..., 3], to_8(alpha)), "alpha %d" % n)
        error = np.abs(pixels[..., :3].astype(int) - reference[n])
        check(error.mean() < 1.0 and np.percentile(error, 99) <= 12,
              "RGB %d: %.2f %d" % (n, error.mean(), error.max()))
    check(levels == set(range(256)), "all 256 values of alpha: %d" % len(levels))

    straight = np.array(Image.open(os.path.join(path, "dog_1.1004.png"))).astype(np.uint32)
    path = os.path.join(work, "premultiplied")
    export(source, "rgba-png", path, feather=60, first=3, last=3, premultiplied=1, number=0,
           pattern="{id}-{frame:03d}.png")
    got = np.array(Image.open(os.path.join(path, "1-000.png")))
    alpha = read_png16(os.path.join(matte, "dog_1.1004.png")).astype(np.uint32)
    expected = (straight[..., :3] * alpha[..., None] + 32767) // 65535
    check(np.array_equal(got[..., :3], expected), "premultiplied")

    path = os.path.join(work, "deep_rgba")
    export(sources["deep.mkv"], "rgba-png", path, feather=20)
    raw = decode(os.path.join(path, "deep.0003.png"), "rgba64le", np.uint16, -4)[0]
    check(video_stream(os.path.join(path, "deep.0003.png"))["pix_fmt"] == "rgba64be", "16 bits")
    reference = decode_source(sources["deep.mkv"], "rgb48le", np.uint16, -3)[3].astype(int)
    check(np.abs(raw[..., :3] - reference).mean() < 300, "16-bit RGB")
    check(np.abs(raw[..., 3] - feather(mask_of(1, 3, 320, 180), 20)).max() <= 0.6, "16-bit alpha")
    with open(os.path.join(path, "deep.0003.png"), "rb") as file:
        data = file.read()
    check(data[data.index(b"cICP") + 4:][:4] == bytes([9, 16, 0, 1]), "colour tags: BT.2020, PQ")

    path = os.path.join(work, "wide_rgba")
    export(sources["wide.mov"], "rgba-png", path)
    image = Image.open(os.path.join(path, "wide.0000.png"))
    check(image.info.get("aspect") == (3, 4), "pixel aspect 4/3: %s" % image.info)
    rows = read_csv(path + "/frames.csv")
    check([r["timecode"] for r in rows[:2]] == ["01:00:00:00", "01:00:00:01"], "timecode")

    # Alpha of the source and of the matte multiply.
    path = os.path.join(work, "alpha_rgba")
    export(sources["alpha.mov"], "rgba-png", path)
    got = np.array(Image.open(os.path.join(path, "alpha.0000.png")))
    own = decode(sources["alpha.mov"], "rgba", np.uint8, -4)[0]
    check(np.array_equal(got[..., 3], own[..., 3] * mask_of(1, 0, 64, 48)), "alpha of the source")
    check(np.array_equal(got[..., :3], own[..., :3]), "RGB of an RGB source is untouched")

    path = os.path.join(work, "turned")
    export(sources["turned.mp4"], "rgba-png", path, last=2)
    image = np.array(Image.open(os.path.join(path, "turned.0000.png")))
    reference = decode_turned(sources["turned.mp4"])
    check(image.shape == (320, 180, 4), "upright: %s" % (image.shape,))
    check(np.abs(image[..., :3] - reference.astype(int)).mean() < 1.0, "upright picture")
    check(np.array_equal(image[..., 3] > 0, mask_of(1, 0, 180, 320)), "upright matte")


def voc_palette():
    palette = []
    for i in range(256):
        colour = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                colour[channel] |= (i >> (3 * bit + channel) & 1) << (7 - bit)
        palette += colour
    return palette


def test_davis(sources, work):
    path = os.path.join(work, "davis")
    export(sources["plain.mp4"], "davis", path, objects=4, first=2, last=11)
    names = ["%05d.png" % n for n in range(10)]
    check(listing(path) == sorted(names + ["frames.csv"]), "file names")
    check_frames_csv(path + "/frames.csv", sources["plain.mp4"], 2, 10, names)
    for i, name in enumerate(names):
        image = Image.open(os.path.join(path, name))
        expected = np.zeros((180, 320), np.uint8)
        for k in (4, 3, 2, 1):
            mask = mask_of(k, i + 2, 320, 180)
            if mask is not None:
                expected[mask] = k
        check(image.mode == "P" and np.array_equal(np.array(image), expected), name)
        check(image.getpalette() == voc_palette(), "palette")
    path = os.path.join(work, "davis_dot")
    export(sources["dot.mkv"], "davis", path, objects=2)
    check(Image.open(path + "/00001.png").size == (1, 1), "one pixel")
    output = export(sources["plain.mp4"], "davis", os.path.join(work, "no"), expect=1, objects=255)
    check("254" in output[0] and not os.path.exists(os.path.join(work, "no")), output)
    export(sources["dot.mkv"], "davis", os.path.join(work, "davis254"), objects=254)


def test_objects(sources, work):
    source = sources["odd.mkv"]
    path = os.path.join(work, "each")
    paths = export(source, "matte-png", path, objects=3, separate=1, names="dog|../x|dog")
    names = ["dog", "_x", "dog-3"]
    check(paths == [os.path.join(path, n) for n in names], "a folder for each: %s" % paths)
    for k, name in enumerate(names):
        files = listing(os.path.join(path, name))
        check(files == sorted(["%s.%04d.png" % (name, n) for n in range(12)] + ["frames.csv"]),
              "%s" % files)
        for n in range(12):
            mask = mask_of(k + 1, n, 33, 17)
            expected = np.zeros((17, 33), bool) if mask is None else mask
            got = np.array(Image.open("%s/%s/%s.%04d.png" % (path, name, name, n)))
            check(np.array_equal(got, expected * np.uint8(255)), "object %d frame %d" % (k, n))
    folder = os.path.join(work, "videos")
    os.mkdir(folder)
    export(source, "ffv1-alpha", folder + "/out.mkv", objects=2, separate=1, names="a|b")
    export(source, "ffv1-alpha", folder + "/{id}_{name}.mkv", objects=2, separate=1, names="a|b")
    check(listing(folder) == sorted(
        [name + end for name in ("out-a.mkv", "out-b.mkv", "1_a.mkv", "2_b.mkv")
         for end in ("", ".frames.csv")]), "%s" % listing(folder))
    got = decode(folder + "/out-b.mkv", "rgba", np.uint8, -4)[0, ..., 3] > 0
    check(np.array_equal(got, mask_of(2, 0, 33, 17)), "a file for each")


KINDS = (("matte-png", ""), ("rgba-png", ""), ("davis", ""), ("prores4444", ".mov"),
         ("vp9-alpha", ".webm"), ("ffv1-alpha", ".mkv"), ("matte-video", ".mp4"),
         ("matte-video", ".mov"), ("matte-video", ".mkv"))


def test_endings(sources, work):
    source = sources["plain.mp4"]
    for i, (kind, extension) in enumerate(KINDS):
        folder = os.path.join(work, "end%d" % i)
        os.mkdir(folder)
        path = os.path.join(folder, "out" + extension)
        output = export(source, kind, path, expect=1, cancel=5)
        check("cancel" in output[-1].lower() and listing(folder) == [], "%s %s: %s" %
              (kind, output, listing(folder)))
        output = export(source, kind, path, expect=1, cancel=5, keep=1)
        check(output[0] == path and "cancel" in output[-1].lower(), "%s kept: %s" % (kind, output))
        csv_path = path + (".frames.csv" if extension else "/frames.csv")
        check(len(read_csv(csv_path)) == 5, "%s: five rows" % kind)
        if extension:
            check(len(frame_times(path)) == 5, "%s: five frames" % kind)
        else:
            check(len(listing(path)) == 6, "%s: five files" % kind)

        # What exists is not touched, then replaced when asked.
        before = {name: os.stat(os.path.join(folder, name)).st_ino for name in listing(folder)}
        output = export(source, kind, path, expect=1, last=2)
        check("exist" in output[-1] or "not empty" in output[-1], "%s" % output)
        after = {name: os.stat(os.path.join(folder, name)).st_ino for name in listing(folder)}
        check(before == after, "%s is untouched" % kind)
        if not extension:
            with open(path + "/mine.txt", "w") as file:
                file.write("keep")
        export(source, kind, path, last=2, overwrite=1)
        check(len(read_csv(csv_path)) == 3, "%s: replaced" % kind)
        if not extension:
            check(len(listing(path)) == 5 and os.path.exists(path + "/mine.txt"),
                  "%s: old files went, others stayed: %s" % (kind, listing(path)))

        # A write that fails in the middle.
        shutil.rmtree(folder)
        os.mkdir(folder)
        limit = 200 if not extension else 3000
        output = export(source, kind, path, expect=1, file_size_max=limit, sound=0)
        check("File too large" in output[-1] and path in output[-1], "%s: %s" % (kind, output))
        check(listing(folder) == [], "%s: nothing is left: %s" % (kind, listing(folder)))


def test_full_disk(sources, work):
    disk = os.path.join(work, "disk")
    os.mkdir(disk)
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", disk],
                           capture_output=True)
    if mount.returncode:
        print("full disk: cannot mount a small file system here; skipped")
        return
    try:
        for kind, extension in KINDS:
            if kind == "davis":
                continue # its files are smaller than the disk
            path = os.path.join(disk, "out" + extension)
            output = export(sources["plain.mp4"], kind, path, expect=1, feather=60)
            check("No space left" in output[-1] and path in output[-1], "%s: %s" % (kind, output))
            check(listing(disk) == [], "%s: nothing is left: %s" % (kind, listing(disk)))
    finally:
        subprocess.run(["umount", disk])


def test_errors(sources, work):
    source = sources["plain.mp4"]
    for options in ({"pattern": "x.png"}, {"pattern": "{frame}/{name}.png"}, {"feather": -1},
                    {"pattern": "{frame}{frame}.png"}, {"pattern": "{frame:4d}.png"},
                    {"pattern": "{frame}.tif"}, {"first": 30}, {"last": 30}, {"first": 5, "last": 4},
                    {"number": -5}, {"objects": 2, "pattern": "{id}-{frame}.png"}):
        path = os.path.join(work, "bad")
        output = export(source, "matte-png", path, expect=1, **options)
        check(output[0].startswith("error: msk") and not os.path.exists(path), output)
    output = export(source, "prores4444", os.path.join(work, "x.mp4"), expect=1)
    check(".mov" in output[0], output)
    output = export(source, "matte-png", os.path.join(work, "missing", "out"), expect=1)
    check("missing" in output[0] and "No such file" in output[0], output)
    file = os.path.join(work, "file")
    with open(file, "w") as out:
        out.write("x")
    output = export(source, "matte-png", file, expect=1, overwrite=1)
    check("not a folder" in output[0], output)
    folder = os.path.join(work, "folder.mov")
    os.mkdir(folder)
    output = export(source, "prores4444", folder, expect=1, overwrite=1)
    check("not a plain file" in output[0], output)
    output = export(source, "prores4444", "/proc/out.mov", expect=1)
    check("/proc" in output[0], output)


TESTS = (test_png, test_davis, test_prores, test_ffv1, test_vp9, test_matte_video, test_sound,
         test_objects, test_endings, test_full_disk, test_errors)


def main():
    if not shutil.which("ffmpeg") or not shutil.which("ffprobe"):
        print("0 passed, 0 failed, 1 skipped (no ffmpeg)")
        return 77
    with tempfile.TemporaryDirectory() as work:
        sources = make_sources(work)
        for test in TESTS:
            if len(sys.argv) > 2 and sys.argv[2] not in test.__name__:
                continue
            before = dict(counts)
            folder = os.path.join(work, test.__name__)
            os.mkdir(folder)
            test(sources, folder)
            shutil.rmtree(folder, ignore_errors=True)
            failed = counts["failed"] - before["failed"]
            print("%s: %s (%d checks)" % (test.__name__, "FAILED" if failed else "ok",
                                          sum(counts.values()) - sum(before.values())), flush=True)
    print("%d passed, %d failed" % (counts["passed"], counts["failed"]))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
