"""A guided step (or one pass) of a DiT or MDT as PyTorch exports it to ONNX, on ONNX Runtime's Python package, for `maskrt bench --peer`.

What one gets without writing an exporter. Needs torch, onnx, onnxscript, onnxruntime and safetensors.
"""

import tempfile
from pathlib import Path

import peer


def main():
    args = peer.arguments(__doc__)
    import onnxruntime
    import torch

    import models

    torch.set_num_threads(args.threads)
    model = models.load(args.model)
    run, names, outputs = peer.module(args, model, model.y_embedder.embedding_table.num_embeddings - 1)
    folder = tempfile.TemporaryDirectory()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads

    def prepare(inputs):
        values = peer.torch_inputs(inputs)
        file = Path(folder.name) / "model.onnx"
        with torch.inference_mode():
            torch.onnx.export(
                run.eval(),
                tuple(values[name] for name in names),
                file,
                input_names=list(names),
                output_names=list(outputs),
                dynamo=True,
                external_data=True,
                verbose=False,
            )
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        feeds = {i.name: inputs[i.name] for i in session.get_inputs()}
        return lambda: dict(zip(outputs, session.run(list(outputs), feeds)))

    peer.serve(
        f"onnxruntime {onnxruntime.__version__} on torch {torch.__version__}'s export, {args.threads} threads", prepare
    )


if __name__ == "__main__":
    main()
