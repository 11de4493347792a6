# SPDX-License-Identifier: Apache-2.0
# The checks of exported videos: pictures, alpha, times, tags and sound.
import os
import subprocess

from export_checks import *


def test_prores(sources, work):
    source = sources["plain.mp4"]
    path = os.path.join(work, "cut.mov")
    check(export(source, "prores4444", path, feather=60) == [path], "the path is printed")
    alpha = expected_alpha(source, work, "prores", feather=60)
    stream = video_stream(path)
    check(stream["codec_name"] == "prores" and stream["codec_tag_string"] == "ap4h" and
          stream["profile"] == "4444" and (stream["width"], stream["height"]) == (320, 180),
          "stream %s" % stream)
    got = decode(path, "yuva444p10le", np.uint16, 4)
    check(np.array_equal(got[:, 3] >> 2, alpha >> 8), "alpha to 8 bits")
    check(np.array_equal(got[:, 3], alpha >> 6), "alpha to 10 bits")
    check(len(np.unique(got[:, 3] >> 2)) == 256, "all 256 values of alpha")
    hard = os.path.join(work, "hard.mov")
    export(source, "prores4444", hard, sound=0)
    got8 = decode(hard, "yuva444p10le", np.uint16, 4)[:, 3]
    check(set(np.unique(got8)) == {0, 1023}, "a hard matte stays hard")
    check(len(probe(hard)["streams"]) == 1, "no sound when not wanted")

    reference = decode_source(source, "yuv444p10le", np.uint16, 3).astype(int)
    error = np.abs(got[:, :3] - reference)
    check(error.mean() < 4 and np.percentile(error, 99) < 32,
          "picture: %.2f %d" % (error.mean(), error.max()))
    check_times(path, source)
    check_tags(path, "bt709", "bt709", "bt709")
    check_frames_csv(path + ".frames.csv", source, 0, 30, ["cut.mov"] * 30)

    path = os.path.join(work, "vfr.mov")
    export(sources["vfr.mp4"], "prores4444", path, first=4, last=20)
    check_times(path, sources["vfr.mp4"], 4, 17)
    path = os.path.join(work, "deep.mov")
    export(sources["deep.mkv"], "prores4444", path)
    check_tags(path, "bt2020nc", "bt2020", "smpte2084")
    path = os.path.join(work, "wide_cut.mov")
    export(sources["wide.mov"], "prores4444", path, first=5)
    check(video_stream(path).get("sample_aspect_ratio") == "4:3", "pixel aspect")
    codes = [s["tags"].get("timecode") for s in probe(path)["streams"] if "tags" in s]
    check("01:00:00:05" in codes, "timecode of the first frame: %s" % codes)
    for name, size in (("odd.mkv", (33, 17)), ("dot.mkv", (1, 1))):
        path = os.path.join(work, name + ".mov")
        export(sources[name], "prores4444", path, feather=5)
        got = decode(path, "yuva444p10le", np.uint16, 4)
        alpha = expected_alpha(sources[name], work, name, feather=5)
        check(got.shape[2:] == size[::-1] and np.array_equal(got[:, 3], alpha >> 6), name)

    # Full range becomes limited, as ProRes is read.
    path = os.path.join(work, "full.mov")
    export(sources["full.mkv"], "prores4444", path, last=4)
    raw = ffmpeg("-i", sources["full.mkv"], "-frames:v", "5", "-vf",
                 "zscale=filter=bicubic:range=limited,format=yuv444p10le", "-f", "rawvideo", "-")
    reference_limited = np.frombuffer(raw, np.uint16).reshape(5, 3, 180, 320).astype(int)
    error = np.abs(decode(path, "yuva444p10le", np.uint16, 4)[:, :3] - reference_limited)
    check(error.mean() < 4, "full range to limited: %.2f" % error.mean())
    check_tags(path, "smpte170m", "smpte170m", "smpte170m")
    path = os.path.join(work, "fields_out.mov")
    export(sources["fields.mov"], "prores4444", path)
    frames = probe(path, "-show_frames")["frames"]
    check(video_stream(path)["field_order"] == "tt" and
          all(f["interlaced_frame"] == 1 and f["top_field_first"] == 1 for f in frames),
          "field order: %s" % video_stream(path)["field_order"])
    path = os.path.join(work, "turned.mov")
    export(sources["turned.mp4"], "prores4444", path, last=1)
    stream = video_stream(path)
    check((stream["width"], stream["height"]) == (180, 320) and "side_data_list" not in stream,
          "upright")
    error = np.abs(decode(path, "rgb24", np.uint8, -3)[0].astype(int) -
                   decode_turned(sources["turned.mp4"]))
    check(error.mean() < 2, "upright picture: %.2f" % error.mean())

    path = os.path.join(work, "premultiplied.mov")
    export(source, "prores4444", path, premultiplied=1, last=3)
    got = decode(path, "yuva444p10le", np.uint16, 4).astype(int)
    outside = got[:, 3] == 0
    check(np.abs(got[:, 0][outside] - 64).mean() < 4, "premultiplied: black outside")
    inside = got[:, 3] == 1023
    check(np.abs(got[:, 0][inside] - reference[:4, 0][inside]).mean() < 4, "untouched inside")


def test_ffv1(sources, work):
    for name, fmt, dtype, shift in (("plain.mp4", "bgra", np.uint8, 8),
                                    ("deep.mkv", "gbrap10le", np.uint16, 6),
                                    ("odd.mkv", "bgra", np.uint8, 8),
                                    ("dot.mkv", "bgra", np.uint8, 8)):
        source = sources[name]
        path = os.path.join(work, "ffv1_%s.mkv" % name)
        export(source, "ffv1-alpha", path, feather=40, objects=2)
        stream = video_stream(path)
        check(stream["codec_name"] == "ffv1" and stream["pix_fmt"] == fmt, "%s" % stream)
        alpha = expected_alpha(source, work, "ffv1_" + name, feather=40, objects=2)
        if fmt == "bgra":
            got = decode(path, "rgba", np.uint8, -4)
            check(np.array_equal(got[..., 3], to_8(alpha)), "alpha of %s" % name)
            read = decode if name == "dot.mkv" else decode_source # zscale wants more than a pixel
            reference = read(source, "rgb24", np.uint8, -3).astype(int)
            error = np.abs(got[..., :3] - reference)
            check(error.mean() < 1, "picture of %s: %.2f" % (name, error.mean()))
        else:
            got = decode(path, fmt, dtype, 4)
            check(np.array_equal(got[:, 3], alpha >> shift), "alpha of %s" % name)
            check(len(np.unique(got[:, 3] >> 2)) > 200, "levels")
            reference = decode_source(source, "gbrp10le", dtype, 3).astype(int)
            error = np.abs(got[:, :3] - reference)
            check(error.mean() < 3, "picture of %s: %.2f" % (name, error.mean()))
        check_times(path, source, tick=Fraction(1, 1000))
    check_tags(os.path.join(work, "ffv1_deep.mkv.mkv"), "gbr", "bt2020", "smpte2084", "pc")
    output = subprocess.run(["ffmpeg", "-v", "debug", "-debug", "pict", "-i",
                             os.path.join(work, "ffv1_odd.mkv.mkv"), "-f", "null", "-"], capture_output=True, text=True).stderr
    check("ver:3" in output and "ec:1" in output, "FFV1 level 3 with checksums")


def test_vp9(sources, work):
    source = sources["plain.mp4"]
    path = os.path.join(work, "cut.webm")
    export(source, "vp9-alpha", path, feather=60)
    stream = video_stream(path)
    check(stream["codec_name"] == "vp9" and stream["tags"].get("alpha_mode") == "1",
          "alpha_mode: %s" % stream)
    alpha = expected_alpha(source, work, "vp9", feather=60)
    got = decode(path, "gray", np.uint8, 1, "libvpx-vp9", ("-vf", "alphaextract"))[:, 0]
    check(got.shape == alpha.shape and np.array_equal(got, to_8(alpha)), "alpha is exact")
    check(len(np.unique(got)) == 256, "all 256 values of alpha")
    picture = decode(path, "rgb24", np.uint8, -3).astype(int)
    error = np.abs(picture - decode_source(source, "rgb24", np.uint8, -3))
    check(error.mean() < 4, "picture: %.2f" % error.mean())
    check_times(path, source, tick=Fraction(1, 1000))
    check_tags(path, "bt709", "bt709", "bt709", "tv")
    sound = [s for s in probe(path)["streams"] if s["codec_type"] == "audio"]
    check(len(sound) == 1 and sound[0]["codec_name"] == "opus", "Opus")
    # Seeking: the alpha of a late frame must not need the first one.
    path = os.path.join(work, "long.webm")
    export(sources["long.mkv"], "vp9-alpha", path, feather=6)
    alpha = expected_alpha(sources["long.mkv"], work, "long", feather=6, first=120)
    raw = ffmpeg("-ss", "4.95", "-c:v", "libvpx-vp9", "-i", path, "-vf",
                 "alphaextract", "-pix_fmt", "gray", "-f", "rawvideo", "-")
    got = np.frombuffer(raw, np.uint8).reshape(-1, 48, 64)
    check(len(got) in (6, 7) and np.array_equal(got, to_8(alpha)[-len(got):]), "alpha after seeking: %s" % (got.shape,))
    path = os.path.join(work, "vfr.webm")
    export(sources["vfr.mp4"], "vp9-alpha", path, first=2)
    check_times(path, sources["vfr.mp4"], 2, tick=Fraction(1, 1000))
    for name, size in (("odd.mkv", (33, 17)), ("dot.mkv", (1, 1))):
        path = os.path.join(work, name + ".webm")
        export(sources[name], "vp9-alpha", path, feather=5)
        got = decode(path, "gray", np.uint8, 1, "libvpx-vp9", ("-vf", "alphaextract"))[:, 0]
        alpha = expected_alpha(sources[name], work, "vp9_" + name, feather=5)
        check(np.array_equal(got, to_8(alpha)), "alpha of %s" % name)
        check((video_stream(path)["width"], video_stream(path)["height"]) == size, "size")


def test_matte_video(sources, work):
    source = sources["plain.mp4"]
    alpha = to_8(expected_alpha(source, work, "video", feather=60)).astype(int)
    for extension, codec, tick in ((".mp4", "h264", 0), (".mov", "prores", 0), (".mkv", "ffv1", 1)):
        path = os.path.join(work, "matte" + extension)
        export(source, "matte-video", path, feather=60)
        stream = video_stream(path)
        check(stream["codec_name"] == codec, "codec %s" % stream["codec_name"])
        got = decode(path, "gray", np.uint8, 1)[:, 0].astype(int)
        worst = np.abs(got - alpha).max()
        check(worst <= (0 if codec == "ffv1" else 1), "%s: off by %d" % (path, worst))
        check_times(path, source, tick=Fraction(tick, 1000))
        if codec != "prores":
            check(stream.get("color_range") == "pc", "%s: full range is tagged" % path)
        hard = os.path.join(work, "hard_matte" + extension)
        export(source, "matte-video", hard, objects=2, last=9)
        got = decode(hard, "gray", np.uint8, 1)[:, 0].astype(int)
        expected = np.stack([union_of(2, n, 320, 180) * 255 for n in range(10)])
        worst = np.abs(got - expected).max()
        check(worst <= (0 if codec == "ffv1" else 1), "%s: off by %d" % (hard, worst))
        for name in ("odd.mkv", "dot.mkv"):
            path = os.path.join(work, name + extension)
            export(sources[name], "matte-video", path, feather=3)
            got = decode(path, "gray", np.uint8, 1)[:, 0].astype(int)
            expected = to_8(expected_alpha(sources[name], work, name + extension, feather=3))
            worst = np.abs(got - expected).max()
            check(worst <= 1, "%s: off by %d" % (path, worst))
    path = os.path.join(work, "deep_matte.mkv")
    export(sources["deep.mkv"], "matte-video", path, feather=30)
    check(np.array_equal(decode(path, "gray16le", np.uint16, 1)[:, 0],
                         expected_alpha(sources["deep.mkv"], work, "deep_video", feather=30)),
          "16-bit matte")
    for path in ("matte.avi", "matte"):
        output = export(source, "matte-video", os.path.join(work, path), expect=1)
        check(".mkv" in output[0], output)


def find_shift(got, expected):
    """By how many samples `got` is late, and how alike the two then are."""
    reach, inner = 2400, slice(4800, min(len(got), len(expected)) - 4800)
    target = expected[inner]
    def score(shift):
        part = got[inner.start + shift:inner.stop + shift]
        return float((part * target).sum() / np.sqrt((part ** 2).sum() * (target ** 2).sum()))
    shift = max(range(-reach, reach + 1), key=score)
    return shift, score(shift)


def test_sound(sources, work):
    cases = (("plain.mp4", "prores4444", ".mov", "aac"), ("plain.mp4", "matte-video", ".mp4", "aac"),
             ("plain.mp4", "vp9-alpha", ".webm", "opus"), ("plain.mp4", "ffv1-alpha", ".mkv", "aac"),
             ("flac.mkv", "prores4444", ".mov", "pcm_s24le"),
             ("flac.mkv", "ffv1-alpha", ".mkv", "flac"), ("flac.mkv", "matte-video", ".mp4", "aac"))
    for name, kind, extension, codec in cases:
        source = sources[name]
        times = frame_times(source) + [frame_times(source)[-1] + Fraction(1, 25)]
        for first, last in ((0, 29), (7, 18)):
            path = os.path.join(work, "%s_%s_%d%s" % (name, kind, first, extension))
            export(source, kind, path, first=first, last=last)
            streams = [s for s in probe(path)["streams"] if s["codec_type"] == "audio"]
            if not check(len(streams) == 1 and streams[0]["codec_name"] == codec,
                         "%s: %s" % (path, streams)):
                continue
            check_times(path, source, first, last - first + 1,
                        Fraction(0 if extension in (".mov", ".mp4") else 1, 1000))
            got = sound_of(path, rate=48000)
            whole = sound_of(source, rate=48000)
            start = int((times[first] - times[0]) * 48000)
            expected = whole[start:int((times[last + 1] - times[0]) * 48000)]
            # Copied packets of Matroska may begin and end one packet (up to 0.1 s) off.
            late = abs(len(got) - len(expected)) / 48000
            slack = 0.1 if codec == "flac" else 0.05
            check(late <= slack, "%s: sound is %.3f s off in length" % (path, late))
            shift, likeness = find_shift(got, expected)
            tick = 2 if extension in (".mov", ".mp4") else 48 # Matroska rounds times to 1 ms
            check(abs(shift) <= tick and likeness > 0.98,
                  "%s: sound is %d samples late, likeness %.3f" % (path, shift, likeness))

    # Sound that begins late, and a range in which there is none.
    source = sources["full.mkv"]
    whole = sound_of(source, rate=48000)
    for kind, extension in (("prores4444", ".mov"), ("vp9-alpha", ".webm"), ("ffv1-alpha", ".mkv"),
                            ("matte-video", ".mp4")):
        path = os.path.join(work, "late" + extension)
        export(source, kind, path, first=2)
        check_times(path, source, 2, tick=Fraction(1, 1000))
        got = sound_of(path, rate=48000)
        expected = whole[2 * 1920:]
        check(abs(len(got) - len(expected)) < 2400, "%s: length of sound" % path)
        n = min(len(got), len(expected))
        start = int(0.32 * 48000)
        check(np.abs(got[:start - 2000]).max() < 0.01, "%s: silence before" % path)
        shift, likeness = find_shift(got[start - 4800:n], expected[start - 4800:n])
        check(abs(shift) <= 48 and likeness > 0.98, "%s: late sound is %d samples off, %.3f" %
              (path, shift, likeness))
        path = os.path.join(work, "silent" + extension)
        export(source, kind, path, last=3)
        check_times(path, source, 0, 4, tick=Fraction(1, 1000))

    # PCM is cut to the sample, both tracks are kept.
    source = sources["wide.mov"]
    path = os.path.join(work, "wide_sound.mov")
    export(source, "prores4444", path, first=3, last=7)
    streams = [s for s in probe(path)["streams"] if s["codec_type"] == "audio"]
    check([s["codec_name"] for s in streams] == ["pcm_s16le", "pcm_s24le"], "both tracks")
    check(streams[1]["tags"].get("language") == "ger", "language: %s" % streams[1]["tags"])
    for index, rate in ((0, 44100), (1, 48000)):
        whole, got = sound_of(source, index), sound_of(path, index)
        start, end = 3 * rate // 25, 8 * rate // 25
        check(np.array_equal(got, whole[start:end]), "PCM to the sample: %d of %d" %
              (len(got), end - start))
    path = os.path.join(work, "wide_sound.webm")
    export(source, "vp9-alpha", path)
    check(len([s for s in probe(path)["streams"] if s["codec_name"] == "opus"]) == 2, "two Opus")
