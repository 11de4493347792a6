# SPDX-License-Identifier: Apache-2.0
"""Trains a small SAM 2.1 on clips that clips.py makes.

    python -m model.training.train bank  --photos FOLDER... --out bank.zip
    python -m model.training.train run   --bank bank.zip --state state.pt [--minutes M] [--warm FILE]
    python -m model.training.train export --state state.pt --out starter.safetensors

`run` goes on from the state file if it is there, and stops after M minutes or at the schedule's end.
"""
import argparse
import json
import pathlib
import time

import torch
import torch.nn.functional as F

from model.training import clips
from model.training.bank import make_bank
from model.training.muon import Muon, takes
from model.training.sam2 import NO_OBJECT, Sam2

HERE = pathlib.Path(__file__).parent
N_POINTERS = 15  # what pointer distances are divided by, as in long videos

# steps, side, pictures of a step, frames of a clip (one of these a step), learning rate at the start and
# at the end, share of the focal loss
PHASES = {
    "gpu": [(6000, 128, 256, (1,), 8e-4, 8e-4, 0.0), (6000, 256, 96, (1,), 8e-4, 6e-4, 0.3),
            (9000, 256, 128, (1, 4, 4, 8), 6e-4, 3e-4, 0.5),
            (7000, 384, 96, (1, 4, 6, 8), 3e-4, 1e-5, 0.7)],
    "cpu": [(600, 128, 8, (1,), 8e-4, 8e-4, 0.0), (3800, 128, 12, (3,), 8e-4, 5e-4, 0.3),
            (2300, 256, 8, (4,), 4e-4, 3e-5, 0.5), (5000, 256, 8, (1, 4, 4, 8), 4e-4, 2e-5, 0.6),
            (1600, 256, 8, (1, 1, 4, 8), 3e-4, 1.8e-4, 0.9),
            (1544, 384, 8, (1, 1, 4, 8), 1.8e-4, 1.9e-5, 0.9),  # the bundled file's end
            (1754, 256, 8, (1, 1, 4, 8), 3e-4, 2e-4, 0.9),
            (974, 384, 8, (1, 1, 4, 8), 2e-4, 1.6e-5, 0.9),
            (1990, 256, 8, (1, 1, 4, 8), 6e-4, 3e-4, 0.9),
            (820, 384, 8, (1, 4, 8, 8), 3e-4, 1e-5, 0.9)],
    "smoke": [(3, 128, 2, (1,), 4e-4, 4e-4, 0.0), (2, 128, 6, (1, 3), 3e-4, 3e-5, 0.5)],
}
N_OBJECTS = 2  # of a clip that are followed
ADAM_RATE = 0.5  # of what Muon does not take, as a share of its learning rate


# ---- Prompts ------------------------------------------------------------------------------------


def pick_pixel(region):
    """A pixel (x, y) of each region (B, H, W), more likely inside; near the middle where it is empty. A
    cell of 4 x 4 pixels is drawn first, then one of its pixels."""
    b, h, w = region.shape
    cells = F.avg_pool2d(region, 4)
    depth = cells
    for _ in range(3):
        depth = depth - F.max_pool2d(-depth, 3, 1, 1) * cells
    weights = (depth ** 2).flatten(1)
    empty = weights.sum(1) <= 0
    weights[empty, (h // 8) * (w // 4) + w // 8] = 1
    cell = torch.multinomial(weights, 1)[:, 0]
    pixels = region.view(b, h // 4, 4, w // 4, 4).transpose(2, 3).reshape(b, -1, 16)
    pixels = pixels[torch.arange(b, device=region.device), cell] + empty[:, None]
    pixel = torch.multinomial(pixels, 1)[:, 0]
    x = cell % (w // 4) * 4 + pixel % 4
    y = torch.div(cell, w // 4, rounding_mode="floor") * 4 + torch.div(pixel, 4, rounding_mode="floor")
    return torch.stack([x, y], 1).float(), ~empty


def first_click(truth):
    xy, _ = pick_pixel(truth[:, 0])
    return xy[:, None], torch.ones(len(xy), 1, dtype=torch.long, device=xy.device)


def box_around(truth, jitter=0.08):
    """Corners as two points with labels 2 and 3; the whole picture where the truth is empty."""
    b, _, h, w = truth.shape
    rows, columns = truth[:, 0].amax(2), truth[:, 0].amax(1)

    def ends(line, n):
        at = torch.arange(n, device=line.device).float()
        low = torch.where(line > 0, at, at.new_tensor(float(n))).amin(1)
        high = torch.where(line > 0, at, at.new_tensor(-1.0)).amax(1)
        return torch.where(high < 0, 0 * low, low), torch.where(high < 0, 0 * high + n - 1, high)

    (x0, x1), (y0, y1) = ends(columns, w), ends(rows, h)
    box = torch.stack([x0, y0, x1, y1], 1)
    size = torch.stack([x1 - x0, y1 - y0, x1 - x0, y1 - y0], 1)
    box = box + size * jitter * (torch.rand_like(box) * 2 - 1)
    labels = torch.tensor([2, 3], device=box.device).expand(b, 2)
    return box.view(b, 2, 2).clamp(0, w - 1), labels


def correction(truth, logits):
    """A click where the mask is wrong; label -1 where it is right."""
    wrong_out = (truth > 0) & (logits <= 0)
    wrong_in = (truth <= 0) & (logits > 0)
    out = wrong_out.flatten(1).sum(1) >= wrong_in.flatten(1).sum(1)
    region = torch.where(out[:, None, None, None], wrong_out, wrong_in).float()
    xy, found = pick_pixel(region[:, 0])
    label = torch.where(found, out.long(), -torch.ones_like(out, dtype=torch.long))
    return xy[:, None], label[:, None]


# ---- Losses -------------------------------------------------------------------------------------


def mask_losses(logits, truth, focal_share, near=None):
    """logits (B, N, H, W), truth (B, 1, H, W): loss and IoU, (B, N). near: where clicks have to be obeyed."""
    truth = truth.expand_as(logits)
    ce = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    p = logits.sigmoid()
    hit = p * truth + (1 - p) * (1 - truth)
    focal = (ce * (1 - hit) ** 2 * (0.25 * truth + 0.75 * (1 - truth))).mean((2, 3))
    inside, outside = truth.sum((2, 3)), (1 - truth).sum((2, 3))
    balanced = 0.5 * ((ce * truth).sum((2, 3)) / inside.clamp(min=1) +
                      (ce * (1 - truth)).sum((2, 3)) / outside.clamp(min=1))
    dice = 1 - (2 * (p * truth).sum((2, 3)) + 1) / ((p + truth).sum((2, 3)) + 1)
    with torch.no_grad():
        mask = logits > 0
        both = (mask & (truth > 0)).sum((2, 3))
        either = (mask | (truth > 0)).sum((2, 3))
        iou = both / either.clamp(min=1)
    losses = focal_share * 20 * focal + (1 - focal_share) * balanced + dice
    return losses if near is None else losses + 0.5 * (ce * near).sum((2, 3)), iou


def near_clicks(points, labels, side, size):
    """Weights (B, 1, side, side) of the surroundings of each click in pictures of `size` pixels; their sum
    is 1, or 0 without a click."""
    at = (torch.arange(side, device=points.device) + 0.5) * size / side
    x, y = ((at - middle[..., None]) ** 2 for middle in points.unbind(-1))
    near = (-(y[..., :, None] + x[..., None, :]) / (2 * (size / 43) ** 2)).exp()
    near = (near * ((labels == 0) | (labels == 1))[:, :, None, None]).sum(1, keepdim=True)
    return near / near.sum((2, 3), keepdim=True).clamp(min=1e-6)


def frame_loss(decoded, truth, multimask, focal_share, near=None):
    """decoded as Sam2.decode() gives it; truth (B, 1, S/4, S/4); near as in mask_losses()."""
    masks, ious, _, score = (x.float() for x in decoded)
    present = (truth.flatten(1).sum(1) > 0).float()
    n = present.sum().clamp(min=1)

    def masks_loss(chosen):
        losses, iou = mask_losses(masks[:, chosen], truth, focal_share, near)
        best, index = losses.min(1)
        # Squared: the mean is expected, not the median, which is 0 for each of several that may be meant.
        iou_loss = 3 * (ious[:, chosen].sigmoid() - iou).square().mean(1)
        best_iou = iou.gather(1, index[:, None])[:, 0]
        return (present * (best + iou_loss)).sum() / n, (present * best_iou).sum() / n

    loss, iou = masks_loss(slice(1, 4) if multimask else slice(0, 1))
    if not multimask:  # choose() may take one of the three instead: they have to obey the prompts too
        loss = loss + 0.5 * masks_loss(slice(1, 4))[0]
    return loss + F.binary_cross_entropy_with_logits(score[:, 0], present), iou


# Two more losses make memory useful long before the masks would teach it to be: attention has to look
# at the object where the object is, and a linear probe has to tell it from what was read.


def share_loss(share, truth):
    """share (B, N): which part of each token is thought to be the object's; truth (B, N)."""
    share = share.float().clamp(1e-3, 1 - 1e-3)
    inside = -(truth * share.log()).sum(1) / truth.sum(1).clamp(min=1)
    outside = -((1 - truth) * (1 - share).log()).sum(1) / (1 - truth).sum(1).clamp(min=1)
    return 0.5 * (inside + outside).mean()


def looked_at(weights, remembered):
    """The object's part of where each token looks, (B, N): weights (B, 1, N, M) of the cross attention,
    remembered (B, M') its part of the first M' tokens; the others are pointers."""
    weights = weights[:, 0, :, :remembered.shape[1]].float()
    return (weights @ remembered[:, :, None])[:, :, 0] / weights.sum(2).clamp(min=1e-6)


def group_loss(group, top, numbers, n_anchors=48):
    """Features of one thing have to be alike in all frames of a clip, and unlike those of others: top (N, T,
    C, H, W), numbers (N, T, H, W) as ClipMaker.make() gives them. A prompt tells of one thing, this of all."""
    features = F.normalize(group["embed"](top.float().permute(0, 1, 3, 4, 2).flatten(1, 3)), dim=2)
    numbers = numbers.flatten(1)
    same = (numbers[:, :, None] == numbers[:, None]).float()
    weights = (numbers > 0) / same.sum(2)  # as many anchors in each thing
    n_things = weights.sum(1)
    anchors = torch.multinomial(weights + (n_things == 0)[:, None], n_anchors, replacement=True)
    at = anchors[:, :, None]
    alike = features.gather(1, at.expand(-1, -1, features.shape[2])) @ features.transpose(1, 2)
    share = group["scale"](alike[..., None])[..., 0].sigmoid()
    truth = same.gather(1, at.expand(-1, -1, same.shape[2]))
    known = n_things > 0
    if not known.any():
        return 0 * share.sum()  # so that its weights have a gradient
    return share_loss(share[known].flatten(0, 1), truth[known].flatten(0, 1))


# ---- A clip -------------------------------------------------------------------------------------


def choose(decoded, multimask):
    """The mask (B, 1, ...) and token that the model itself goes on with, and the score. Where the one mask
    for several prompts is not stable, the best of three takes its place (not its token)."""
    masks, ious, tokens, score = decoded
    b = torch.arange(len(masks), device=masks.device)
    best = 1 + ious[:, 1:].argmax(1)
    index = best if multimask else torch.zeros_like(b)
    logits = masks[b, index][:, None].float()
    if not multimask:
        inner, outer = ((logits > edge).flatten(1).sum(1) for edge in (0.05, -0.05))
        stable = (inner >= 0.98 * outer)[:, None, None, None]
        logits = torch.where(stable, logits, masks[b, best][:, None].float())
    absent = (score <= 0)[:, :, None, None]
    return torch.where(absent, torch.full_like(logits, NO_OBJECT), logits), tokens[b, index], score


class Run:
    """What a model remembers while it goes through a batch of clips."""

    def __init__(self, model, frames, truth, focal_share, probe=None):
        self.model, self.frames, self.truth, self.probe = model, frames, truth, probe
        self.focal_share = focal_share
        self.small = F.avg_pool2d(truth.flatten(0, 1), 4).gt(0.5).float().view(
            *truth.shape[:2], 1, truth.shape[3] // 4, truth.shape[4] // 4)
        n, t = frames.shape[:2]
        n_objects = len(truth) // n
        features = model.encode(frames.flatten(0, 1))
        self.top = features[0].view(n, t, *features[0].shape[1:])
        self.features = [x.view(n, t, *x.shape[1:]).repeat_interleave(n_objects, 0) for x in features]
        self.share = F.avg_pool2d(truth.flatten(0, 1), 16).view(*truth.shape[:2], -1)
        self.memories, self.pointers, self.prompted = {}, {}, set()
        self.losses, self.memory_losses, self.ious = [], [], []

    def at(self, t):
        return [x[:, t] for x in self.features]

    def note(self, decoded, t, multimask, points=None, labels=None):
        truth, near = self.small[:, t], None
        if points is not None:
            near = near_clicks(points, labels, truth.shape[-1], self.model.size)
        loss, iou = frame_loss(decoded, truth, multimask, self.focal_share, near)
        self.losses.append(loss)
        self.ious.append(iou.detach())

    def keep(self, t, logits, token, score, prompted):
        if self.truth.shape[1] == 1:
            return  # nothing looks back at a single picture
        top = self.features[0][:, t]
        self.memories[t] = self.model.remember(top, logits, score, prompted)
        self.pointers[t] = self.model.pointer(token, score)
        if prompted:
            self.prompted.add(t)

    def prompt(self, t, kind, n_corrections, given=None):
        """given: (points, labels) instead of those drawn from the truth."""
        model, (top, high0, high1) = self.model, self.at(t)
        image, truth = model.unconditioned(top), self.truth[:, t]
        if kind == "mask":
            # The mask is the result; the decoder only gives its pointer.
            score = (truth.flatten(1).sum(1, keepdim=True) > 0).float() * 20 - 10
            decoded = model.decode(top, high0, high1, mask_logits=model.mask_downsample(truth))
            logits = F.interpolate(truth * 20 - 10, scale_factor=0.25, mode="bilinear",
                                   antialias=True)
            self.keep(t, logits, decoded[2][:, 0], score, True)
            return
        points, labels = given or (first_click(truth) if kind == "click" else box_around(truth))
        multimask = kind == "click"
        decoded = model.decode(image, high0, high1, points, labels)
        self.note(decoded, t, multimask, points, labels)
        self.correct(t, image, decoded, multimask, points, labels, n_corrections)

    def correct(self, t, image, decoded, multimask, points, labels, n_corrections):
        """Adds clicks where the mask is wrong and keeps the result."""
        truth, (_, high0, high1) = self.truth[:, t], self.at(t)
        for _ in range(n_corrections):
            logits, _, _ = choose(decoded, multimask)
            full = F.interpolate(logits, truth.shape[2:], mode="bilinear")
            xy, label = correction(truth, full)
            points, labels = torch.cat([points, xy], 1), torch.cat([labels, label], 1)
            multimask = points.shape[1] == 1
            decoded = self.model.decode(image, high0, high1, points, labels,
                                        logits.detach().clamp(-32, 32))
            self.note(decoded, t, multimask, points, labels)
        self.keep(t, *choose(decoded, multimask), True)

    def forget(self, t):
        """What frames after t do not look at any more: the seventh memory, the sixteenth pointer."""
        for k in [k for k in self.memories if k not in self.prompted and k < t - 5]:
            del self.memories[k]
        for k in [k for k in self.pointers if k not in self.prompted and k < t + 1 - N_POINTERS]:
            del self.pointers[k]

    def condition(self, t):
        at = sorted(self.prompted)
        order = [6] * len(at)
        recent = [k for k in range(max(0, t - 6), t) if k in self.memories and k not in self.prompted]
        at, order = at + recent, order + [t - k - 1 for k in recent]
        pointers = [(self.pointers[k], (t - k) / N_POINTERS) for k in sorted(self.prompted) if k < t]
        pointers += [(self.pointers[k], (t - k) / N_POINTERS) for k in range(t - 1, -1, -1)
                     if k in self.pointers and k not in self.prompted]
        watch = [] if self.probe else None
        image = self.model.condition(self.features[0][:, t],
                                     [(self.memories[k], i) for k, i in zip(at, order)], pointers, watch)
        if watch:
            remembered, truth = torch.cat([self.share[:, k] for k in at], 1), self.share[:, t]
            self.memory_losses += [share_loss(looked_at(weights, remembered), truth)
                                   for weights in watch]
            told = self.probe(image.flatten(2).transpose(1, 2))[:, :, 0].sigmoid()
            self.memory_losses.append(share_loss(told, truth))
        return image

    def track(self, t, n_corrections=0):
        image = self.condition(t)
        decoded = self.model.decode(image, *self.at(t)[1:])
        self.note(decoded, t, True)
        if n_corrections:
            none = image.new_zeros(len(image), 0, 2)
            self.correct(t, image, decoded, True, none, none[:, :, 0].long(), n_corrections)
        else:
            self.keep(t, *choose(decoded, True), False)


def run_batch(model, frames, truth, numbers, focal_share, aids):
    """Loss, IoU (frames), memory loss and group loss of a batch; prompts are drawn as in SAM 2's training."""
    run = Run(model, frames, truth, focal_share, aids["probe"])
    n_frames = frames.shape[1]
    kind = ("click", "click", "box", "mask")[int(torch.randint(4 if n_frames > 1 else 3, (1,)))]
    corrections = int(torch.randint(0, 3, (1,)))
    if n_frames == 1:
        corrections += 1
    run.prompt(0, kind, corrections)
    again = int(torch.randint(1, n_frames, (1,))) if n_frames > 2 and torch.rand(1) < 0.4 else -1
    for t in range(1, n_frames):
        run.track(t, int(torch.randint(1, 3, (1,))) if t == again else 0)
    loss, memory_loss = torch.stack(run.losses).mean(), torch.zeros((), device=frames.device)
    if run.memory_losses:
        memory_loss = torch.stack(run.memory_losses).mean()
    grouped = group_loss(aids["group"], run.top, numbers)
    return loss + memory_loss + grouped, torch.stack(run.ious), memory_loss.detach(), grouped.detach()


# ---- The loop -----------------------------------------------------------------------------------


def load_weights(model, weights):
    """Takes over what has the same name and shape; the rest stays as it is."""
    own = model.state_dict()
    fitting = {k: v for k, v in weights.items() if k in own and v.shape == own[k].shape}
    model.load_state_dict(fitting, strict=False)
    return len(fitting), len(own)


def train(args):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if args.threads:
        torch.set_num_threads(args.threads)
    config = json.loads((HERE / "starter.json").read_text())
    torch.manual_seed(1)
    model = Sam2(config).to(device)
    model.reset()
    aids = torch.nn.ModuleDict({  # for the losses, not exported
        "probe": torch.nn.Linear(model.d, 1),
        "group": torch.nn.ModuleDict({"embed": torch.nn.Linear(model.d, 64),
                                      "scale": torch.nn.Linear(1, 1)})}).to(device)
    with torch.no_grad():
        aids["group"]["scale"].weight.fill_(8)
        aids["group"]["scale"].bias.fill_(-4)
    average = {k: v.detach().clone() for k, v in model.state_dict().items()}
    matrices = [p for name, p in model.named_parameters() if takes(name, p)]
    others = [p for name, p in model.named_parameters() if not takes(name, p)]
    optimizers = [Muon(matrices), torch.optim.AdamW([{"params": [p for p in others if p.ndim > 1]},
                                                     {"params": [p for p in others if p.ndim <= 1],
                                                      "weight_decay": 0.0},
                                                     {"params": aids.parameters(), "weight_decay": 0.0}],
                                                    betas=(0.9, 0.98), weight_decay=0.05)]
    step, state_path = 0, pathlib.Path(args.state)
    if state_path.exists():
        state = torch.load(state_path, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        aids.load_state_dict(state["aids"])
        for optimizer, past in zip(optimizers, state["optimizers"]):
            optimizer.load_state_dict(past)
        average, step = state["average"], state["step"]
    elif args.warm:
        from safetensors.torch import load_file
        weights = {k: v.float() for k, v in load_file(args.warm).items()}
        print("warm start: %d of %d tensors" % load_weights(model, weights))
        average = {k: v.detach().clone() for k, v in model.state_dict().items()}

    if args.compile:
        model.image_encoder.compile()
    maker = clips.ClipMaker(args.bank, device)
    phases = PHASES[args.schedule]
    n_steps = sum(phase[0] for phase in phases)
    begun, shown, figures = time.time(), time.time(), []

    def save():
        temporary = state_path.with_suffix(".tmp")
        torch.save({"model": model.state_dict(), "average": average, "step": step,
                    "aids": aids.state_dict(), "optimizers": [o.state_dict() for o in optimizers]}, temporary)
        temporary.rename(state_path)

    while step < n_steps and time.time() - begun < args.minutes * 60:
        done = step
        for steps, side, n_pictures, lengths, first_rate, last_rate, focal_share in phases:
            if done < steps:
                break
            done -= steps
        warm = min(1.0, (step + 1) / 200)
        rate = first_rate * warm * (last_rate / first_rate) ** (done / steps)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate if isinstance(optimizer, Muon) else rate * ADAM_RATE
        torch.manual_seed(1000003 * (step + 1))
        model.size = side
        n_frames = lengths[int(torch.randint(len(lengths), (1,)))]
        frames, truth, numbers = maker.make(n_pictures // n_frames, n_frames, side, N_OBJECTS)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss, iou, memory_loss, grouped = run_batch(model, frames, truth, numbers, focal_share, aids)
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        step += 1
        share = min(0.999, step / (step + 20))
        with torch.no_grad():
            for k, v in model.state_dict().items():
                average[k].lerp_(v, 1 - share)
        # The IoU is that of the last frame, the hardest.
        figures.append(torch.stack([loss.detach(), memory_loss, grouped, iou[-1]]))
        if time.time() - shown > args.show or step == n_steps:
            print("step %d of %d, side %d: loss %.3f, of memory %.3f, of groups %.3f, IoU of the last frame "
                  "%.3f, %.2f s a step" % (
                      step, n_steps, side, *torch.stack(figures).mean(0), (time.time() - shown) / len(figures)),
                  flush=True)
            shown, figures = time.time(), []
            save()
    save()
    print("stopped at step %d of %d" % (step, n_steps))


def export(args):
    """fp16 safetensors with the configuration in the metadata, as model/safetensors.c reads it."""
    from safetensors.torch import save_file

    config = json.loads((HERE / "starter.json").read_text())
    config["image_size"] = args.side or config["image_size"]
    for attention in ("self_attention", "cross_attention"):
        config["memory_attention"]["layer"][attention]["feat_sizes"] = [config["image_size"] // 16] * 2
    states = [torch.load(path, map_location="cpu", weights_only=True) for path in args.state]
    average = {k: sum(state["average"][k] for state in states) / len(states)
               for k in states[0]["average"]}
    tensors = {k: v.half().contiguous() for k, v in average.items()}
    if not all(torch.isfinite(v).all() for v in tensors.values()):
        raise SystemExit("a weight is not finite in fp16")
    temporary = args.out + ".tmp"
    save_file(tensors, temporary, {"format": "pt", "masklet.config": json.dumps(config)})
    pathlib.Path(temporary).rename(args.out)
    print("%s: %.1f MB, %.2f M parameters" % (args.out, pathlib.Path(args.out).stat().st_size / 1e6,
                                              sum(v.numel() for v in tensors.values()) / 1e6))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    bank = commands.add_parser("bank")
    bank.add_argument("--photos", nargs="*", default=[])
    bank.add_argument("--stamps", nargs="*", default=[], help="folders of PNG files with alpha")
    bank.add_argument("--drawings", nargs="*", default=[], help="the same, of drawn things")
    bank.add_argument("--portraits", nargs="*", default=[], help="the same, of painted people and beasts")
    bank.add_argument("--crops", type=int, default=3, help="squares cut from each photograph")
    bank.add_argument("--side", type=int, default=256, help="pixels of a square's side")
    bank.add_argument("--out", required=True)
    run = commands.add_parser("run")
    run.add_argument("--bank", required=True)
    run.add_argument("--state", required=True)
    run.add_argument("--minutes", type=float, default=1e9)
    run.add_argument("--schedule", choices=PHASES, default="gpu")
    run.add_argument("--warm")
    run.add_argument("--threads", type=int)
    run.add_argument("--compile", action="store_true", help="the image encoder, by torch.compile")
    run.add_argument("--show", type=float, default=30, help="seconds between lines and saves")
    out = commands.add_parser("export")
    out.add_argument("--state", required=True, nargs="+",
                     help="the mean of several is exported: ends of different cycles of the learning rate")
    out.add_argument("--out", required=True)
    out.add_argument("--side", type=int, help="the pixels of a side that the model sees; a multiple of 32")
    args = parser.parse_args()
    if args.command == "bank":
        counts = make_bank(args.out, args.photos, args.stamps, args.drawings, args.portraits, args.crops,
                           args.side)
        print(", ".join("%d %s" % (n, kind) for kind, n in counts.items()))
    elif args.command == "run":
        train(args)
    else:
        export(args)


if __name__ == "__main__":
    main()
