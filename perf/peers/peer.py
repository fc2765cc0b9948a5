"""The protocol between `maskrt bench --peer` and the programs in this folder.

A program is started with --model (a model folder), --onnx (the folder of the graph that maskrt runs), --graph and --threads. It prints a line about
itself. For `prepare FILE` it reads inputs from a safetensors file, computes once, writes its output beside it as result.safetensors and answers
`ready`; for `step` it computes once and answers with the milliseconds that it took. Needs safetensors and numpy.
"""

import argparse
import os
import sys
import time
from pathlib import Path

GUIDED_CHANNELS = 3


def arguments(description, add=lambda parser: None):
    # what threads do while they wait; libraries read it when they are loaded
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--onnx", type=Path)
    parser.add_argument("--graph", default="guided_step")
    parser.add_argument("--threads", type=int, required=True)
    add(parser)
    return parser.parse_args()


def wall_millis(step):
    """The milliseconds of one step by the host's clock."""
    began = time.perf_counter()
    step()
    return 1e3 * (time.perf_counter() - began)


def serve(about, prepare, millis=wall_millis):
    """Answers on the standard output; `prepare` turns inputs by name into a function that gives outputs by name, `millis` times it."""
    from safetensors.numpy import load_file, save_file

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to the standard error

    def answer(text):
        answers.write(text + "\n")
        answers.flush()

    answer(about)
    step = None
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "prepare":
            file = Path(argument)
            step = prepare(load_file(file))
            save_file({name: value for name, value in step().items()}, file.parent / "result.safetensors")
            answer("ready")
        elif command == "step":
            answer(f"{millis(step):.4f}")
        else:
            raise SystemExit(f"expected prepare or step, got '{command}'")


def torch_inputs(inputs):
    import torch

    return {name: torch.from_numpy(value.copy()) for name, value in inputs.items()}


def numpy_outputs(outputs):
    return {name: value.contiguous().numpy() for name, value in outputs.items()}


def guided_step(model, null_class):
    """A module that does what the graph guided_step does, from timestep and class_labels on: both halves, guidance, and the sampler's update."""
    import torch
    from torch import nn

    class GuidedStep(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, sample, timestep, class_labels, guidance, coefficients, eps_prev, noise):
            rows = torch.cat([sample, sample])
            labels = torch.cat([class_labels, torch.full_like(class_labels, null_class)])
            out = self.model(rows, torch.cat([timestep, timestep]), labels)
            conditional, unconditional = out[:, : sample.shape[1]].chunk(2)
            first = conditional[:, :GUIDED_CHANNELS]
            other = unconditional[:, :GUIDED_CHANNELS]
            guided = other + guidance[:, None, None, None] * (first - other)
            eps = torch.cat([guided, conditional[:, GUIDED_CHANNELS:]], dim=1)
            a, b, c, d = (coefficients[:, i, None, None, None] for i in range(4))
            return a * sample + b * eps + c * eps_prev + d * noise, eps

    return GuidedStep()


STEP_INPUTS = ("sample", "timestep", "class_labels", "guidance", "coefficients", "eps_prev", "noise")


def module(args, model, null_class):
    """The module of a graph with the names of its inputs and outputs."""
    if args.graph == "guided_step":
        return guided_step(model, null_class), STEP_INPUTS, ("next_sample", "eps")
    if args.graph == "transformer":
        return model, ("sample", "timestep", "class_labels"), ("out_sample",)
    raise SystemExit(f"expected --graph guided_step or transformer, got {args.graph}")


def serve_module(about, run, names, outputs):
    """Serves a torch function of named inputs."""
    import torch

    def prepare(inputs):
        values = [torch_inputs(inputs)[name] for name in names]

        def step():
            with torch.inference_mode():
                results = run(*values)
            results = results if isinstance(results, tuple) else (results,)
            return numpy_outputs(dict(zip(outputs, results)))

        return step

    serve(about, prepare)
