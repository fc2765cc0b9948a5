package org.maskrt.runtime;

import java.util.List;
import org.maskrt.models.random.PerImageRandom;
import org.maskrt.models.random.TorchCpuRandom;

/** The noise of one batch; rows beyond those it knows stay as they are. */
interface NoiseSource extends SamplingLoop.StepNoise {
    /** Fills {@code into} [B,C,H,W] with the noise that sampling starts from. */
    void start(float[] into);

    /** A stream for each row. */
    static NoiseSource perImage(List<Long> seeds, int image) {
        List<PerImageRandom> streams = seeds.stream().map(PerImageRandom::new).toList();
        return new NoiseSource() {
            @Override
            public void start(float[] into) {
                draw(-1, into);
            }

            @Override
            public void draw(int step, float[] into) {
                for (int b = 0; b < streams.size(); b++) {
                    streams.get(b).normal(step + 1, into, b * image, image);
                }
            }
        };
    }

    /**
     * Rows {@code from} to {@code to} of what the published scripts draw for all pictures at once: the start, then for every step as many
     * rows again, or twice as many where guidance doubles the batch (the second half is not used).
     */
    static NoiseSource torchCpu(long seed, Rows rows, boolean doubled, int image) {
        TorchCpuRandom stream = new TorchCpuRandom(seed);
        return new NoiseSource() {
            private int drawn;

            @Override
            public void start(float[] into) {
                copy(stream.randn(rows.total() * image), into);
            }

            @Override
            public void draw(int step, float[] into) {
                // a step that needs no noise has drawn its share all the same
                for (; drawn < step; drawn++) {
                    next();
                }
                copy(next(), into);
                drawn++;
            }

            private float[] next() {
                return stream.randn(rows.total() * image * (doubled ? 2 : 1));
            }

            private void copy(float[] all, float[] into) {
                System.arraycopy(all, rows.from() * image, into, 0, (rows.to() - rows.from()) * image);
            }
        };
    }

    /** Noise that is given: the start [B,C,H,W] and that of each step [steps,B,C,H,W]. */
    static NoiseSource given(float[] start, float[] steps) {
        return new NoiseSource() {
            @Override
            public void start(float[] into) {
                System.arraycopy(start, 0, into, 0, start.length);
            }

            @Override
            public void draw(int step, float[] into) {
                System.arraycopy(steps, step * start.length, into, 0, start.length);
            }
        };
    }

    /** The pictures {@code from} (inclusive) to {@code to} (exclusive) of {@code total}. */
    record Rows(int from, int to, int total) {
        int count() {
            return to - from;
        }
    }
}
