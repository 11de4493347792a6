#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times Masklet against PyTorch on the same SAM 2.1 tiny (seeded weights), frames and threads.

    python3 -m venv VENV && VENV/bin/pip install torch transformers numpy safetensors
    VENV/bin/python tests/compare_pytorch.py [--build build] [--threads 2] [--pairs 6]
                                             [--precision fp32|bf16]

PyTorch is transformers' Sam2VideoModel; its weights, under Hugging Face's names, are what Masklet
opens. Both track the same click at 1024 x 1024 through the same frames, one frame each in turn, so
that a slow moment of the machine meets both. Timed are frames with a full memory (7 frames). Ends
with the median ratio, and with how far the masks differ. Not part of the test suite.
"""
import argparse
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy
import torch
from safetensors.torch import save_file
from transformers import Sam2VideoConfig, Sam2VideoModel
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

SIDE = 1024
WARM_UP = 8
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def make_model(precision):
    torch.manual_seed(2)
    model = Sam2VideoModel(Sam2VideoConfig()).eval()
    # Widths of a trained network: with the small initial ones every mask would be flat.
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.dim() > 1:
                value.normal_(0, value[0].numel() ** -0.5)
        model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(5)
        model.shared_image_embedding.positional_embedding.copy_(
            model.prompt_encoder.shared_embedding.positional_embedding)
    return model.to(torch.bfloat16 if precision == "bf16" else torch.float32)


def make_frames(n):
    """A soft disc that wanders over waves, (n, SIDE, SIDE, 3) bytes."""
    y, x = numpy.mgrid[0:SIDE, 0:SIDE].astype(numpy.float32)
    frames = []
    for i in range(n):
        ground = 90 + 40 * numpy.sin(x / 37 + i / 5) * numpy.cos(y / 23)
        disc = numpy.clip(50 - numpy.hypot(x - SIDE / 2 - 9 * i, y - SIDE / 2) / 3, 0, 1)
        frames.append(numpy.stack([ground + disc * d for d in (140, 20, -60)], -1))
    return numpy.clip(numpy.stack(frames), 0, 255).astype(numpy.uint8)


def start_session(model, frames):
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    session = Sam2VideoInferenceSession(video=(pixels - MEAN) / DEVIATION, video_height=SIDE,
                                        video_width=SIDE, dtype=model.dtype)
    index = session.obj_id_to_idx(1)
    centre = torch.full((1, 1, 1, 2), SIDE / 2, dtype=model.dtype)
    session.add_point_inputs(index, 0, {"point_coords": centre,
                                        "point_labels": torch.ones(1, 1, 1, dtype=torch.int32)})
    session.obj_with_new_inputs = [1]
    return session


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    n_frames = WARM_UP + options.pairs
    frames = make_frames(n_frames)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        folder = pathlib.Path(folder)
        model = make_model(options.precision)
        tensors = {name: value.float().contiguous().clone()
                   for name, value in model.state_dict().items()}
        save_file(tensors, str(folder / "model.safetensors"))
        frames.tofile(folder / "frames.rgb")
        masklet = subprocess.Popen(
            [f"{options.build}/tests/track_steps", folder / "model.safetensors",
             options.precision, str(options.threads), str(SIDE), folder / "frames.rgb",
             folder / "logits.f32"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        print("masklet:", masklet.stdout.readline().strip())
        print("pytorch:", torch.__version__, options.precision, f"{options.threads} threads")
        session = start_session(model, frames)
        ratios, ours, theirs, ious, worst = [], [], [], [], 0.0
        for i in range(n_frames):
            masklet.stdin.write("\n")
            masklet.stdin.flush()
            line = masklet.stdout.readline()
            if not line:
                raise SystemExit("track_steps ended early")
            start = time.perf_counter()
            output = model(inference_session=session, frame_idx=i)
            pair = (float(line), time.perf_counter() - start)
            expected = output.pred_masks.float().reshape(-1).numpy()
            actual = numpy.fromfile(folder / "logits.f32", numpy.float32)[-expected.size:]
            a, b = expected > 0, actual > 0
            ious.append((a & b).sum() / max((a | b).sum(), 1))
            worst = max(worst, float(numpy.abs(expected - actual).max() / expected.std()))
            print(f"frame {i}: masklet {pair[0]:.3f} s, pytorch {pair[1]:.3f} s, "
                  f"IoU {ious[-1]:.4f}, pixels {a.mean():.3f}", flush=True)
            if i >= WARM_UP:
                ours.append(pair[0])
                theirs.append(pair[1])
                ratios.append(pair[1] / pair[0])
        masklet.stdin.close()
        masklet.wait()
    print(f"median seconds a frame: masklet {statistics.median(ours):.3f}, "
          f"pytorch {statistics.median(theirs):.3f}")
    print(f"masklet is {statistics.median(ratios):.2f} times as fast "
          f"({min(ratios):.2f} to {max(ratios):.2f} over {len(ratios)} pairs)")
    print(f"lowest mask IoU {min(ious):.4f}; largest difference of a logit {worst:.2g} of the spread")


if __name__ == "__main__":
    main()
