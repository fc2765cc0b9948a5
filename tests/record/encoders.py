"""Records cases of DINOv2 and AutoencoderKL from transformers and diffusers: tiny sizes, random weights.

Run with PyTorch, safetensors, transformers and diffusers installed:
    python tests/record/encoders.py models/src/test/resources
The build does not run it; its output is in the repository, under reference/ and checkpoints/.

The interpolation of the positions of DINOv2's authors (offset 0.1) is not in transformers: there the method is replaced by one that asks
PyTorch for the same, an interpolation by the factor (patches + 0.1) / trained patches.
"""
import json
import os
import sys

import torch
from diffusers import AutoencoderKL
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from safetensors.torch import load_file, save_file
from torch.nn.functional import interpolate
from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

out = sys.argv[1]
torch.manual_seed(30)
torch.set_grad_enabled(False)


def write(name, kind, family, config, io, weights, notes):
    folder = f"{out}/reference/{name}"
    os.makedirs(folder, exist_ok=True)
    save_file({k: v.contiguous() for k, v in io.items()}, f"{folder}/io.safetensors")
    if weights is not None:
        save_file({k: v.contiguous() for k, v in weights.items()}, f"{folder}/weights.safetensors")
    case = {
        "kind": kind,
        "family": family,
        "weights": "weights.safetensors" if weights is not None else "model.safetensors",
        "model_config": None,
        "config": config,
        "tensors": {k: list(v.shape) for k, v in io.items()},
        "notes": notes,
    }
    with open(f"{folder}/case.json", "w") as f:
        json.dump(case, f, indent=1)
        f.write("\n")


def randomise(model):
    for name, p in model.named_parameters():
        center = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        scale = 0.5 if "lambda" in name or "token" in name or "position" in name else 0.15
        p.copy_(center + scale * torch.randn_like(p))
    return model.eval()


def with_offset(embeddings, offset):
    """The authors' interpolation in place of transformers'."""

    def positions(x, height, width):
        table = embeddings.position_embeddings
        side = int((table.shape[1] - 1) ** 0.5)
        h, w = height // embeddings.patch_size, width // embeddings.patch_size
        if (h, w) == (side, side):
            return table
        grid = table[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
        factors = ((h + offset) / side, (w + offset) / side)
        grid = interpolate(grid, scale_factor=factors, mode="bicubic")
        assert grid.shape[-2:] == (h, w)
        return torch.cat((table[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)), dim=1)

    embeddings.interpolate_pos_encoding = positions


def authors_names(model):
    """Under the names of facebookresearch/dinov2."""
    s = model.state_dict()
    w = {
        "cls_token": s["embeddings.cls_token"],
        "pos_embed": s["embeddings.position_embeddings"],
        "mask_token": s["embeddings.mask_token"],
        "patch_embed.proj.weight": s["embeddings.patch_embeddings.projection.weight"],
        "patch_embed.proj.bias": s["embeddings.patch_embeddings.projection.bias"],
    }
    for i, layer in enumerate(model.encoder.layer):
        b, a = f"blocks.{i}", layer.attention
        for end in ("weight", "bias"):
            w[f"{b}.norm1.{end}"] = getattr(layer.norm1, end)
            w[f"{b}.attn.qkv.{end}"] = torch.cat([getattr(m, end) for m in (a.q_proj, a.k_proj, a.v_proj)])
            w[f"{b}.attn.proj.{end}"] = getattr(a.o_proj, end)
            w[f"{b}.norm2.{end}"] = getattr(layer.norm2, end)
            w[f"{b}.mlp.fc1.{end}"] = getattr(layer.mlp.fc1, end)
            w[f"{b}.mlp.fc2.{end}"] = getattr(layer.mlp.fc2, end)
        w[f"{b}.ls1.gamma"] = layer.layer_scale1.lambda1
        w[f"{b}.ls2.gamma"] = layer.layer_scale2.lambda1
    w["norm.weight"] = s["layernorm.weight"]
    w["norm.bias"] = s["layernorm.bias"]
    return {k: v.detach().clone() for k, v in w.items()}


def features(model, registers, patch, grids):
    io = {}
    for h, w in grids:
        pixels = torch.randn(2, 3, h * patch, w * patch)
        hidden = model(pixel_values=pixels).last_hidden_state
        name = f"{h * patch}x{w * patch}"
        io[f"pixels.{name}"] = pixels
        io[f"features.{name}"] = torch.cat([hidden[:, :1], hidden[:, 1 + registers :]], dim=1)
    return io


def dino_config(c, registers, antialias, offset):
    return {
        "image_size": c.image_size,
        "patch_size": c.patch_size,
        "num_channels": c.num_channels,
        "hidden_size": c.hidden_size,
        "num_hidden_layers": c.num_hidden_layers,
        "num_attention_heads": c.num_attention_heads,
        "mlp_ratio": c.mlp_ratio,
        "use_swiglu_ffn": c.use_swiglu_ffn,
        "num_register_tokens": registers,
        "interpolate_antialias": antialias,
        "interpolate_offset": offset,
    }


SIZES = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=4)
TOKENS = "features: last_hidden_state without registers, class token first"

config = Dinov2Config(image_size=42, patch_size=14, **SIZES)
model = randomise(Dinov2Model(config))
with_offset(model.embeddings, 0.1)
io = features(model, 0, 14, [(3, 3), (2, 3), (4, 5)])
weights = authors_names(model)
write("dinov2", "features", "dinov2", dino_config(config, 0, False, 0.1), io, weights, [TOKENS, "the authors' names"])

config = Dinov2WithRegistersConfig(image_size=20, patch_size=4, num_register_tokens=3, **SIZES)
model = randomise(Dinov2WithRegistersModel(config))
io = features(model, 3, 4, [(5, 5), (2, 3), (4, 9)])
model.save_pretrained(f"{out}/reference/dinov2_registers")
write("dinov2_registers", "features", "dinov2", dino_config(config, 3, True, 0.0), io, None, [TOKENS, "transformers' names"])

config = Dinov2Config(image_size=20, patch_size=4, use_swiglu_ffn=True, **SIZES)
model = randomise(Dinov2Model(config))
io = features(model, 0, 4, [(5, 5), (3, 7)])
model.save_pretrained(f"{out}/reference/dinov2_swiglu")
write("dinov2_swiglu", "features", "dinov2", dino_config(config, 0, False, 0.0), io, None, [TOKENS, "transformers' names and positions"])

# As the authors publish a model: a .pth whose state_dict is the whole file.
config = Dinov2Config(image_size=8, patch_size=4, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, mlp_ratio=4)
model = randomise(Dinov2Model(config))
torch.save(authors_names(model), f"{out}/checkpoints/dinov2.pth")


def vae(widths, layers, groups):
    return randomise(
        AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * len(widths),
            up_block_types=["UpDecoderBlock2D"] * len(widths),
            block_out_channels=widths,
            layers_per_block=layers,
            latent_channels=4,
            norm_num_groups=groups,
            sample_size=16,
        )
    )


def vae_io(model, height, width, factor):
    image = torch.rand(2, 3, height, width) * 2 - 1
    latent = torch.randn(2, 4, height // factor, width // factor)
    posterior = model.encode(image).latent_dist
    return {"image": image, "moments": posterior.parameters, "latent": latent, "decoded": model.decode(latent).sample}


def vae_config(model):
    c = model.config
    names = ["in_channels", "latent_channels", "block_out_channels", "layers_per_block", "norm_num_groups", "scaling_factor", "sample_size"]
    return {name: list(c[name]) if isinstance(c[name], tuple) else c[name] for name in names}


def compvis_names(model):
    """Under the names of CompVis/latent-diffusion, whose attentions are convolutions over single pixels."""
    levels = len(model.config.block_out_channels)
    w = {}
    for key, value in model.state_dict().items():
        parts = key.split(".")
        if parts[1] in ("down_blocks", "up_blocks"):
            i = int(parts[2]) if parts[1] == "down_blocks" else levels - 1 - int(parts[2])
            inner = {"resnets": ["block"] + parts[4:5], "downsamplers": ["downsample"], "upsamplers": ["upsample"]}[parts[3]]
            rest = ["nin_shortcut" if p == "conv_shortcut" else p for p in parts[5:]]
            parts = [parts[0], parts[1].split("_")[0], str(i)] + inner + rest
        elif parts[1] == "mid_block" and parts[2] == "resnets":
            parts = [parts[0], "mid", f"block_{int(parts[3]) + 1}"] + parts[4:]
        elif parts[1] == "mid_block":
            name = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out": "proj_out"}[parts[4]]
            parts = [parts[0], "mid", "attn_1", name, parts[-1]]
            if value.dim() == 2:
                value = value[:, :, None, None]
        elif parts[1] == "conv_norm_out":
            parts[1] = "norm_out"
        w[".".join(parts)] = value.clone()
    back = convert_ldm_vae_checkpoint(dict(w), dict(model.config))
    same = model.state_dict()
    assert back.keys() == same.keys() and all(torch.equal(back[k], same[k]) for k in same)
    return w


model = vae((8, 16), 1, 4)
io = vae_io(model, 12, 16, 2)
write("autoencoder", "autoencoder", "autoencoder", vae_config(model), io, model.state_dict(), ["diffusers' names"])

model = vae((4, 8, 8), 1, 2)
io = vae_io(model, 16, 8, 4)
names = compvis_names(model)
whole = {"first_stage_model." + k: v for k, v in names.items()}
whole["model.diffusion_model.out.2.bias"] = torch.zeros(4)
notes = ["names of CompVis, as a part of a whole model; diffusers' own conversion takes them back"]
write("autoencoder_compvis", "autoencoder", "autoencoder", vae_config(model), io, whole, notes)

# As CompVis and Stability publish an autoencoder: with what its training needed.
torch.save({"state_dict": names | {"loss.logvar": torch.zeros(()), "model_ema.decay": torch.tensor(0.999)}, "global_step": 1}, f"{out}/checkpoints/compvis_vae.ckpt")
