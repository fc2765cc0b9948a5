"""A guided step of a DiT, an MDT or an E-MD3C in PyTorch on a GPU, for `maskrt bench gpu --peer`.

The models are those of models.py, with weights and activations in --dtype; --compile runs them through torch.compile. `step` is answered with the
median of fifty steps that are given one right after the other, by CUDA events. Needs torch and safetensors.
"""

import statistics

import peer

STEPS = 50


def options(parser):
    parser.add_argument("--dtype", choices=("bf16", "fp16", "fp32"), default="bf16")
    parser.add_argument("--compile", nargs="?", const="default", metavar="MODE", help="a mode of torch.compile")
    parser.add_argument("--device", default="cuda", help="cpu: for a look at the numbers; timed by the host's clock")


def guided_step(model, conditions, dtype):
    """What the graph guided_step does, from timestep and condition on; the update is in fp32, as there."""
    import torch
    from torch import nn

    class GuidedStep(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, sample, hint, timestep, condition, guidance, coefficients, eps_prev, noise):
            rows = sample if hint is None else torch.cat([hint, sample], dim=1)
            rows = torch.cat([rows, rows]).to(dtype)
            out = self.model(rows, torch.cat([timestep, timestep]), conditions(condition)).float()
            conditional, unconditional = out[:, : sample.shape[1]].chunk(2)
            channels = peer.GUIDED_CHANNELS if hint is None else sample.shape[1]
            first = conditional[:, :channels]
            other = unconditional[:, :channels]
            guided = other + guidance[:, None, None, None] * (first - other)
            eps = torch.cat([guided, conditional[:, channels:]], dim=1)
            a, b, c, d = (coefficients[:, i, None, None, None] for i in range(4))
            return a * sample + b * eps + c * eps_prev + d * noise, eps

    return GuidedStep()


def main():
    args = peer.arguments(__doc__, options)
    import torch

    import models

    if args.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("expected a GPU for PyTorch with CUDA, there is none")
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[args.dtype]
    model = models.load(args.model).to(args.device, dtype)
    labels = hasattr(model, "y_embedder")

    def conditions(condition):
        if labels:
            null = model.y_embedder.embedding_table.num_embeddings - 1
            return torch.cat([condition, torch.full_like(condition, null)])
        return torch.cat([condition, torch.zeros_like(condition)]).to(dtype)

    run = guided_step(model, conditions, dtype).eval()
    if args.compile:
        run = torch.compile(run, dynamic=False, mode=None if args.compile == "default" else args.compile)

    def prepare(inputs):
        values = {name: value.to(args.device) for name, value in peer.torch_inputs(inputs).items()}
        names = ("sample", "hint", "timestep", "class_labels" if labels else "condition")
        ordered = [values.get(name) for name in names + ("guidance", "coefficients", "eps_prev", "noise")]

        def launch():
            with torch.inference_mode():
                return run(*ordered)

        def step():
            results = {name: value.cpu() for name, value in zip(("next_sample", "eps"), launch())}
            return peer.numpy_outputs(results)

        step.launch = launch
        for _ in range(3):
            launch()
        return step

    def millis(step):
        if args.device != "cuda":
            return peer.wall_millis(step.launch)
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(STEPS + 1)]
        marks[0].record()
        for mark in marks[1:]:
            step.launch()
            mark.record()
        torch.cuda.synchronize()
        return statistics.median(first.elapsed_time(second) for first, second in zip(marks, marks[1:]))

    form = f"compiled ({args.compile})" if args.compile else "eager"
    peer.serve(f"torch {torch.__version__} {form}, {args.dtype}", prepare, millis)


if __name__ == "__main__":
    main()
