package org.maskrt.trainer;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.translate.NoopTranslator;
import ai.djl.translate.TranslateException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Tensor;

/**
 * A module that {@code torch.jit} saved, of another maker: fp32 tensors in and out, in the order of its {@code forward}. It is a program, which runs
 * what its maker wrote. For use by one thread at a time.
 */
public final class TorchScript implements AutoCloseable {
    private final Path file;
    private final Model model;
    private final Predictor<NDList, NDList> predictor;

    private TorchScript(Path file, Model model) {
        this.file = file;
        this.model = model;
        this.predictor = model.newPredictor(new NoopTranslator(null));
    }

    /**
     * Loads a module onto the processor.
     *
     * @throws MaskRtException if there is no such file, or it is no TorchScript module
     */
    public static TorchScript open(Path file) {
        Torch.engine();
        Path place = file.toAbsolutePath();
        if (!Files.isRegularFile(place)) {
            throw new MaskRtException(ExitCode.FAILURE, file + ": there is no such TorchScript file; check the path");
        }
        Model model = Model.newInstance("torchscript", Device.cpu(), "PyTorch");
        try {
            model.load(place.getParent(), String.valueOf(place.getFileName()));
            return new TorchScript(file, model);
        } catch (IOException | MalformedModelException | RuntimeException e) {
            model.close();
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected a TorchScript module, PyTorch cannot load it (" + firstLine(e)
                            + "); save one with torch.jit",
                    e);
        }
    }

    /** The first line of what PyTorch says: its stack of native calls follows. */
    private static String firstLine(Throwable e) {
        return String.valueOf(e.getMessage()).strip().lines().findFirst().orElse("no reason given");
    }

    /**
     * Runs its {@code forward}, without gradients.
     *
     * @return the tensor, or those of the tuple, that it gives
     * @throws MaskRtException if it fails
     */
    public List<Tensor> run(List<Tensor> inputs) {
        Torch.engine();
        try (NDManager manager = model.getNDManager().newSubManager()) {
            NDList in = new NDList();
            for (Tensor t : inputs) {
                long[] dims = Arrays.stream(t.shape().dims()).asLongStream().toArray();
                in.add(manager.create(t.values(), new ai.djl.ndarray.types.Shape(dims)));
            }
            List<Tensor> results = new ArrayList<>();
            NDList out = predictor.predict(in);
            out.attach(manager);
            for (NDArray x : out) {
                int[] dims = Arrays.stream(x.getShape().getShape())
                        .mapToInt(Math::toIntExact)
                        .toArray();
                results.add(Tensor.of(x.toType(DataType.FLOAT32, false).toFloatArray(), dims));
            }
            return results;
        } catch (TranslateException | RuntimeException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected a module that takes " + inputs + ", running it failed (" + firstLine(e)
                            + "); check what it takes",
                    e);
        }
    }

    @Override
    public void close() {
        predictor.close();
        model.close();
    }
}
