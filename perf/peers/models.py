"""DiT, MDT (v1 and v2) and E-MD3C in eager PyTorch, for the programs in this folder.

Written from the papers (Peebles and Xie, "Scalable Diffusion Models with Transformers", 2023; Gao et al., "MDTv2", 2023; "E-MD3C", arXiv 2502.09164, 2025) with the parameter names of the
published checkpoints, so that weights load as they are. Needs torch.
"""

import json
import math

import torch
from torch import nn
from torch.nn import functional as F


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
        self.rel_pos_bias = RelativePositionBias(side, heads) if side else None

    def forward(self, x, keep):
        b, n, d = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        if self.rel_pos_bias is None:
            x = F.scaled_dot_product_attention(q, k, v)
            return self.proj(x.transpose(1, 2).reshape(b, n, d))
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
        frequency = torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float32, device=t.device) / 128)
        angle = t[:, None].float() * frequency[None]
        return self.mlp(torch.cat([angle.cos(), angle.sin()], dim=-1).to(self.mlp[0].weight.dtype))


class LabelEmbedder(nn.Module):
    def __init__(self, classes, width):
        super().__init__()
        self.embedding_table = nn.Embedding(classes + 1, width)

    def forward(self, y):
        return self.embedding_table(y)


class Transformer(nn.Module):
    """What DiT and MDT share: patches and conditions in, patches out."""

    def __init__(self, input_size, patch, channels, width, classes, out):
        super().__init__()
        self.patch = patch
        self.side = input_size // patch
        self.out = out
        self.x_embedder = Patches(channels, width, patch)
        self.t_embedder = TimestepEmbedder(width)
        self.y_embedder = LabelEmbedder(classes, width)
        self.pos_embed = nn.Parameter(torch.zeros(1, self.side**2, width))
        self.final_layer = FinalLayer(width, patch * patch * out)

    def embed(self, x, t, y):
        return self.x_embedder(x) + self.pos_embed, self.t_embedder(t) + self.y_embedder(y)

    def join(self, x, c):
        b, p, s = x.shape[0], self.patch, self.side
        x = self.final_layer(x, c).reshape(b, s, s, p, p, self.out)
        return x.permute(0, 5, 1, 3, 2, 4).reshape(b, self.out, s * p, s * p)


class DiT(Transformer):
    def __init__(self, input_size, patch, channels, width, depth, heads, ratio, classes, out):
        super().__init__(input_size, patch, channels, width, classes, out)
        self.blocks = nn.ModuleList(Block(width, heads, 0, ratio, False) for _ in range(depth))

    def forward(self, x, t, y):
        x, c = self.embed(x, t, y)
        for block in self.blocks:
            x = block(x, c)
        return self.join(x, c)


class MDTv1(Transformer):
    """Without the side-interpolater, which is for training and inpainting."""

    def __init__(self, input_size, patch, channels, width, depth, heads, ratio, classes, out, decode):
        super().__init__(input_size, patch, channels, width, classes, out)
        self.decode = decode
        self.decoder_pos_embed = nn.Parameter(torch.zeros(1, self.side**2, width))
        self.blocks = nn.ModuleList(Block(width, heads, self.side, ratio, False) for _ in range(depth))

    def forward(self, x, t, y):
        x, c = self.embed(x, t, y)
        for i, block in enumerate(self.blocks):
            if i == len(self.blocks) - self.decode:
                x = x + self.decoder_pos_embed
            x = block(x, c)
        return self.join(x, c)


class EMD3C(MDTv1):
    """The denoiser alone: its conditions are the vectors that the collector makes, its sample begins with the hint."""

    def __init__(self, channels, **sizes):
        super().__init__(channels=2 * channels, classes=0, **sizes)
        del self.y_embedder

    def embed(self, x, t, c):
        return self.x_embedder(x) + self.pos_embed, self.t_embedder(t) + c


class MDTv2(Transformer):
    def __init__(
        self, input_size=32, patch=2, channels=4, width=384, depth=12, heads=6, ratio=4.0, classes=1000, out=8, decode=4
    ):
        super().__init__(input_size, patch, channels, width, classes, out)
        half = (depth - decode) // 2
        block = lambda skip: Block(width, heads, self.side, ratio, skip)
        self.decoder_pos_embed = nn.Parameter(torch.zeros(1, self.side**2, width))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.en_inblocks = nn.ModuleList(block(False) for _ in range(half))
        self.en_outblocks = nn.ModuleList(block(True) for _ in range(half))
        self.de_blocks = nn.ModuleList(block(True) for _ in range(decode))
        self.sideblocks = nn.ModuleList([block(False)])

    def forward(self, x, t, y, mask=None):
        shortcut, c = self.embed(x, t, y)
        x = shortcut
        keep = restore = hidden = None
        if mask is not None:
            keep, restore, hidden = mask
            x = torch.gather(x, 1, keep[:, :, None].expand(-1, -1, x.shape[2]))
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
        return self.join(x, c)


def of_config(config):
    """The model of a model folder's transformer/config.json."""
    emd3c = config["_class_name"] == "EMD3C"
    channels = config["latent_channels" if emd3c else "in_channels"]
    sizes = dict(
        input_size=config["input_size"],
        patch=config["patch_size"],
        channels=channels,
        width=config["hidden_size"],
        depth=config["depth"],
        heads=config["num_heads"],
        ratio=config["mlp_ratio"],
        out=channels * (2 if config["learn_sigma"] else 1),
    )
    if emd3c:
        return EMD3C(**sizes, decode=config["decode_layer"])
    sizes["classes"] = config["num_classes"]
    if config["_class_name"] == "DiT":
        return DiT(**sizes)
    if config["_class_name"] == "MDT":
        return (MDTv1 if config["version"] == 1 else MDTv2)(**sizes, decode=config["decode_layer"])
    raise SystemExit(f"expected a DiT, an MDT or an E-MD3C, got {config['_class_name']}")


def load(folder):
    """The model of a model folder with its weights, for inference."""
    from safetensors.torch import load_file

    model = of_config(json.loads((folder / "transformer" / "config.json").read_text()))
    weights = load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors")
    missing = model.load_state_dict({k: v.float() for k, v in weights.items()}, strict=False)
    lost = [k for k in missing.missing_keys if not k.startswith(("sideblocks", "mask_token")) and "index" not in k]
    unused = [k for k in missing.unexpected_keys if not k.startswith(("sideblocks", "mask_token", "ccnet"))]
    if lost or unused:
        raise SystemExit(f"{folder}: missing {lost}, unexpected {unused}")
    return model.eval().requires_grad_(False)
