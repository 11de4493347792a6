# SPDX-License-Identifier: Apache-2.0
"""Measures a model, through PyTorch or through masklet-cli, beside simple baselines.

    python -m model.training.evaluate synthetic --bank bank.zip --weights FILE
    python -m model.training.evaluate clips --weights FILE --cli build/app/masklet-cli CLIP=TRUTH...

`synthetic`: clips of 30 frames made of what the bank holds out of training, from a click, a box and a
mask, and the first frame after 1 and 3 corrections. `clips`: videos with a folder of indexed PNGs as
truth (object ids; file names sort as frames do); masklet-cli tracks each object from the truth's box, a
click in its middle and its mask on the first frame where it is; with --pytorch sam2.py does the same
beside it. Baselines: the first mask held still; DIS optical flow warping it; GrabCut from the first
frame's box, alone and carried on by that flow.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import torch
import torch.nn.functional as F


SHOWN = (1, 5, 10, 20, 29)  # frames with a row of their own


def iou(a, b):
    either = np.logical_or(a, b).sum()
    return 1.0 if either == 0 else float(np.logical_and(a, b).sum() / either)


# ---- Baselines ----------------------------------------------------------------------------------


def grab_cut(picture, box):
    import cv2

    mask = np.zeros(picture.shape[:2], np.uint8)
    x0, y0, x1, y1 = (int(round(v)) for v in box)
    rect = (max(x0, 0), max(y0, 0), max(x1 - x0, 2), max(y1 - y0, 2))
    try:
        cv2.grabCut(picture, mask, rect, np.zeros((1, 65)), np.zeros((1, 65)), 4,
                    cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # a box without background around it
        return mask > 0
    return (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)


def flow_masks(pictures, starts):
    """Masks of the first picture carried on by dense flow: a list for each of `starts`, with a mask for each
    picture."""
    import cv2

    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in pictures]
    height, width = grey[0].shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    current, masks = [mask.astype(np.float32) for mask in starts], [[mask] for mask in starts]
    for before, after in zip(grey, grey[1:]):
        back = flow.calc(after, before, None)
        current = [cv2.remap(c, x + back[..., 0], y + back[..., 1], cv2.INTER_LINEAR) for c in current]
        for carried, c in zip(masks, current):
            carried.append(c > 0.5)
    return masks


def box_of(mask):
    ys, xs = np.nonzero(mask)
    return [float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1)]


def middle_of(mask):
    import cv2

    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return [float(x), float(y)]


class Table:
    def __init__(self):
        self.rows = {}

    def add(self, row, value):
        self.rows.setdefault(row, []).append(value)

    def show(self):
        for row, values in self.rows.items():
            print("| %-36s | %.3f | %5d |" % (row, float(np.mean(values)), len(values)))


def add_baselines(table, pictures, wanted, shown=()):
    """Rows of a clip whose object's masks are `wanted`; the frames in `shown` get rows of their own."""
    cut = grab_cut(pictures[0], box_of(wanted[0]))
    table.add("GrabCut, first frame, box", iou(cut, wanted[0]))
    for t, (flow, cut_flow) in enumerate(zip(*flow_masks(pictures, [wanted[0], cut]))):
        if t == 0:
            continue
        table.add("GrabCut, then DIS flow, box", iou(cut_flow, wanted[t]))
        table.add("DIS flow, mask", iou(flow, wanted[t]))
        table.add("held still, mask", iou(wanted[0], wanted[t]))
        if t in shown:
            table.add("frame %d, DIS flow" % t, iou(flow, wanted[t]))


# ---- Synthetic clips, through PyTorch -----------------------------------------------------------


def load_model(path, device):
    from safetensors.torch import load_file, safe_open

    from model.training.sam2 import Sam2

    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["masklet.config"])
    model = Sam2(config).to(device).eval()
    model.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    return model


def synthetic(args):
    from model.training import clips, train

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_model(args.weights, device)
    side = model.size
    maker = clips.ClipMaker(args.bank, device, held_out=True)
    table = Table()
    with torch.no_grad():
        for seed in range(args.clips):
            torch.manual_seed(10 ** 9 + seed)
            frames, truth, _ = maker.make(1, args.frames, side)
            if truth[0, 0].sum() < 16:
                continue
            wanted = truth[0, :, 0].cpu().numpy() > 0
            for kind in ("click", "box", "mask"):
                torch.manual_seed(seed)
                run = train.Run(model, frames, truth, 0.5)
                kept = {}
                keep = run.keep

                def note(t, logits, token, score, prompted):
                    full = F.interpolate(logits.float(), (side, side), mode="bilinear")
                    kept[t] = full[0, 0].cpu().numpy() > 0
                    keep(t, logits, token, score, prompted)

                run.keep = note
                run.prompt(0, kind, 0)
                for t in range(1, args.frames):
                    run.track(t)
                    run.forget(t)
                table.add("first frame, " + kind, iou(kept[0], wanted[0]))
                for t in range(1, args.frames):
                    table.add("tracked, " + kind, iou(kept[t], wanted[t]))
                    if t in SHOWN:
                        table.add("frame %d, %s" % (t, kind), iou(kept[t], wanted[t]))
            for corrections in (1, 3):
                torch.manual_seed(seed)
                run = train.Run(model, frames[:, :1], truth[:, :1], 0.5)
                run.prompt(0, "click", corrections)
                table.add("first frame, click and %d corrections" % corrections, float(run.ious[-1]))
            pictures = [(f.permute(1, 2, 0).cpu().numpy() * 255).astype(np.uint8) for f in frames[0]]
            add_baselines(table, pictures, wanted, SHOWN)
    table.show()


# ---- Real clips, through masklet-cli ------------------------------------------------------------


def read_frames(path, n):
    """As ffmpeg converts them, which is as Masklet does."""
    size = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
                           "stream=width,height", "-of", "csv=p=0", path],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    width, height = map(int, size.strip().strip(",").split(","))
    data = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-frames:v", str(n), "-f", "rawvideo",
                           "-pix_fmt", "rgb24", "-"], check=True, stdout=subprocess.PIPE).stdout
    return list(np.frombuffer(data, np.uint8).reshape(-1, height, width, 3))


def track(args, clip, prompt, folder):
    """Binary masks of masklet-cli from one prompt, by frame."""
    from PIL import Image

    prompts = folder / "prompts.json"
    prompts.write_text(json.dumps({"objects": [{"id": 1, "name": "object", "prompts": [prompt]}]}))
    out = folder / "davis"
    subprocess.run([args.cli, "track", clip, "--model", args.weights, "--prompts", prompts,
                    "--export", "davis=%s" % out], check=True, stdout=subprocess.DEVNULL)
    return [np.array(Image.open(p)) > 0 for p in sorted(out.glob("*.png"))]


@torch.no_grad()
def track_pytorch(model, pictures, mask, kind, prompt):
    """The same through sam2.py: pictures from the prompted one on, its mask for kind "mask"."""
    from PIL import Image

    from model.training import train

    side, (height, width) = model.size, mask.shape
    frames = torch.stack([torch.from_numpy(np.array(Image.fromarray(p).resize((side, side),
                                                                              Image.BICUBIC)))
                          for p in pictures]).permute(0, 3, 1, 2).float() / 255
    small = Image.fromarray((mask * 255).astype(np.uint8)).resize((side, side), Image.BILINEAR)
    truth = torch.zeros(1, len(pictures), 1, side, side)
    truth[0, 0, 0] = torch.from_numpy(np.array(small) > 127).float()
    run, got = train.Run(model, frames[None], truth, 0.5), []
    keep = run.keep

    def note(t, logits, *rest):
        full = F.interpolate(logits.float(), (height, width), mode="bilinear")
        got.append(full[0, 0].numpy() > 0)
        keep(t, logits, *rest)

    run.keep, given = note, None
    if kind != "mask":
        points = torch.tensor(prompt["box"] if kind == "box" else prompt["points"]).view(1, -1, 2)
        labels = torch.tensor([[2, 3] if kind == "box" else prompt["labels"]])
        given = points * torch.tensor([side / width, side / height]), labels
    run.prompt(0, kind, 0, given=given)
    for t in range(1, len(pictures)):
        run.track(t)
        run.forget(t)
    return got


def clip_table(args):
    from PIL import Image

    table = Table()
    model = load_model(args.weights, "cpu") if args.pytorch else None
    for pair in args.pairs:
        clip, truth_folder = pair.split("=")
        truth = [np.array(Image.open(p)) for p in sorted(pathlib.Path(truth_folder).glob("*.png"))]
        pictures = read_frames(clip, len(truth))
        for ident in sorted(set(np.unique(np.stack(truth))) - {0, 255}):
            masks = [t == ident for t in truth]
            first = next(i for i, m in enumerate(masks) if m.any())
            later = range(first + 1, len(masks))
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                Image.fromarray((masks[first] * 255).astype(np.uint8)).save(folder / "mask.png")
                prompts = {"click": {"points": [middle_of(masks[first])], "labels": [1]},
                           "box": {"box": box_of(masks[first])},
                           "mask": {"mask": str(folder / "mask.png")}}
                for kind, prompt in prompts.items():
                    sub = folder / kind
                    sub.mkdir()
                    got = track(args, clip, {"frame": first, **prompt}, sub)
                    table.add("first frame, " + kind, iou(got[first], masks[first]))
                    for t in later:
                        table.add("tracked, " + kind, iou(got[t], masks[t]))
                    if not model:
                        continue
                    same = track_pytorch(model, pictures[first:], masks[first], kind, prompt)
                    for t in later:
                        table.add("tracked, %s, PyTorch" % kind, iou(same[t - first], masks[t]))
                        table.add("both agree, " + kind, iou(same[t - first], got[t]))
            add_baselines(table, pictures[first:], masks[first:])
    table.show()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("synthetic")
    one.add_argument("--bank", required=True)
    one.add_argument("--weights", required=True)
    one.add_argument("--clips", type=int, default=100)
    one.add_argument("--frames", type=int, default=30)
    two = commands.add_parser("clips")
    two.add_argument("--weights", required=True)
    two.add_argument("--cli", required=True)
    two.add_argument("--pytorch", action="store_true")
    two.add_argument("pairs", nargs="+", metavar="CLIP=TRUTH")
    args = parser.parse_args()
    synthetic(args) if args.command == "synthetic" else clip_table(args)


if __name__ == "__main__":
    main()
