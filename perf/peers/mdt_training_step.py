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

from models import MDTv2

SIZES = {"S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16), "XL": (1152, 28, 16)}


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
