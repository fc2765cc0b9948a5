"""The ONNX graph that maskrt exported, on OpenVINO, for `maskrt bench --peer`. Needs openvino and safetensors.

OpenVINO reads standard operators: measure with `--attention decomposed`.
"""

import peer


def main():
    args = peer.arguments(__doc__)
    import openvino

    core = openvino.Core()
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": args.threads, "INFERENCE_PRECISION_HINT": "f32"}

    def prepare(inputs):
        model = core.read_model(args.onnx / "model.onnx")
        model.reshape({port.any_name: list(inputs[port.any_name].shape) for port in model.inputs})
        request = core.compile_model(model, "CPU", hints).create_infer_request()
        feeds = {port.any_name: inputs[port.any_name] for port in model.inputs}
        names = [port.any_name for port in model.outputs]

        def step():
            results = request.infer(feeds, share_inputs=True)
            return {name: results[name].copy() for name in names}

        return step

    peer.serve(f"openvino {openvino.__version__.split('-')[0]}, {args.threads} threads", prepare)


if __name__ == "__main__":
    main()
