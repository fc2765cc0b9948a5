"""One training step of an MDT v2 in eager PyTorch, for `maskrt bench training --peer`.

The model is written from the paper (Gao et al., "MDTv2", 2023) with the parameter names of the published checkpoints; a step is the full and the
masked pass on the same noised latents, their losses (mean squared error and variational bound), AdamW and an exponential moving average, as the
published training script does them. Needs torch; `--check` needs safetensors too.

Reads a line from the standard input for each step and answers with its time in milliseconds and its loss.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

SIZES = {"S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16), "XL": (1152, 28, 16)}


def modulate(x, shift, scale):
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class RelativePositionBias(nn.Module):
    def __init__(self, side, heads):
        super().__init__()
        span = 2 * side - 1
        self.relative_position_bias_table = nn.Parameter(torch.zeros(span * span + 3, heads))
        place = torch.arange(side * side)
        dy = place[:, None] // side - place[None, :] // side + side - 1
        dx = place[:, None] % side - place[None, :] % side + side - 1
        self.register_buffer("relative_position_index", dy * span + dx)

    def forward(self, keep=None):
        bias = self.relative_position_bias_table[self.relative_position_index]
        if keep is None:
            return bias.permute(2, 0, 1).unsqueeze(0)
        rows = torch.gather(
            bias.unsqueeze(0).expand(keep.shape[0], -1, -1, -1),
            1,
            keep[:, :, None, None].expand(-1, -1, bias.shape[1], bias.shape[2]),
        )
        pairs = torch.gather(rows, 2, keep[:, None, :, None].expand(-1, keep.shape[1], -1, bias.shape[2]))
        return pairs.permute(0, 3, 1, 2)


class Attention(nn.Module):
    def __init__(self, width, heads, side):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_bias = RelativePositionBias(side, heads)

    def forward(self, x, keep):
        b, n, d = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        logits = q * (d // self.heads) ** -0.5 @ k.transpose(-2, -1) + self.rel_pos_bias(keep)
        return self.proj((logits.softmax(-1) @ v).transpose(1, 2).reshape(b, n, d))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, width, heads, side, ratio, skip):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn = Attention(width, heads, side)
        self.mlp = Mlp(width, int(width * ratio))
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.skip_linear = nn.Linear(2 * width, width) if skip else None

    def forward(self, x, c, skip=None, keep=None):
        if self.skip_linear is not None:
            x = self.skip_linear(torch.cat([x, skip], dim=-1))
        s1, a1, g1, s2, a2, g2 = self.adaLN_modulation(c).chunk(6, dim=1)
        x = x + g1.unsqueeze(1) * self.attn(modulate(self.norm1(x), s1, a1), keep)
        return x + g2.unsqueeze(1) * self.mlp(modulate(self.norm2(x), s2, a2))


class FinalLayer(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.norm_final = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.linear = nn.Linear(width, out)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def forward(self, x, c):
        shift, scale = self.adaLN_modulation(c).chunk(2, dim=1)
        return self.linear(modulate(self.norm_final(x), shift, scale))


class Patches(nn.Module):
    def __init__(self, channels, width, patch):
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class TimestepEmbedder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t):
        frequency = torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float32) / 128)
        angle = t[:, None].float() * frequency[None]
        return self.mlp(torch.cat([angle.cos(), angle.sin()], dim=-1))


class LabelEmbedder(nn.Module):
    def __init__(self, classes, width):
        super().__init__()
        self.embedding_table = nn.Embedding(classes + 1, width)

    def forward(self, y):
        return self.embedding_table(y)


class MDTv2(nn.Module):
    def __init__(self, input_size=32, patch=2, width=384, depth=12, heads=6, ratio=4.0, classes=1000, decode=4):
        super().__init__()
        self.patch = patch
        self.side = input_size // patch
        tokens = self.side**2
        half = (depth - decode) // 2
        block = lambda skip: Block(width, heads, self.side, ratio, skip)
        self.x_embedder = Patches(4, width, patch)
        self.t_embedder = TimestepEmbedder(width)
        self.y_embedder = LabelEmbedder(classes, width)
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, width))
        self.decoder_pos_embed = nn.Parameter(torch.zeros(1, tokens, width))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.en_inblocks = nn.ModuleList(block(False) for _ in range(half))
        self.en_outblocks = nn.ModuleList(block(True) for _ in range(half))
        self.de_blocks = nn.ModuleList(block(True) for _ in range(decode))
        self.sideblocks = nn.ModuleList([block(False)])
        self.final_layer = FinalLayer(width, patch * patch * 8)

    def forward(self, x, t, y, mask=None):
        shortcut = x = self.x_embedder(x) + self.pos_embed
        keep = restore = hidden = None
        if mask is not None:
            keep, restore, hidden = mask
            x = torch.gather(x, 1, keep[:, :, None].expand(-1, -1, x.shape[2]))
        c = self.t_embedder(t) + self.y_embedder(y)
        skips = []
        for block in self.en_inblocks:
            x = block(x, c, keep=keep)
            skips.append(x)
        for block in self.en_outblocks:
            x = block(x, c, skips.pop(), keep)
        if mask is None:
            x = x + self.decoder_pos_embed
        else:
            tokens = self.mask_token.expand(x.shape[0], restore.shape[1] - x.shape[1], -1)
            x = torch.cat([x, tokens], dim=1)
            x = torch.gather(x, 1, restore[:, :, None].expand(-1, -1, x.shape[2])) + self.decoder_pos_embed
            x = x + hidden.unsqueeze(2) * (self.sideblocks[0](x, c) - x)
        for block in self.de_blocks:
            x = block(x, c, shortcut)
        x = self.final_layer(x, c)
        b, p, s = x.shape[0], self.patch, self.side
        return x.reshape(b, s, s, p, p, 8).permute(0, 5, 1, 3, 2, 4).reshape(b, 8, s * p, s * p)


class Diffusion:
    def __init__(self, steps=1000):
        betas = torch.linspace(1e-4, 2e-2, steps, dtype=torch.float64)
        bar = torch.cumprod(1 - betas, 0)
        before = torch.cat([torch.ones(1, dtype=torch.float64), bar[:-1]])
        variance = betas * (1 - before) / (1 - bar)
        self.log_betas = betas.log().float()
        self.log_variance = torch.cat([variance[1:2], variance[1:]]).log().float()
        self.x0 = (betas * before.sqrt() / (1 - bar)).float()
        self.bar = bar.float()
        self.signal = bar.sqrt().float()
        self.spread = (1 - bar).sqrt().float()

    def noised(self, x0, noise, t):
        return self.signal[t, None, None, None] * x0 + self.spread[t, None, None, None] * noise

    def losses(self, out, noise, t):
        """Per sample: the squared error, weighted as MDT v2 does (min(SNR, 5) / SNR), and the bound in bits, t > 0."""
        eps, v = out.chunk(2, dim=1)
        snr = self.bar[t] / (1 - self.bar[t])
        mse = (eps - noise).square().flatten(1).mean(1) * torch.clamp(5 / snr, max=1)
        low = self.log_variance[t][:, None, None, None]
        high = self.log_betas[t][:, None, None, None]
        log_variance = low + (v + 1) / 2 * (high - low)
        shift = self.x0[t] * (self.spread[t] / self.signal[t])
        distance = (eps.detach() - noise) * shift[:, None, None, None]
        kl = 0.5 * (log_variance - low - 1 + (low - log_variance).exp() + distance.square() * (-log_variance).exp())
        return mse, kl.flatten(1).mean(1) / math.log(2)


def mask_plan(noise, kept):
    shuffle = noise.argsort(dim=1)
    restore = shuffle.argsort(dim=1)
    return shuffle[:, :kept], restore, (restore >= kept).float()


class Training:
    def __init__(self, size, batch):
        width, depth, heads = SIZES[size]
        self.model = MDTv2(width=width, depth=depth, heads=heads)
        for parameter in self.model.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)
        self.average = [p.detach().clone() for p in self.model.parameters()]
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, weight_decay=0)
        self.diffusion = Diffusion()
        self.latents = torch.randn(batch, 4, 32, 32)
        self.labels = torch.randint(0, 1001, (batch,))

    def step(self):
        x0 = self.latents
        t = torch.randint(1, 1000, (x0.shape[0],))
        noise = torch.randn_like(x0)
        x = self.diffusion.noised(x0, noise, t)
        full = self.diffusion.losses(self.model(x, t, self.labels), noise, t)
        ratio = 0.3 + 0.2 * torch.rand(1).item()
        plan = mask_plan(torch.rand(x0.shape[0], 256), int(256 * (1 - ratio)))
        masked = self.diffusion.losses(self.model(x, t, self.labels, plan), noise, t)
        loss = sum(term.mean() for term in full + masked)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, list(self.model.parameters()), 1e-4)
        return loss.item()


def check(folder):
    """The model and its losses against a recorded case."""
    from safetensors.torch import load_file

    case = json.loads((folder / "case.json").read_text())
    io = load_file(folder / "io.safetensors")
    model_case = json.loads((folder / case["model_config"]).read_text())["config"]
    model = MDTv2(
        input_size=model_case["input_size"],
        width=model_case["hidden_size"],
        depth=model_case["depth"],
        heads=model_case["num_heads"],
        classes=model_case["num_classes"],
        decode=model_case["decode_layer"],
    )
    missing = model.load_state_dict(load_file(folder / case["weights"]), strict=False)
    print("missing", [k for k in missing.missing_keys if "index" not in k], "unexpected", missing.unexpected_keys)
    diffusion = Diffusion()
    t, y = io["t"], io["y"]
    x = diffusion.noised(io["x0"], io["noise"], t)
    tokens = io["mask_noise"].shape[1]
    ratio = torch.tensor(io["mask_ratio_draw"].item() * 0.2 + case["config"]["mask_ratio"], dtype=torch.float32)
    plan = mask_plan(io["mask_noise"], int(tokens * (1 - ratio)))
    with torch.no_grad():
        for name, mask in (("full", None), ("masked", plan)):
            mse, vb = diffusion.losses(model(x, t, y, mask), io["noise"], t)
            inner = t > 0
            for term, value in (("mse", mse), ("vb", vb)):
                expected = io[f"{name}.{term}"]
                worst = ((value - expected).abs() / expected.abs().max())[inner].max()
                print(f"{name}.{term}: {worst:.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="S", choices=SIZES)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--check", type=Path, help="a recorded case of losses; nothing is timed")
    args = parser.parse_args()
    if args.check:
        check(args.check)
        return
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    training = Training(args.size, args.batch)
    parameters = sum(p.numel() for p in training.model.parameters())
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {parameters} parameters", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        loss = training.step()
        print(f"{1e3 * (time.perf_counter() - began):.3f} {loss:.5f}", flush=True)


if __name__ == "__main__":
    main()
