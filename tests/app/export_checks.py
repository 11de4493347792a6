# SPDX-License-Identifier: Apache-2.0
# What the checks of exports share: sources, known masks, and reading files back.
import csv
import fractions
import json
import os
import subprocess
import sys

try:
    import numpy as np
    from PIL import Image
except ImportError:
    print("0 passed, 0 failed, 1 skipped (no numpy or Pillow)")
    sys.exit(77)

TOOL = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
counts = {"passed": 0, "failed": 0}
Fraction = fractions.Fraction


def check(ok, what):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        frame = sys._getframe(1)
        print("%s:%d: failed: %s" % (os.path.basename(frame.f_code.co_filename), frame.f_lineno, what))
    return ok


def ffmpeg(*arguments):
    run = subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)],
                         capture_output=True, stdin=subprocess.DEVNULL)
    if run.returncode:
        raise RuntimeError("ffmpeg %s: %s" % (arguments, run.stderr.decode()))
    return run.stdout


def probe(path, *arguments):
    run = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format",
                          *arguments, path], capture_output=True, check=True)
    return json.loads(run.stdout)


def video_stream(path):
    return [s for s in probe(path)["streams"] if s["codec_type"] == "video"][0]


def frame_times(path):
    """Presentation times of the pictures in seconds, as ffprobe decodes them."""
    data = probe(path, "-select_streams", "v:0", "-show_frames")
    base = Fraction([s for s in data["streams"] if s["codec_type"] == "video"][0]["time_base"])
    return [int(f["pts"]) * base for f in data["frames"]]


def decode(path, pixel_format, dtype, planes, decoder=None, extra=()):
    """All pictures as (frames, planes, height, width), or (frames, height, width, -planes)."""
    stream = video_stream(path)
    width, height = stream["width"], stream["height"]
    choose = ["-c:v", decoder] if decoder else []
    raw = ffmpeg(*choose, "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", *extra,
                 "-sws_flags", "accurate_rnd+full_chroma_int+full_chroma_inp+bicubic",
                 "-pix_fmt", pixel_format, "-f", "rawvideo", "-")
    shape = (planes, height, width) if planes > 0 else (height, width, -planes)
    return np.frombuffer(raw, dtype).reshape(-1, *shape)


def decode_source(path, pixel_format, dtype, planes):
    """The source's pictures, by a library other than the one the program uses."""
    scale = "zscale=filter=bicubic"
    if pixel_format.startswith("gbr") or pixel_format.startswith("rgb"):
        scale += ":matrix=gbr:range=full,format=" + \
            {"rgb24": "gbrp", "rgb48le": "gbrp16le"}.get(pixel_format, pixel_format)
    return decode(path, pixel_format, dtype, planes, extra=("-vf", scale))


def export(source, kind, path, expect=0, **options):
    command = [TOOL, "export", source, kind, path]
    command += ["%s=%s" % item for item in options.items()]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    if run.returncode < 0 or "Sanitizer" in run.stderr or "runtime error" in run.stderr:
        print(run.stderr)
    check(run.returncode == expect,
          "%s gives %d, not %d: %s%s" % (command[1:], run.returncode, expect, run.stdout,
                                         run.stderr[-2000:]))
    return run.stdout.strip().split("\n")


def mask_of(k, n, width, height):
    """The masks of export_tool.c; None where the object is absent."""
    if (n + k) % 7 == 6:
        return None
    x0 = 0 if width < 8 else (k - 1) * (width // 5) + n % 3
    margin = min(k, height // 4)
    mask = np.zeros((height, width), bool)
    mask[margin:height - margin, x0:x0 + max(width // 2, 1)] = True
    return mask


def union_of(n_objects, n, width, height):
    result = np.zeros((height, width), bool)
    for k in range(1, n_objects + 1):
        mask = mask_of(k, n, width, height)
        if mask is not None:
            result |= mask
    return result


def feather(mask, width):
    sigma = width / 2
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(mask * 65535.0, reach, mode="edge")
    rows = np.apply_along_axis(lambda row: np.convolve(row, kernel, "valid"), 1, padded)
    return np.apply_along_axis(lambda col: np.convolve(col, kernel, "valid"), 0, rows)


def to_8(alpha):
    return ((alpha.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def read_png16(path):
    return np.array(Image.open(path)).astype(np.uint16)


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def listing(folder):
    return sorted(os.path.relpath(os.path.join(root, name), folder)
                  for root, folders, files in os.walk(folder) for name in folders + files)


# ---- Sources -----------------------------------------------------------------------------------

def make_sources(work):
    sources = {}

    def make(name, *arguments):
        sources[name] = os.path.join(work, name)
        ffmpeg(*arguments, sources[name])

    tags = ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709",
            "-color_trc", "bt709"]
    picture = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1.2"]
    # A rising tone: any shift in time shows.
    tone = ["-f", "lavfi", "-i", "aevalsrc=0.5*sin(2*PI*t*(200+400*t)):s=48000:d=1.2"]
    make("plain.mp4", *picture, *tone, "-c:v", "libx264", "-bf", "2", "-pix_fmt", "yuv420p", *tags,
         "-vf", "scale=out_color_matrix=bt709:out_range=tv", "-c:a", "aac", "-b:a", "96k")
    make("vfr.mp4", *picture, "-vf", "setpts=N*3003+mod(N*N\\,7)*317,settb=1/90000",
         "-enc_time_base", "1/90000", "-fps_mode", "passthrough", "-c:v", "libx264", "-bf", "2",
         "-video_track_timescale", "90000")
    make("deep.mkv", *picture, "-frames:v", "8", "-c:v", "ffv1", "-pix_fmt", "yuv420p10le",
         "-color_range", "tv", "-colorspace", "bt2020nc", "-color_primaries", "bt2020",
         "-color_trc", "smpte2084")
    make("odd.mkv", "-f", "lavfi", "-i", "testsrc2=s=48x32:r=30:d=0.4,format=yuv444p,crop=33:17:8:8",
         "-c:v", "ffv1", "-pix_fmt", "yuv444p", "-colorspace", "smpte170m")
    # Full range, fields, and sound that begins late and ends early.
    make("full.mkv", *picture, "-itsoffset", "0.4", *tone[:3], tone[3].replace("1.2", "0.5"),
         "-map", "0", "-map", "1", "-frames:v", "30", "-c:v", "ffv1", "-pix_fmt", "yuvj420p",
         "-colorspace", "smpte170m", "-color_primaries", "smpte170m", "-color_trc", "smpte170m",
         "-c:a", "aac")
    make("fields.mov", *picture, "-frames:v", "6", "-vf", "setfield=tff", "-flags", "+ildct+ilme",
         "-c:v", "mpeg2video", "-q:v", "2")
    make("long.mkv", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=5.2", "-c:v", "ffv1")
    make("dot.mkv", "-f", "lavfi", "-i", "color=c=red:s=8x8:r=30:d=0.4,format=bgr0,crop=1:1", "-c:v", "ffv1", "-pix_fmt",
         "bgr0")
    make("wide.mov", *picture, "-f", "lavfi", "-i",
         "anoisesrc=r=44100:d=0.4:c=pink:seed=3", "-f", "lavfi", "-i", "sine=f=1000:r=48000:d=0.4",
         "-map", "0", "-map", "1", "-map", "2", "-frames:v", "10", "-vf", "setsar=4/3", "-c:v", "mpeg4", "-q:v", "2",
         "-c:a:0", "pcm_s16le", "-c:a:1", "pcm_s24le", "-timecode", "01:00:00:00",
         "-metadata:s:a:1", "language=ger")
    make("alpha.mov", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=24:d=0.25", "-vf",
         "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='X*4'", "-c:v", "png")
    make("flac.mkv", *picture, "-f", "lavfi", "-i",
         "aevalsrc=0.5*sin(2*PI*t*(200+400*t)):s=44100:d=1.2", "-c:v", "libx264",
         "-c:a", "flac")
    ffmpeg("-i", sources["plain.mp4"], "-c", "copy",
           "-metadata:s:v", "rotate=90", os.path.join(work, "turned.mp4"))
    sources["turned.mp4"] = os.path.join(work, "turned.mp4")
    return sources


def check_frames_csv(path, source, first, count, files):
    rows = read_csv(path)
    check([int(r["index"]) for r in rows] == list(range(first, first + count)), "csv: index")
    check([r["file"] for r in rows] == files, "csv: files %s" % rows[:2])
    times = frame_times(source)[first:first + count]
    check([int(r["pts"]) * Fraction(r["time_base"]) for r in rows] == times, "csv: times")
    return rows


def decode_turned(path):
    raw = ffmpeg("-noautorotate", "-i", path, "-frames:v", "1", "-vf",
                 "zscale=filter=bicubic:matrix=gbr:range=full,format=gbrp,transpose=dir=cclock",
                 "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
    return np.frombuffer(raw, np.uint8).reshape(320, 180, 3)


def expected_alpha(source, work, name, **options):
    """The 16-bit mattes, which test_png() checks against numpy."""
    path = os.path.join(work, "expected_" + name)
    export(source, "matte-png16", path, pattern="{frame:04d}.png", number=0, **options)
    files = [f for f in listing(path) if f.endswith(".png")]
    return np.stack([read_png16(os.path.join(path, f)) for f in files])


def check_times(path, source, first=0, count=None, tick=Fraction(0)):
    expected = frame_times(source)[first:None if count is None else first + count]
    expected = [t - expected[0] for t in expected]
    got = frame_times(path)
    check(len(got) == len(expected), "%s: %d frames of %d" % (path, len(got), len(expected)))
    worst = max(abs(a - b) for a, b in zip(got, expected))
    check(worst <= tick, "%s: times %s, expected %s" % (path, got[:4], expected[:4]))


def check_tags(path, matrix, primaries, transfer, colour_range=None):
    stream = video_stream(path)
    got = [stream.get(k) for k in ("color_space", "color_primaries", "color_transfer")]
    check(got == [matrix, primaries, transfer], "%s: tags %s" % (path, got))
    if colour_range:
        check(stream.get("color_range") == colour_range,
              "%s: range %s" % (path, stream.get("color_range")))


def sound_of(path, index=0, rate=None):
    """Samples of a sound track as FFmpeg plays it, from the time of the first picture on."""
    raw = ffmpeg("-copyts", "-i", path, "-map", "0:a:%d" % index, "-af", "aresample=async=1:first_pts=0",
                 "-f", "f32le", "-ac", "1", *(["-ar", rate] if rate else []), "-")
    return np.frombuffer(raw, np.float32)
