"""A guided step (or one pass) of a DiT or MDT in PyTorch, for `maskrt bench --peer`.

The models are those of models.py; --compile runs them through torch.compile. Needs torch and safetensors.
"""

import peer


def main():
    args = peer.arguments(__doc__, lambda parser: parser.add_argument("--compile", action="store_true"))
    import torch

    import models

    torch.set_num_threads(args.threads)
    model = models.load(args.model)
    null_class = model.y_embedder.embedding_table.num_embeddings - 1
    run, names, outputs = peer.module(args, model, null_class)
    if args.compile:
        run = torch.compile(run.eval(), dynamic=False)
    form = "compiled" if args.compile else "eager"
    peer.serve_module(f"torch {torch.__version__} {form}, {args.threads} threads", run, names, outputs)


if __name__ == "__main__":
    main()
