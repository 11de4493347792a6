#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures Masklet on a device and, where there is torch, PyTorch beside it; prints JSON.

    bench_gpu.py [--build build-gpu] [--backend cuda] [--frames 2000] [--objects 1 8]
                 [--variants tiny small base+ large | --models FILE...] [--no-pytorch]

For each variant seeded weights are written under Hugging Face's names, tracked by bench_model, then
by transformers' Sam2VideoModel (bf16, SDPA, the image encoder and memory attention compiled where
torch.compile can) through frames of the same size. Without torch and transformers, --models names
the files to measure. Exits 77 where the backend is not there.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

SIDE = 1024
WARM_UP = 20
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


def time_pytorch(model, n_objects, n_frames, device):
    """Frames a second and percentiles; frames come from a ring in memory, as the published
    benchmark's do."""
    import torch
    from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession
    ring = torch.randn(16, 3, SIDE, SIDE).to(torch.bfloat16)
    session = Sam2VideoInferenceSession(
        video=ring[torch.arange(n_frames) % 16] if n_frames <= 64 else ring,
        video_height=SIDE, video_width=SIDE, dtype=torch.bfloat16,
        inference_device=device, video_storage_device=device)
    n_frames = min(n_frames, session.num_frames)
    for i in range(n_objects):
        index = session.obj_id_to_idx(i + 1)
        centre = torch.full((1, 1, 1, 2), SIDE / 2 + 8 * i, dtype=torch.bfloat16, device=device)
        session.add_point_inputs(index, 0, {
            "point_coords": centre,
            "point_labels": torch.ones(1, 1, 1, dtype=torch.int32, device=device)})
    session.obj_with_new_inputs = list(range(1, n_objects + 1))
    seconds = []
    for i in range(n_frames):
        start = time.perf_counter()
        model(inference_session=session, frame_idx=i)
        if device != "cpu":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    seconds = sorted(seconds[min(WARM_UP, n_frames // 2):])
    return {"frames": len(seconds), "fps": len(seconds) / sum(seconds),
            "p50_ms": 1e3 * statistics.median(seconds),
            "p99_ms": 1e3 * seconds[min(len(seconds) - 1, int(0.99 * len(seconds)))]}


def run_pytorch(model, n_objects, n_frames, device):
    """Plain, then compiled; what fails is told instead."""
    import torch
    results = {"torch": torch.__version__}
    with torch.inference_mode():
        model = model.to(device=device, dtype=torch.bfloat16)
        for name in ("plain", "compiled"):
            try:
                if name == "compiled":
                    model.vision_encoder = torch.compile(model.vision_encoder)
                    model.memory_attention = torch.compile(model.memory_attention)
                results[name] = time_pytorch(model, n_objects, n_frames, device)
            except Exception as error:  # pylint: disable=broad-except
                results[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
    return results


def run_masklet(options, path, n_objects):
    command = [f"{options.build}/tests/bench_model", str(path), "--backend", options.backend,
               "--objects", str(n_objects), "--frames", str(options.frames)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        print(done.stderr.strip(), file=sys.stderr)
        sys.exit(77)
    if done.returncode != 0:
        return {"error": done.stderr.strip()[:300]}
    return json.loads(done.stdout)


def compare(entry):
    fps = entry["masklet"].get("fps")
    for name in ("compiled", "plain"):
        other = entry.get("pytorch", {}).get(name, {}).get("fps")
        if fps and other:
            entry[f"times_{name}"] = round(fps / other, 3)
    return entry


def measure(options, path, name, model):
    for n_objects in options.objects:
        entry = {"model": name, "objects": n_objects,
                 "masklet": run_masklet(options, path, n_objects)}
        if model is not None and not options.no_pytorch:
            device = "cuda" if options.backend == "cuda" else "cpu"
            entry["pytorch"] = run_pytorch(model, n_objects, min(options.frames, 64), device)
        yield compare(entry)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build-gpu")
    parser.add_argument("--backend", default="cuda", choices=["cuda", "cpu", "ref"])
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--models", nargs="+", help="files to measure instead of the variants")
    parser.add_argument("--no-pytorch", action="store_true")
    options = parser.parse_args()
    if options.frames < 2 or min(options.objects) < 1:
        parser.error("there must be 2 frames and 1 object at least")
    results = []
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
