"""Records small checkpoints as PyTorch and diffusers write them, for the tests of `maskrt import`.

Run with PyTorch, safetensors and diffusers installed:
    python tests/record/checkpoints.py models/src/test/resources/checkpoints
The build does not run it; its output is in the repository.
"""
import argparse
import collections
import os
import sys

import torch
from diffusers import DiTTransformer2DModel
from diffusers.models.embeddings import Timesteps
from safetensors.torch import save_file

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
torch.manual_seed(20)

HIDDEN, DEPTH, CLASSES, PATCH, CHANNELS, SIDE = 16, 2, 3, 2, 4, 4


def dit():
    d, tokens = HIDDEN, (SIDE // PATCH) ** 2
    shapes = {
        "pos_embed": (1, tokens, d),
        "x_embedder.proj.weight": (d, CHANNELS, PATCH, PATCH),
        "x_embedder.proj.bias": (d,),
        "t_embedder.mlp.0.weight": (d, 256),
        "t_embedder.mlp.0.bias": (d,),
        "t_embedder.mlp.2.weight": (d, d),
        "t_embedder.mlp.2.bias": (d,),
        "y_embedder.embedding_table.weight": (CLASSES + 1, d),
        "final_layer.linear.weight": (PATCH * PATCH * 2 * CHANNELS, d),
        "final_layer.linear.bias": (PATCH * PATCH * 2 * CHANNELS,),
        "final_layer.adaLN_modulation.1.weight": (2 * d, d),
        "final_layer.adaLN_modulation.1.bias": (2 * d,),
    }
    for i in range(DEPTH):
        for name, rows, columns in [
            ("attn.qkv", 3 * d, d),
            ("attn.proj", d, d),
            ("mlp.fc1", 4 * d, d),
            ("mlp.fc2", d, 4 * d),
            ("adaLN_modulation.1", 6 * d, d),
        ]:
            shapes[f"blocks.{i}.{name}.weight"] = (rows, columns)
            shapes[f"blocks.{i}.{name}.bias"] = (rows,)
    return collections.OrderedDict((k, torch.randn(s) * 0.1) for k, s in shapes.items())


weights = dit()
save_file(dict(weights), f"{out}/dit.safetensors")
torch.save(weights, f"{out}/dit.pt")
torch.save({k: v.half() for k, v in weights.items()}, f"{out}/dit_half.pt")
torch.save(
    {
        "model": {k: torch.nn.Parameter(v + 1) for k, v in weights.items()},
        "ema": weights,
        "opt": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999)}]},
        "args": argparse.Namespace(lr=1e-4, model="DiT"),
    },
    f"{out}/dit_trainer.pt",
)
torch.save({"a": torch.zeros(2)}, f"{out}/before_1_6.pt", _use_new_zipfile_serialization=False)


class Gadget:
    def __reduce__(self):
        return os.system, ("echo executed > executed.txt",)


torch.save({"a": torch.zeros(2), "b": Gadget()}, f"{out}/os_system.pt")

model = DiTTransformer2DModel(
    num_attention_heads=2,
    attention_head_dim=8,
    in_channels=CHANNELS,
    out_channels=2 * CHANNELS,
    num_layers=DEPTH,
    sample_size=SIDE,
    patch_size=PATCH,
    num_embeds_ada_norm=CLASSES,
).eval()
with torch.no_grad():
    for parameter in model.parameters():
        parameter.copy_(torch.randn_like(parameter) * 0.1)
    x = torch.randn(3, CHANNELS, SIDE, SIDE)
    t = torch.tensor([7, 500, 999])
    y = torch.tensor([0, 2, CLASSES])
    # each block has its own copy of the embedders there
    for block in model.transformer_blocks[1:]:
        block.norm1.emb.load_state_dict(model.transformer_blocks[0].norm1.emb.state_dict())
    # diffusers' frequencies and one of its epsilons differ from those that the published weights were trained with
    for block in model.transformer_blocks:
        block.norm1.emb.time_proj = Timesteps(256, flip_sin_to_cos=True, downscale_freq_shift=0)
        block.norm3.eps = 1e-6
    result = model(x, timestep=t, class_labels=y).sample
model.save_pretrained(f"{out}/diffusers/transformer")
save_file({"x": x, "t": t, "y": y, "out": result.contiguous()}, f"{out}/diffusers/io.safetensors")
