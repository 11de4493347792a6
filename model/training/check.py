# SPDX-License-Identifier: Apache-2.0
"""Compares sam2.py with the public reference's tensors: python -m model.training.check FOLDER.

FOLDER is a reference set with model.pt and stages.safetensors, such as micro-2.1. Stages agree to
1e-3 of the spread of the tensor.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file

from model.training.sam2 import Sam2, sine_map


def main():
    folder = pathlib.Path(sys.argv[1])
    config = json.loads((folder / "model.json").read_text())["config"]
    stages = load_file(folder / "stages.safetensors")
    model = Sam2(config).eval()
    model.load_state_dict(torch.load(folder / "model.pt", weights_only=True)["model"])
    failed = 0

    def compare(name, got):
        nonlocal failed
        want = stages[name]
        share = float((got.reshape(want.shape) - want).abs().max() / want.std())
        failed += not share < 1e-3
        print("%-4s %s: %.1e of the spread" % ("ok" if share < 1e-3 else "FAIL", name, share))

    with torch.no_grad():
        trunk = model.image_encoder.trunk(stages["image.input"][None])
        for i, stage in enumerate(trunk):
            compare("image.trunk.stage%d" % i, stage)
        level0, level1, top = model.image_encoder.neck(trunk)
        decoder = model.sam_mask_decoder
        high0, high1 = decoder.conv_s0(level0), decoder.conv_s1(level1)
        compare("image.fpn.level2", top)
        compare("image.decoder_high_res.level0", high0)
        compare("image.decoder_high_res.level1", high1)
        image = model.unconditioned(top)
        compare("image.embedding", image)
        side = top.shape[2]
        position = model.sam_prompt_encoder.dense_position(side).T
        compare("prompt.dense_position", position)

        for call in json.loads((folder / "stages.json").read_text()):
            tag = call["tag"]
            scale = torch.tensor([model.size / 480, model.size / 270])
            points = torch.tensor(call.get("box", [])).view(-1, 2)
            labels = torch.tensor([2, 3] if "box" in call else [], dtype=torch.long)
            points = torch.cat([points, torch.tensor(call.get("point_coords", [])).view(-1, 2)])
            labels = torch.cat([labels, torch.tensor(call.get("point_labels", []), dtype=torch.long)])
            xy = (points * scale)[None]
            compare("predict.%s.sparse" % tag,
                    model.sam_prompt_encoder.points(xy, labels[None], model.size))
            if tag not in ("one_click", "box", "clicks", "box_and_click"):
                continue
            masks, ious, tokens, score = model.decode(image, high0, high1, xy, labels[None])
            if call["multimask_output"]:
                # The reference clamps what image mode returns.
                compare("predict.%s.low_res_logits" % tag, masks[:, 1:].clamp(-32, 32))
                compare("predict.%s.tokens" % tag, tokens[:, 1:])
            print("     %s: object score %.5f, reference %.5f" % (
                tag, score, stages["predict.%s.object_score" % tag]))

        x = stages["memory_attention.current"]
        n_pointers = int(stages["memory_attention.object_pointer_tokens"])
        memory, at = stages["memory_attention.memory"], stages["memory_attention.memory_position"]
        compare("memory_attention.output",
                model.memory_attention(x[None], memory[None], (memory + at)[None],
                                       len(memory) - n_pointers))
        compare("memory_encoder.output", model.memory_encoder(stages["memory_encoder.features"][None],
                                                              stages["memory_encoder.mask"][None]))
        d = model.mem_dim
        compare("memory_encoder.position", sine_map(side, d, "cpu").T.reshape(d, side, side))
    print("%d failed" % failed)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
