#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures Masklet on a device and, where there is torch, PyTorch beside it; prints JSON.

    bench_gpu.py [--build build-gpu] [--backend cuda] [--frames 2000] [--objects 1 8]
                 [--variants tiny small base+ large | --models FILE...]
                 [--modes plain compiled | --no-pytorch] [--threads N]

For each variant seeded weights are written under Hugging Face's names, tracked by bench_model, then
by transformers' Sam2VideoModel (bf16, SDPA; compiled: the image encoder and memory attention under
torch.compile). Without torch and transformers, --models names the files to measure. Exits 77 where
the backend is not there.

Both sides track the same clicks through the same number of the same frames: 8-bit RGB of 1280 x 720
in host memory, drawn one by one as they are asked for, resized to 1024 x 1024 with the bicubic
filter of Pillow, normalised with ImageNet's mean and deviation. Timed is, on both sides, from
asking for a frame until its masks' logits (256 x 256, each object's) lie in host memory: drawing,
upload, resize, normalisation, image encoder, memory attention, mask decoder, memory encoder,
download. Masklet begins with the next frame while it works on one, as it does in the application;
PyTorch uploads from pinned memory, resizes on the device, and the state stays there. Frames of the
first part (60, or half) are not counted: graphs are recorded, code is compiled, memory grows.
Prompts are given before the clock starts; what PyTorch keeps of frames that are never read again is
dropped between frames, outside of the time. A click is a new object on the last frame, whose
features are cached, until its logits lie in host memory. Peaks are those of a product of 8192 x
8192 matrices (bf16 where the model is). iou: of the masks of both sides on five frames more, in
fp32, where no rounding decides between masks: both do the same work.
"""
import argparse
import collections.abc
import copy
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

SIDE = 1024
WIDTH, HEIGHT = 1280, 720  # as in bench_model.c
WARM_UP = 60
N_CLICKS = 9
N_KEPT = 16  # frames that memory reads at most
N_MASK_FRAMES = 5
# Width, heads, blocks, global blocks, background grid, windows.
VARIANTS = {
    "tiny": (96, 1, [1, 2, 7, 2], [5, 7, 9], [7, 7], [8, 4, 14, 7]),
    "small": (96, 1, [1, 2, 11, 2], [7, 10, 13], [7, 7], [8, 4, 14, 7]),
    "base+": (112, 2, [2, 3, 16, 3], [12, 16, 20], [14, 14], [8, 4, 14, 7]),
    "large": (144, 2, [2, 6, 36, 4], [23, 33, 43], [7, 7], [8, 4, 16, 8]),
}


def make_config(variant):
    from transformers import Sam2VideoConfig
    width, heads, blocks, global_blocks, grid, windows = VARIANTS[variant]
    widths = [width << i for i in range(4)]
    return Sam2VideoConfig(vision_config={
        "backbone_config": {
            "model_type": "sam2_hiera_det_model", "hidden_size": width,
            "num_attention_heads": heads, "blocks_per_stage": blocks,
            "embed_dim_per_stage": widths,
            "num_attention_heads_per_stage": [heads << i for i in range(4)],
            "window_size_per_stage": windows, "global_attention_blocks": global_blocks,
            "window_positional_embedding_background_size": grid},
        "backbone_channel_list": widths[::-1]})


def make_model(variant):
    import torch
    from transformers import Sam2VideoModel
    torch.manual_seed(2)
    model = Sam2VideoModel(make_config(variant)).eval()
    with torch.no_grad():
        for value in model.parameters():
            if value.dim() > 1:
                value.normal_(0, value[0].numel() ** -0.5)
        model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(5)
        model.shared_image_embedding.positional_embedding.copy_(
            model.prompt_encoder.shared_embedding.positional_embedding)
    return model


def draw_ground():
    import numpy
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    return numpy.repeat((60 + (x * 7 + y * 13) % 61).astype(numpy.uint8)[..., None], 3, 2)


def draw(ground, frame, out):
    """Frame `frame` of bench_model.c, into `out`."""
    import numpy
    cx, cy, radius = WIDTH // 3 + frame % 400, HEIGHT // 2, HEIGHT // 6
    out[:] = ground
    y, x = numpy.ogrid[-radius:radius, -radius:radius]
    out[cy - radius:cy + radius, cx - radius:cx + radius][x * x + y * y < radius * radius] = (
        230, 120, 40)


class Frames(collections.abc.Mapping):
    """The frames as the session reads them: each is drawn, uploaded and prepared when it is asked
    for, none is kept."""

    def __init__(self, n_frames, device, dtype):
        import torch
        self.n_frames, self.device, self.dtype = n_frames, device, dtype
        self.ground = draw_ground()
        self.picture = torch.empty(HEIGHT, WIDTH, 3, dtype=torch.uint8, pin_memory=device != "cpu")
        self.mean = torch.tensor([0.485, 0.456, 0.406], device=device).view(3, 1, 1)
        self.deviation = torch.tensor([0.229, 0.224, 0.225], device=device).view(3, 1, 1)

    def __len__(self):
        return self.n_frames

    def __iter__(self):
        return iter(range(self.n_frames))

    def __getitem__(self, frame):
        import torch
        draw(self.ground, frame, self.picture.numpy())
        x = self.picture.to(self.device, non_blocking=True).permute(2, 0, 1)[None].float()
        if self.dtype == torch.float32:  # to be compared: 8 bits between the passes, as in Pillow
            x = torch.nn.functional.interpolate(x, (HEIGHT, SIDE), mode="bicubic", antialias=True)
            x = x.round_().clamp_(0, 255)
        x = torch.nn.functional.interpolate(x, (SIDE, SIDE), mode="bicubic", antialias=True)
        x = x[0].round_().clamp_(0, 255).div_(255).sub_(self.mean).div_(self.deviation)
        return x.to(self.dtype)


def make_session(frames, device):
    from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession
    session = Sam2VideoInferenceSession(
        video_height=HEIGHT, video_width=WIDTH, dtype=frames.dtype, inference_device=device,
        inference_state_device=device, video_storage_device=device)
    session.processed_frames = frames
    return session


def click(session, frame, number):
    """bench_model's click, as a new object."""
    import torch
    index = session.obj_id_to_idx(number + 1)
    x, y = WIDTH // 3 + 10 * number, HEIGHT // 2
    point = torch.tensor([[[[x / WIDTH * SIDE, y / HEIGHT * SIDE]]]], dtype=session.dtype)
    session.add_point_inputs(index, frame, {
        "point_coords": point, "point_labels": torch.ones(1, 1, 1, dtype=torch.int32)})
    session.obj_with_new_inputs.append(number + 1)


def drop_unread(session, frame):
    for outputs in session.output_dict_per_obj.values():
        outputs["non_cond_frame_outputs"].pop(frame - N_KEPT - 1, None)


def track(model, frames, n_objects, device):
    """Gives the seconds and the logits of each frame."""
    session = make_session(frames, device)
    for i in range(n_objects):
        click(session, 0, i)
    for i in range(frames.n_frames):
        start = time.perf_counter()
        low = model(inference_session=session, frame_idx=i).pred_masks.float().cpu()
        yield time.perf_counter() - start, low
        drop_unread(session, i)


def time_clicks(model, frames, device):
    session = make_session(frames, device)
    seconds = []
    for i in range(N_CLICKS + 2):  # the first encodes the frame
        session.reset_tracking_data()
        start = time.perf_counter()
        click(session, frames.n_frames - 1, i)
        model(inference_session=session, frame_idx=frames.n_frames - 1,
              run_mem_encoder=False).pred_masks.float().cpu()
        seconds.append(time.perf_counter() - start)
    return 1e3 * statistics.median(seconds[2:])


def time_pytorch(model, n_objects, n_frames, device):
    """Rates as bench_model has them."""
    import torch
    if device != "cpu":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    frames = Frames(n_frames, device, torch.bfloat16)
    seconds = [taken for taken, _ in track(model, frames, n_objects, device)]
    skip = WARM_UP if n_frames > 2 * WARM_UP else n_frames // 2
    seconds = sorted(seconds[skip:])
    result = {"frames": len(seconds), "fps": round(len(seconds) / sum(seconds), 3),
              "p50_ms": round(1e3 * statistics.median(seconds), 3),
              "p99_ms": round(1e3 * seconds[min(len(seconds) - 1, int(0.99 * len(seconds)))], 3),
              "click_ms": round(time_clicks(model, frames, device), 3)}
    if device != "cpu":
        free, total = torch.cuda.mem_get_info()
        result["peak_mib"] = round(torch.cuda.max_memory_allocated() / 2**20, 1)
        result["device_used_mib"] = round((total - free) / 2**20, 1)
    return result


def measure_peak(device):
    """TFLOP a second of a large bf16 product."""
    import torch
    n = 8192 if device != "cpu" else 512
    a = torch.randn(n, n, device=device, dtype=torch.bfloat16)
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(10):
            product = a @ a
        product[0, 0].item()
        best = max(best, 10 * 2e-12 * n**3 / (time.perf_counter() - start))
    return best


def compare_masks(options, path, model, n_objects, device):
    """Least IoU of each frame's masks, empty on both sides is 1, and the share of their pixels."""
    import numpy
    import torch
    n_frames = min(N_MASK_FRAMES, options.frames)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "masks.f32"
        subprocess.run([f"{options.build}/tests/bench_model", str(path), "--backend",
                        options.backend, "--precision", "fp32", "--objects", str(n_objects),
                        "--frames", str(n_frames), "--masks", str(file)], check=True)
        ours = numpy.fromfile(file, numpy.float32).reshape(n_frames, n_objects, -1) > 0
    frames = Frames(n_frames, device, torch.float32)
    ious = []
    for a, (_, low) in zip(ours, track(model.to(device), frames, n_objects, device)):
        b = low.numpy().reshape(n_objects, -1) > 0
        union = (a | b).sum(1)
        ious.append(float(((a & b).sum(1) / union.clip(1) + (union == 0)).min()))
    return {"iou": [round(iou, 4) for iou in ious], "pixels": round(float(ours.mean()), 4)}


def run_pytorch(options, path, model, n_objects, device):
    """Plain, then compiled; what fails is told instead. `model` stays as it is."""
    import torch
    results = {"torch": torch.__version__}
    with torch.inference_mode():
        results["masks"] = compare_masks(options, path, model, n_objects, device)
        model = copy.deepcopy(model).to(device=device, dtype=torch.bfloat16)
        plain = model.vision_encoder, model.memory_attention
        for name in options.modes:
            try:
                if name == "compiled":
                    torch.compiler.reset()
                    model.vision_encoder, model.memory_attention = map(torch.compile, plain)
                results[name] = time_pytorch(model, n_objects, options.frames, device)
            except Exception as error:  # pylint: disable=broad-except
                results[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
            model.vision_encoder, model.memory_attention = plain
        results["peak_tflops"] = round(measure_peak(device), 2)
    return results


def run_masklet(options, path, n_objects):
    command = [f"{options.build}/tests/bench_model", str(path), "--backend", options.backend,
               "--objects", str(n_objects), "--frames", str(options.frames)]
    if options.threads:
        command += ["--threads", str(options.threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        print(done.stderr.strip(), file=sys.stderr)
        sys.exit(77)
    if done.returncode != 0:
        return {"error": done.stderr.strip()[:300]}
    return json.loads(done.stdout)


def compare(entry):
    masklet = entry["masklet"]
    for name in ("compiled", "plain"):
        other = entry.get("pytorch", {}).get(name, {})
        if "fps" in masklet and "fps" in other:
            entry[f"times_{name}"] = round(masklet["fps"] / other["fps"], 3)
            if masklet.get("tflops"):  # the same arithmetic
                other["tflops"] = round(masklet["tflops"] * other["fps"] / masklet["fps"], 2)
    return entry


def measure(options, path, name, model):
    for n_objects in options.objects:
        entry = {"model": name, "objects": n_objects,
                 "masklet": run_masklet(options, path, n_objects)}
        if model is not None and not options.no_pytorch and "error" not in entry["masklet"]:
            device = "cuda" if options.backend == "cuda" else "cpu"
            entry["pytorch"] = run_pytorch(options, path, model, n_objects, device)
        print(f"{name}, {n_objects} objects: {json.dumps(compare(entry))}", file=sys.stderr)
        yield entry


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build-gpu")
    parser.add_argument("--backend", default="cuda", choices=["cuda", "cpu", "ref"])
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--models", nargs="+", help="files to measure instead of the variants")
    parser.add_argument("--modes", nargs="+", choices=["plain", "compiled"],
                        default=["plain", "compiled"])
    parser.add_argument("--no-pytorch", action="store_true")
    parser.add_argument("--threads", type=int, help="on the CPU, of both sides")
    options = parser.parse_args()
    if options.frames < 2 or min(options.objects) < 1:
        parser.error("there must be 2 frames and 1 object at least")
    results = []
    if options.threads and not options.no_pytorch and not options.models:
        import torch
        torch.set_num_threads(options.threads)
    if options.models:
        for path in options.models:
            results += measure(options, path, pathlib.Path(path).stem, None)
    else:
        try:
            from safetensors.torch import save_file
            import transformers  # noqa: F401  pylint: disable=unused-import
        except ImportError as error:
            print(f"bench_gpu.py: {error}; name files with --models", file=sys.stderr)
            sys.exit(1)
        for variant in options.variants:
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "model.safetensors"
                model = make_model(variant)
                save_file({name: value.float().contiguous().clone()
                           for name, value in model.state_dict().items()}, str(path))
                results += measure(options, path, variant, model)
    print(json.dumps({"bench": results}))
    sys.exit(1 if any("error" in entry["masklet"] for entry in results) else 0)


if __name__ == "__main__":
    main()
