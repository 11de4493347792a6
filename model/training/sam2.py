# SPDX-License-Identifier: Apache-2.0
"""SAM 2.1 in PyTorch, for training: one object a clip, all clips of a batch at once.

Modules and parameters are named as in the published checkpoints, so that a state dictionary is a
checkpoint. Shapes: images (B, 3, S, S), feature maps (B, C, H, W), tokens (B, N, C).
Source: Ravi et al., "SAM 2: Segment Anything in Images and Videos", 2024.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
NO_OBJECT = -1024.0


class LayerNorm2d(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, 1e-6)
        return x.permute(0, 3, 1, 2)


class Mlp(nn.Module):
    def __init__(self, sizes, activation=F.relu):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.activation = activation

    def forward(self, x):
        for i, layer in enumerate(self.layers):
            x = layer(x) if i == len(self.layers) - 1 else self.activation(layer(x))
        return x


# ---- Image encoder: Hiera and FPN ---------------------------------------------------------------


def split_windows(x, size):
    """(B, H, W, C) to (B * n, size, size, C), zeros beyond the edge; and the padded height, width."""
    b, h, w, c = x.shape
    x = F.pad(x, (0, 0, 0, -w % size, 0, -h % size))
    height, width = x.shape[1:3]
    x = x.view(b, height // size, size, width // size, size, c).transpose(2, 3)
    return x.reshape(-1, size, size, c), (height, width)


def join_windows(x, padded, shape):
    size, (height, width), (h, w) = x.shape[1], padded, shape
    x = x.view(-1, height // size, width // size, size, size, x.shape[-1]).transpose(2, 3)
    return x.reshape(-1, height, width, x.shape[-1])[:, :h, :w]


def pool(x):
    return F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


class WindowAttention(nn.Module):
    def __init__(self, dim, dim_out, n_heads, pools):
        super().__init__()
        self.n_heads, self.pools = n_heads, pools
        self.qkv = nn.Linear(dim, dim_out * 3)
        self.proj = nn.Linear(dim_out, dim_out)

    def forward(self, x):
        b, h, w, _ = x.shape
        q, k, v = self.qkv(x).view(b, h, w, 3, -1).unbind(3)
        if self.pools:
            q = pool(q)
        h, w = q.shape[1:3]
        q, k, v = (y.reshape(b, -1, self.n_heads, y.shape[-1] // self.n_heads).transpose(1, 2)
                   for y in (q, k, v))
        x = F.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(b, h, w, -1))


class Block(nn.Module):
    def __init__(self, dim, dim_out, n_heads, window, pools):
        super().__init__()
        self.window, self.pools = window, pools
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = WindowAttention(dim, dim_out, n_heads, pools)
        self.norm2 = nn.LayerNorm(dim_out, eps=1e-6)
        self.mlp = Mlp([dim_out, dim_out * 4, dim_out], F.gelu)
        if dim != dim_out:
            self.proj = nn.Linear(dim, dim_out)

    def forward(self, x):
        shortcut, x = x, self.norm1(x)
        if self.pools:
            shortcut = pool(self.proj(x))
        if self.window:
            x, padded = split_windows(x, self.window)
        x = self.attn(x)
        if self.window:
            step = 2 if self.pools else 1
            x = join_windows(x, [side // step for side in padded], shortcut.shape[1:3])
        x = shortcut + x
        return x + self.mlp(self.norm2(x))


class Hiera(nn.Module):
    def __init__(self, config):
        super().__init__()
        stages, dim, n_heads = config["stages"], config["embed_dim"], config["num_heads"]
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, dim, 7, 4, 3)
        grid, window = config["window_pos_embed_bkg_spatial_size"], config["window_spec"][0]
        self.pos_embed = nn.Parameter(torch.zeros(1, dim, *grid))
        self.pos_embed_window = nn.Parameter(torch.zeros(1, dim, window, window))
        self.blocks, self.ends = nn.ModuleList(), []
        for stage, n_blocks in enumerate(stages):
            for i in range(n_blocks):
                index, first = len(self.blocks), stage > 0 and i == 0
                dim_out = dim * 2 if first else dim
                n_heads *= 2 if first else 1
                # A stage's first block still uses the windows of the stage before.
                size = config["window_spec"][stage - 1 if first else stage]
                if index in config["global_att_blocks"]:
                    size = 0
                self.blocks.append(Block(dim, dim_out, n_heads, size, first))
                dim = dim_out
            self.ends.append(len(self.blocks) - 1)

    def forward(self, x):
        x = self.patch_embed.proj(x)
        position = F.interpolate(self.pos_embed.float(), x.shape[2:], mode="bicubic")
        tiles = [side // tile for side, tile in zip(x.shape[2:], self.pos_embed_window.shape[2:])]
        x = (x + position + self.pos_embed_window.tile(1, 1, *tiles)).permute(0, 2, 3, 1)
        outputs = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.ends:
                outputs.append(x.permute(0, 3, 1, 2))
        return outputs


class Neck(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.convs = nn.ModuleList()
        for channels in config["backbone_channel_list"]:
            module = nn.Module()
            module.conv = nn.Conv2d(channels, config["d_model"], 1)
            self.convs.append(module)

    def forward(self, stages):
        """Levels of stride 4, 8 and 16; only the last one gets the one above."""
        level3 = self.convs[0].conv(stages[3])
        level2 = self.convs[1].conv(stages[2]) + F.interpolate(level3.float(), scale_factor=2.0)
        return self.convs[3].conv(stages[0]), self.convs[2].conv(stages[1]), level2


class ImageEncoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.trunk = Hiera(config["trunk"])
        self.neck = Neck(config["neck"])

    def forward(self, x):
        return self.neck(self.trunk(x))


# ---- Positions ----------------------------------------------------------------------------------


def sine_map(side, channels, device):
    """(side * side, channels), y first."""
    half = channels // 2
    at = torch.arange(1, side + 1, device=device, dtype=torch.float32) / (side + 1e-6) * 2 * math.pi
    power = torch.arange(half, device=device, dtype=torch.float32) // 2 * 2 / half
    angle = at[:, None] / 10000 ** power
    line = torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], 2).flatten(1)
    return torch.cat([line[:, None].expand(side, side, half), line[None].expand(side, side, half)],
                     2).reshape(side * side, channels)


def sine_1d(position, channels):
    """(N) to (N, channels): [sin | cos]."""
    half = channels // 2
    power = torch.arange(half, device=position.device, dtype=torch.float32) // 2 * 2 / half
    angle = position[:, None] / 10000 ** power
    return torch.cat([angle.sin(), angle.cos()], 1)


def rope_table(side, channels, device):
    """Complex (side * side, channels / 2): first half x, second half y."""
    power = torch.arange(0, channels, 4, device=device, dtype=torch.float32)[: channels // 4]
    frequency = 1 / 10000 ** (power / channels)
    at = torch.arange(side * side, device=device, dtype=torch.float32)
    angle = torch.cat([torch.outer(at % side, frequency),
                       torch.outer(torch.div(at, side, rounding_mode="floor"), frequency)], 1)
    return torch.polar(torch.ones_like(angle), angle)


def rotate(x, table):
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * table).flatten(-2).type_as(x)


# ---- Attention over tokens ----------------------------------------------------------------------


class Attention(nn.Module):
    def __init__(self, dim, n_heads, inner=None, kv_dim=None):
        super().__init__()
        inner = inner or dim
        self.n_heads = n_heads
        self.q_proj = nn.Linear(dim, inner)
        self.k_proj = nn.Linear(kv_dim or dim, inner)
        self.v_proj = nn.Linear(kv_dim or dim, inner)
        self.out_proj = nn.Linear(inner, dim)

    def forward(self, q, k, v, rope=None, n_rotated=None, watch=None):
        """n_rotated: keys that are whole maps; the rest, pointers, are not rotated. watch: a list that
        gets the attention weights, (B, heads, N, keys)."""
        q, k, v = self.q_proj(q), self.k_proj(k), self.v_proj(v)
        if rope is not None:
            n = k.shape[1] if n_rotated is None else n_rotated
            q = rotate(q, rope)
            k = torch.cat([rotate(k[:, :n], rope.repeat(n // rope.shape[0], 1)), k[:, n:]], 1)
        q, k, v = (x.view(*x.shape[:2], self.n_heads, -1).transpose(1, 2) for x in (q, k, v))
        if watch is None:
            x = F.scaled_dot_product_attention(q, k, v)
        else:
            watch.append((q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])).softmax(-1))
            x = watch[-1] @ v
        return self.out_proj(x.transpose(1, 2).flatten(2))


class MemoryLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        d, kv = config["d_model"], config["cross_attention"]["kv_in_dim"]
        self.self_attn = Attention(d, 1)
        self.cross_attn_image = Attention(d, 1, kv_dim=kv)
        self.linear1 = nn.Linear(d, config["dim_feedforward"])
        self.linear2 = nn.Linear(config["dim_feedforward"], d)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(d) for _ in range(3))

    def forward(self, x, memory, keys, rope, n_rotated, watch):
        y = self.norm1(x)
        x = x + self.self_attn(y, y, y, rope)
        x = x + self.cross_attn_image(self.norm2(x), keys, memory, rope, n_rotated, watch)
        return x + self.linear2(F.relu(self.linear1(self.norm3(x))))


class MemoryAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layers = nn.ModuleList(MemoryLayer(config["layer"])
                                    for _ in range(config["num_layers"]))
        self.norm = nn.LayerNorm(config["d_model"])

    def forward(self, x, memory, keys, n_rotated, watch=None):
        side = math.isqrt(x.shape[1])
        rope = rope_table(side, x.shape[2], x.device)
        x = x + 0.1 * sine_map(side, x.shape[2], x.device)
        for layer in self.layers:
            x = layer(x, memory, keys, rope, n_rotated, watch)
        return self.norm(x)


# ---- Prompts and masks --------------------------------------------------------------------------


class PromptEncoder(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.pe_layer = nn.Module()
        self.pe_layer.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, d // 2))
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, d) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, d)
        self.no_mask_embed = nn.Embedding(1, d)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, 4, 2, 2), LayerNorm2d(4), nn.GELU(),
            nn.Conv2d(4, 16, 2, 2), LayerNorm2d(16), nn.GELU(), nn.Conv2d(16, d, 1))

    def encode(self, xy):
        """Fourier features of positions in 0..1, (..., 2)."""
        angle = 2 * math.pi * ((2 * xy - 1) @ self.pe_layer.positional_encoding_gaussian_matrix)
        return torch.cat([angle.sin(), angle.cos()], -1)

    def dense_position(self, side):
        at = (torch.arange(side, device=self.no_mask_embed.weight.device) + 0.5) / side
        y, x = torch.meshgrid(at, at, indexing="ij")
        return self.encode(torch.stack([x, y], -1)).flatten(0, 1)

    def points(self, xy, labels, size):
        """xy (B, N, 2) network pixels; labels (B, N): -1 padding, 0, 1, box corners 2, 3."""
        xy = torch.cat([xy, torch.zeros_like(xy[:, :1])], 1)
        labels = torch.cat([labels, -torch.ones_like(labels[:, :1])], 1)
        table = torch.cat([self.not_a_point_embed.weight] +
                          [embedding.weight for embedding in self.point_embeddings])
        position = self.encode((xy + 0.5) / size) * (labels >= 0).unsqueeze(-1)
        return position + table[labels + 1]

    def masks(self, logits, side):
        """logits (B, 1, S/4, S/4) or None: (B or 1, side * side, d)."""
        if logits is None:
            return self.no_mask_embed.weight[:, None].expand(1, side * side, -1)
        return self.mask_downscaling(logits).flatten(2).transpose(1, 2)


class TwoWayLayer(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.self_attn = Attention(d, 8)
        self.cross_attn_token_to_image = Attention(d, 8, d // 2)
        self.cross_attn_image_to_token = Attention(d, 8, d // 2)
        self.mlp = Mlp([d, 2048, d])
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.LayerNorm(d) for _ in range(4))

    def forward(self, queries, keys, query_position, key_position, first):
        if first:
            queries = self.self_attn(queries, queries, queries)
        else:
            q = queries + query_position
            queries = queries + self.self_attn(q, q, queries)
        queries = self.norm1(queries)
        q, k = queries + query_position, keys + key_position
        queries = self.norm2(queries + self.cross_attn_token_to_image(q, k, keys))
        queries = self.norm3(queries + self.mlp(queries))
        q = queries + query_position
        return queries, self.norm4(keys + self.cross_attn_image_to_token(k, q, queries))


class TwoWayTransformer(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.layers = nn.ModuleList(TwoWayLayer(d) for _ in range(2))
        self.final_attn_token_to_image = Attention(d, 8, d // 2)
        self.norm_final_attn = nn.LayerNorm(d)

    def forward(self, tokens, keys, key_position):
        queries = tokens
        for i, layer in enumerate(self.layers):
            queries, keys = layer(queries, keys, tokens, key_position, i == 0)
        q, k = queries + tokens, keys + key_position
        return self.norm_final_attn(queries + self.final_attn_token_to_image(q, k, keys)), keys


class MaskDecoder(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.transformer = TwoWayTransformer(d)
        self.iou_token = nn.Embedding(1, d)
        self.mask_tokens = nn.Embedding(4, d)
        self.obj_score_token = nn.Embedding(1, d)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(d, d // 4, 2, 2), LayerNorm2d(d // 4), nn.GELU(),
            nn.ConvTranspose2d(d // 4, d // 8, 2, 2), nn.GELU())
        self.conv_s0 = nn.Conv2d(d, d // 8, 1)
        self.conv_s1 = nn.Conv2d(d, d // 4, 1)
        self.output_hypernetworks_mlps = nn.ModuleList(Mlp([d, d, d, d // 8]) for _ in range(4))
        self.iou_prediction_head = Mlp([d, 256, 256, 4])
        self.pred_obj_score_head = Mlp([d, d, d, 1])

    def forward(self, image, high0, high1, sparse, dense, position):
        """image (B, d, h, w), high0 and high1 already convolved. Logits (B, 4, 4h, 4w), IoU logits
        (B, 4), mask tokens (B, 4, d), object score (B, 1)."""
        b, d, h, w = image.shape
        tokens = torch.cat([self.obj_score_token.weight, self.iou_token.weight,
                            self.mask_tokens.weight])
        tokens = torch.cat([tokens[None].expand(b, -1, -1), sparse], 1)
        keys = image.flatten(2).transpose(1, 2) + dense
        queries, keys = self.transformer(tokens, keys, position)
        norm, conv = self.output_upscaling[1], self.output_upscaling[0]
        x = conv(keys.transpose(1, 2).reshape(b, d, h, w))
        x = F.gelu(norm(x + high1))
        x = F.gelu(self.output_upscaling[3](x) + high0)
        mask_tokens = queries[:, 2:6]
        hyper = torch.stack([mlp(mask_tokens[:, i])
                             for i, mlp in enumerate(self.output_hypernetworks_mlps)], 1)
        masks = (hyper @ x.flatten(2)).view(b, 4, 4 * h, 4 * w)
        return (masks, self.iou_prediction_head(queries[:, 1]), mask_tokens,
                self.pred_obj_score_head(queries[:, 0]))


# ---- Memory encoder -----------------------------------------------------------------------------


class FuserLayer(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.dwconv = nn.Conv2d(d, d, 7, padding=3, groups=d)
        self.norm = LayerNorm2d(d)
        self.pwconv1, self.pwconv2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
        self.gamma = nn.Parameter(torch.full((d,), 1e-6))

    def forward(self, x):
        y = self.norm(self.dwconv(x)).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class MemoryEncoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        d = config["in_dim"]
        layers, channels = [], 1
        for _ in range(4):
            layers += [nn.Conv2d(channels, channels * 4, 3, 2, 1), LayerNorm2d(channels * 4), nn.GELU()]
            channels *= 4
        self.mask_downsampler = nn.Module()
        self.mask_downsampler.encoder = nn.Sequential(*layers, nn.Conv2d(channels, d, 1))
        self.pix_feat_proj = nn.Conv2d(d, d, 1)
        self.fuser = nn.Module()
        self.fuser.layers = nn.ModuleList(FuserLayer(d) for _ in range(config["fuser"]["num_layers"]))
        self.out_proj = nn.Conv2d(d, config["out_dim"], 1)

    def forward(self, top, mask):
        x = self.pix_feat_proj(top) + self.mask_downsampler.encoder(mask)
        for layer in self.fuser.layers:
            x = layer(x)
        return self.out_proj(x)


# ---- The whole ----------------------------------------------------------------------------------


class Sam2(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.size = config["image_size"]
        d = self.d = config["image_encoder"]["neck"]["d_model"]
        m = self.mem_dim = config["memory_encoder"]["out_dim"]
        self.image_encoder = ImageEncoder(config["image_encoder"])
        self.memory_attention = MemoryAttention(config["memory_attention"])
        self.memory_encoder = MemoryEncoder(config["memory_encoder"])
        self.sam_prompt_encoder = PromptEncoder(d)
        self.sam_mask_decoder = MaskDecoder(d)
        self.mask_downsample = nn.Conv2d(1, 1, 4, 4)
        self.obj_ptr_proj = Mlp([d, d, d, d])
        self.obj_ptr_tpos_proj = nn.Linear(d, m)
        self.maskmem_tpos_enc = nn.Parameter(torch.zeros(config["num_maskmem"], 1, 1, m))
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, d))
        self.no_mem_pos_enc = nn.Parameter(torch.zeros(1, 1, d))
        self.no_obj_ptr = nn.Parameter(torch.zeros(1, d))
        self.no_obj_embed_spatial = nn.Parameter(torch.zeros(1, m))

    def reset(self):
        """Weights to begin with. The reference's deviation of 0.02 suits wide layers; these are narrow."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, FuserLayer):
                nn.init.constant_(module.gamma, 0.1)
        for parameter in (self.maskmem_tpos_enc, self.no_mem_embed, self.no_mem_pos_enc,
                          self.no_obj_ptr, self.no_obj_embed_spatial,
                          self.image_encoder.trunk.pos_embed,
                          self.image_encoder.trunk.pos_embed_window):
            nn.init.trunc_normal_(parameter, std=0.02)

    def encode(self, images):
        """images in 0..1: top (B, d, h, w) and the two finer maps, convolved for the decoder."""
        mean, deviation = (torch.tensor(x, device=images.device).view(1, 3, 1, 1)
                           for x in (MEAN, DEVIATION))
        level0, level1, top = self.image_encoder((images - mean) / deviation)
        return top, self.sam_mask_decoder.conv_s0(level0), self.sam_mask_decoder.conv_s1(level1)

    def decode(self, top, high0, high1, points=None, labels=None, mask_logits=None):
        """Segments; prompts may be missing (tracking). All four masks and scores."""
        side = top.shape[2]
        encoder = self.sam_prompt_encoder
        if points is None:
            points = top.new_zeros(top.shape[0], 1, 2)
            labels = torch.full(points.shape[:2], -1, dtype=torch.long, device=top.device)
        sparse = encoder.points(points, labels, self.size)
        dense = encoder.masks(mask_logits, side)
        return self.sam_mask_decoder(top, high0, high1, sparse, dense, encoder.dense_position(side))

    def pointer(self, token, score):
        """token (B, d), score (B, 1)."""
        present = (score > 0).type_as(token)
        return present * self.obj_ptr_proj(token) + (1 - present) * self.no_obj_ptr

    def remember(self, top, logits, score, prompted):
        """Memory (B, m, h, w) of a frame from its logits (B, 1, S/4, S/4)."""
        high = F.interpolate(logits.float(), (self.size, self.size), mode="bilinear")
        mask = (high > 0).type_as(high) if prompted else high.sigmoid()
        memory = self.memory_encoder(top, mask * 20 - 10)
        absent = (score <= 0).type_as(memory)[:, :, None, None]
        memory = memory + absent * self.no_obj_embed_spatial[:, :, None, None]
        return memory

    def unconditioned(self, top):
        return top + self.no_mem_embed.transpose(1, 2).unsqueeze(-1)

    def condition(self, top, memories, pointers, watch=None):
        """memories: [(map (B, m, h, w), temporal index)]; pointers: [(pointer (B, d), position)];
        watch: a list for the cross attention's weights, (B, 1, h * w, tokens), of each layer."""
        b, d, h, w = top.shape
        position = sine_map(h, self.mem_dim, top.device)
        values, keys = [], []
        for memory, index in memories:
            tokens = memory.flatten(2).transpose(1, 2)
            values.append(tokens)
            keys.append(tokens + position + self.maskmem_tpos_enc[index])
        n_rotated = len(memories) * h * w
        for pointer, at in pointers:
            tokens = pointer.view(b, -1, self.mem_dim)
            place = self.obj_ptr_tpos_proj(sine_1d(torch.tensor([float(at)], device=top.device), d))
            values.append(tokens)
            keys.append(tokens + place)
        x = self.memory_attention(top.flatten(2).transpose(1, 2), torch.cat(values, 1),
                                  torch.cat(keys, 1), n_rotated, watch)
        return x.transpose(1, 2).reshape(b, d, h, w)
