package org.maskrt.runtime;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * Where the noise of a generation comes from.
 *
 * @param rng the generator
 * @param values one seed, or with {@link Rng#PER_IMAGE} one for every picture
 */
public record Seeds(Rng rng, List<Long> values) {
    /** The generators. */
    public enum Rng {
        /** A stream for each picture, whatever else is in its batch; picture i of a single seed s has the seed s + i. */
        PER_IMAGE("per-image"),
        /** PyTorch's CPU stream for the whole request, as {@code torch.manual_seed} and {@code torch.randn} give it. */
        TORCH_CPU("torch-cpu");

        private final String label;

        Rng(String label) {
            this.label = label;
        }

        /** As it is named on the command line and in results. */
        public String label() {
            return label;
        }

        /** The generator of this name. */
        public static Rng named(String name) {
            return Arrays.stream(values())
                    .filter(r -> r.label.equals(name.toLowerCase(Locale.ROOT)))
                    .findFirst()
                    .orElseThrow(() -> new MaskRtException(
                            ExitCode.USAGE,
                            "there is no random generator " + name + "; use one of "
                                    + Arrays.stream(values()).map(Rng::label).collect(Collectors.joining(", "))));
        }
    }

    /** Checks that there is a seed, and only one for {@link Rng#TORCH_CPU}. */
    public Seeds {
        values = List.copyOf(values);
        if (values.isEmpty() || (rng == Rng.TORCH_CPU && values.size() > 1)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    rng == Rng.TORCH_CPU
                            ? "torch-cpu has one stream for the whole request and takes one seed, got " + values.size()
                                    + "; use --rng per-image for a seed per picture"
                            : "a generation needs a seed, got none");
        }
    }

    /** Picture i has the seed {@code first + i}. */
    public static Seeds perImage(long first) {
        return new Seeds(Rng.PER_IMAGE, List.of(first));
    }

    /** Each picture has its own seed. */
    public static Seeds perImage(List<Long> seeds) {
        return new Seeds(Rng.PER_IMAGE, seeds);
    }

    /** PyTorch's stream. */
    public static Seeds torchCpu(long seed) {
        return new Seeds(Rng.TORCH_CPU, List.of(seed));
    }

    /** The seed of each of {@code count} pictures; with torch-cpu that of the request. */
    List<Long> of(int count) {
        if (values.size() > 1) {
            if (values.size() != count) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        "expected one seed or one for each of the " + count + " pictures, got " + values.size());
            }
            return values;
        }
        long first = values.get(0);
        return LongStream.range(0, count)
                .mapToObj(i -> rng == Rng.PER_IMAGE ? first + i : first)
                .toList();
    }
}
