"""A guided step (or one pass) of a DiT as diffusers' DiTTransformer2DModel, for `maskrt bench --peer`.

The model is the one of DiTPipeline; guidance and update are those of the other programs, so that all compute the same. Needs torch, diffusers and
safetensors.
"""

import json

import peer


def names(key, value):
    """A published DiT's weight under the names of diffusers, which keeps the conditions' embedding in every block."""
    part = key.split(".")
    if key.startswith("x_embedder."):
        return {"pos_embed." + ".".join(part[1:]): value}
    if key.startswith("final_layer.adaLN_modulation.1."):
        return {"proj_out_1." + part[-1]: value}
    if key.startswith("final_layer.linear."):
        return {"proj_out_2." + part[-1]: value}
    block, rest = "transformer_blocks." + part[1] + ".", ".".join(part[2:])
    if rest.startswith("attn.qkv."):
        q, k, v = value.chunk(3)
        return {block + f"attn1.to_{n}." + part[-1]: x.contiguous() for n, x in (("q", q), ("k", k), ("v", v))}
    for ours, theirs in (
        ("attn.proj.", "attn1.to_out.0."),
        ("mlp.fc1.", "ff.net.0.proj."),
        ("mlp.fc2.", "ff.net.2."),
        ("adaLN_modulation.1.", "norm1.linear."),
    ):
        if rest.startswith(ours):
            return {block + theirs + part[-1]: value}
    raise SystemExit(f"diffusers has no place for {key}")


def load(folder):
    from diffusers import DiTTransformer2DModel
    from safetensors.torch import load_file

    config = json.loads((folder / "transformer" / "config.json").read_text())
    if config["_class_name"] != "DiT":
        raise SystemExit(f"diffusers has DiT only, got {config['_class_name']}")
    heads = config["num_heads"]
    model = DiTTransformer2DModel(
        num_attention_heads=heads,
        attention_head_dim=config["hidden_size"] // heads,
        in_channels=config["in_channels"],
        out_channels=config["in_channels"] * (2 if config["learn_sigma"] else 1),
        num_layers=config["depth"],
        sample_size=config["input_size"],
        patch_size=config["patch_size"],
        num_embeds_ada_norm=config["num_classes"],
        norm_type="ada_norm_zero",
        norm_elementwise_affine=False,
        activation_fn="gelu-approximate",
        attention_bias=True,
        norm_eps=1e-6,  # as published; the default differs
    )
    for block in model.transformer_blocks:
        block.norm1.emb.time_proj.downscale_freq_shift = 0  # as published
    weights = {}
    shared = {}
    for key, value in load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors").items():
        value = value.float()
        if key.startswith("t_embedder.mlp."):
            number = {"0": "1", "2": "2"}[key.split(".")[2]]
            shared[f"timestep_embedder.linear_{number}." + key.split(".")[-1]] = value
        elif key.startswith("y_embedder."):
            shared["class_embedder.embedding_table.weight"] = value
        elif key == "pos_embed":
            model.pos_embed.pos_embed.copy_(value)  # not a weight there
        else:
            weights.update(names(key, value))
    for i in range(config["depth"]):
        weights.update({f"transformer_blocks.{i}.norm1.emb.{name}": value for name, value in shared.items()})
    missing = model.load_state_dict(weights, strict=False)
    if missing.unexpected_keys or [k for k in missing.missing_keys if "pos_embed" not in k]:
        raise SystemExit(f"{folder}: missing {missing.missing_keys}, unexpected {missing.unexpected_keys}")
    return model.eval().requires_grad_(False), config["num_classes"]


def main():
    args = peer.arguments(__doc__)
    import diffusers
    import torch
    from torch import nn

    torch.set_num_threads(args.threads)
    inner, null_class = load(args.model)

    class Model(nn.Module):
        def forward(self, sample, timestep, class_labels):
            return inner(sample, timestep=timestep, class_labels=class_labels, return_dict=False)[0]

    run, inputs, outputs = peer.module(args, Model(), null_class)
    peer.serve_module(
        f"diffusers {diffusers.__version__} (torch {torch.__version__}), {args.threads} threads", run, inputs, outputs
    )


if __name__ == "__main__":
    main()
