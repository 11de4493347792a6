#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Renames the tensors of a SAM 2 .safetensors from the published names to Hugging Face's.

    hf_from_reference.py PUBLISHED.safetensors OUT.safetensors

The result loads into transformers' Sam2VideoModel (load_state_dict with strict=True), so it can carry
seeded weights into that implementation, and it is what the tests feed to model/hf.c, whose table
goes the other way. Written from the names that Sam2VideoModel reports, which for the tiny
configuration are in tests/data/hf_tiny_2.1.txt. Needs nothing but Python.
"""
import json
import re
import sys

POINTS = "sam_prompt_encoder.point_embeddings."
GAUSSIAN = "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"

# Applied in order, each to the result of those before it.
RULES = [
    (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
    (r"^image_encoder\.neck\.convs\.(\d+)\.conv\.", r"vision_encoder.neck.convs.\1."),
    (r"patch_embed\.proj\.", "patch_embed.projection."),
    (r"(backbone\.blocks\.\d+\.mlp)\.layers\.0\.", r"\1.proj_in."),
    (r"(backbone\.blocks\.\d+\.mlp)\.layers\.1\.", r"\1.proj_out."),
    (r"^sam_prompt_encoder\.", "prompt_encoder."),
    (r"mask_downscaling\.0\.", "mask_embed.conv1."),
    (r"mask_downscaling\.1\.", "mask_embed.layer_norm1."),
    (r"mask_downscaling\.3\.", "mask_embed.conv2."),
    (r"mask_downscaling\.4\.", "mask_embed.layer_norm2."),
    (r"mask_downscaling\.6\.", "mask_embed.conv3."),
    (r"pe_layer\.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
    (r"^sam_mask_decoder\.", "mask_decoder."),
    (r"output_upscaling\.0\.", "upscale_conv1."),
    (r"output_upscaling\.1\.", "upscale_layer_norm."),
    (r"output_upscaling\.3\.", "upscale_conv2."),
    (r"(transformer\.layers\.\d+\.mlp)\.layers\.0\.", r"\1.proj_in."),
    (r"(transformer\.layers\.\d+\.mlp)\.layers\.1\.", r"\1.proj_out."),
    (r"^obj_ptr_proj\.", "object_pointer_proj."),
    # three-layer perceptrons: first, middle, last
    (r"(_head|mlps\.\d|pointer_proj)\.layers\.0\.", r"\1.proj_in."),
    (r"(_head|mlps\.\d|pointer_proj)\.layers\.1\.", r"\1.layers.0."),
    (r"(_head|mlps\.\d|pointer_proj)\.layers\.2\.", r"\1.proj_out."),
    (r"^memory_encoder\.pix_feat_proj\.", "memory_encoder.feature_projection."),
    (r"^memory_encoder\.out_proj\.", "memory_encoder.projection."),
    (r"mask_downsampler\.encoder\.12\.", "mask_downsampler.final_conv."),
    (r"memory_encoder\.fuser\.", "memory_encoder.memory_fuser."),
    (r"\.dwconv\.", ".depthwise_conv."),
    (r"\.pwconv", ".pointwise_conv"),
    (r"\.gamma$", ".scale"),
    (r"\.norm", ".layer_norm"),
    (r"\.out_proj\.", ".o_proj."),
    (r"^obj_ptr_tpos_proj\.", "temporal_positional_encoding_projection_layer."),
    (r"^maskmem_tpos_enc$", "memory_temporal_positional_encoding"),
    (r"^no_mem_embed$", "no_memory_embedding"),
    (r"^no_mem_pos_enc$", "no_memory_positional_encoding"),
    (r"^no_obj_ptr$", "no_object_pointer"),
    (r"^no_obj_embed_spatial$", "occlusion_spatial_embedding_parameter"),
]


def hf_name(name):
    for pattern, replacement in RULES:
        name = re.sub(pattern, replacement, name)
    layer = re.match(r"(memory_encoder\.mask_downsampler)\.encoder\.(\d+)\.(.*)", name)
    if layer:
        number = int(layer[2])
        kind = "conv" if number % 3 == 0 else "layer_norm"
        name = f"{layer[1]}.layers.{number // 3}.{kind}.{layer[3]}"
    return name


def read(path):
    """name -> (dtype, shape, bytes)"""
    with open(path, "rb") as file:
        content = file.read()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["dtype"], entry["shape"], content[start + begin : start + end])
    return tensors


def write(path, tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, _, data in tensors.values():
            file.write(data)


def convert(published):
    out = {}
    for name, tensor in published.items():
        if not name.startswith(POINTS):
            out[hf_name(name)] = tensor
    rows = [published[f"{POINTS}{i}.weight"] for i in range(4)]
    dtype, shape, _ = rows[0]
    out["prompt_encoder.point_embed.weight"] = (dtype, [4, shape[1]], b"".join(r[2] for r in rows))
    out["shared_image_embedding.positional_embedding"] = published[GAUSSIAN]
    return out


def config_arguments(config):
    """Arguments of transformers' Sam2VideoConfig for the `config` of a model.json.

    Keys that a published configuration leaves out have the defaults of base+. Sam2VideoModel fixes the
    memory's width at 64, so the micro models' weights do not fit it; those of tiny and base+ do.
    """
    trunk = config["image_encoder"]["trunk"]
    width, heads = trunk["embed_dim"], trunk["num_heads"]
    d_model = config["image_encoder"]["neck"]["d_model"]
    size = config["image_size"]
    is_2_1 = config.get("no_obj_embed_spatial", False)
    hiera = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": width,
        "num_attention_heads": heads,
        "image_size": [size, size],
        "blocks_per_stage": trunk.get("stages", [2, 3, 16, 3]),
        "embed_dim_per_stage": [width << i for i in range(4)],
        "num_attention_heads_per_stage": [heads << i for i in range(4)],
        "window_size_per_stage": trunk.get("window_spec", [8, 4, 14, 7]),
        "global_attention_blocks": trunk.get("global_att_blocks", [12, 16, 20]),
        "window_positional_embedding_background_size": trunk.get(
            "window_pos_embed_bkg_spatial_size", [14, 14]
        ),
    }
    return {
        "image_size": size,
        "vision_config": {
            "model_type": "sam2_vision_model",
            "backbone_config": hiera,
            "backbone_channel_list": [width << i for i in (3, 2, 1, 0)],
            "fpn_hidden_size": d_model,
            "backbone_feature_sizes": [[size // step] * 2 for step in (4, 8, 16)],
        },
        "prompt_encoder_config": {"hidden_size": d_model, "image_size": size},
        "mask_decoder_config": {"hidden_size": d_model},
        "memory_attention_hidden_size": d_model,
        "memory_attention_num_layers": config["memory_attention"]["num_layers"],
        "memory_attention_feed_forward_hidden_size": config["memory_attention"]["layer"][
            "dim_feedforward"
        ],
        "memory_attention_rope_feat_sizes": [size // 16, size // 16],
        "memory_encoder_hidden_size": d_model,
        "memory_encoder_output_channels": config["memory_encoder"]["out_dim"],
        "mask_downsampler_embed_dim": d_model,
        "memory_fuser_embed_dim": d_model,
        "memory_fuser_intermediate_dim": 4 * d_model,
        "enable_occlusion_spatial_embedding": is_2_1,
        "enable_temporal_pos_encoding_for_object_pointers": is_2_1,
    }


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write(sys.argv[2], convert(read(sys.argv[1])))
