package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.Step;
import org.maskrt.models.diffusion.StepCoefficients;

/**
 * What the steps of a generation on the device read by row, all of it known before the first of them.
 *
 * <p>With B rows of pictures a step has B + 1 rows of the modulation table: one for each picture and one for the null condition. Guidance and
 * coefficients have as many. The noise table begins with B rows that hold the sample before the current one; those of stochastic steps follow.
 * A step of a sampler that remembers h = x_prev + eps_prev, each times a factor, therefore needs no other graph: its noise is the sample before.
 */
final class StepTables {
    /** Which graph runs a step. */
    enum Kind {
        GUIDED("guided_step", 3),
        HALF("half_step", 2);

        private final String graph;
        private final int tables;

        Kind(String graph, int tables) {
            this.graph = graph;
            this.tables = tables;
        }

        static Kind of(SamplingPlan.PlannedStep step) {
            return step.halves() == SamplingPlan.Halves.FUSED ? GUIDED : HALF;
        }

        /** The name of the graph. */
        String graph() {
            return graph;
        }

        GraphSignature signature(Denoiser model) {
            return this == GUIDED ? GraphSignature.tableGuidedStep(model) : GraphSignature.tableHalfStep(model);
        }

        /** Indices that a picture's row of the graph's input {@code rows} has. */
        int tables() {
            return tables;
        }
    }

    /**
     * Steps {@code from} (inclusive) to {@code to} (exclusive) that run in one graph one after the other.
     *
     * @param rows where the first of them reads, [B,3] or [B,2]
     */
    record Segment(int from, int to, Kind kind, long[] rows) {}

    /** Steps {@code from} (inclusive) to {@code to} (exclusive), whose rows are in the tables at once. */
    record Chunk(int number, int from, int to) {
        int size() {
            return to - from;
        }
    }

    private final SamplingPlan plan;
    private final int rows;
    private final int chunk;
    private final boolean stochastic;

    /** For batches of {@code rows}, {@code chunk} steps at once. */
    StepTables(SamplingPlan plan, int rows, int chunk) {
        this.plan = plan;
        this.rows = rows;
        this.chunk = chunk;
        this.stochastic = plan.stream().anyMatch(SamplingPlan.PlannedStep::stochastic);
    }

    /** All steps. */
    List<Chunk> chunks() {
        return IntStream.iterate(0, from -> from < plan.size(), from -> from + chunk)
                .mapToObj(from -> new Chunk(from / chunk, from, Math.min(from + chunk, plan.size())))
                .toList();
    }

    /** Whether some step draws noise. */
    boolean stochastic() {
        return stochastic;
    }

    /** Rows of the modulation table that a step of a batch has. */
    static int columns(int rows) {
        return rows + 1;
    }

    /** Rows of the noise table for {@code steps} steps. */
    static int noiseRows(int rows, int steps) {
        return rows + rows * steps;
    }

    /** What the graph adds to its rows from step to step, [B,3] or [B,2]. */
    long[] advance(Kind kind) {
        long[] advance = new long[rows * kind.tables()];
        for (int b = 0; b < rows; b++) {
            int at = b * kind.tables();
            advance[at] = columns(rows);
            if (kind == Kind.GUIDED) {
                advance[at + 1] = columns(rows);
            }
            advance[at + kind.tables() - 1] = stochastic ? rows : 0;
        }
        return advance;
    }

    /** The steps of a chunk. */
    List<Segment> segments(Chunk steps) {
        List<Segment> segments = new ArrayList<>();
        int start = steps.from();
        for (int i = start + 1; i <= steps.to(); i++) {
            if (i == steps.to() || plan.step(i).halves() != plan.step(start).halves()) {
                Kind kind = Kind.of(plan.step(start));
                segments.add(new Segment(start, i, kind, rows(start, start - steps.from())));
                start = i;
            }
        }
        return segments;
    }

    /** Where a step reads whose rows are at {@code place} of the tables. */
    private long[] rows(int step, int place) {
        Kind kind = Kind.of(plan.step(step));
        long[] indices = new long[rows * kind.tables()];
        long nullRow = (long) place * columns(rows) + rows;
        boolean unconditional = plan.step(step).halves() == SamplingPlan.Halves.UNCONDITIONAL;
        for (int b = 0; b < rows; b++) {
            int at = b * kind.tables();
            indices[at] = unconditional ? nullRow : (long) place * columns(rows) + b;
            if (kind == Kind.GUIDED) {
                indices[at + 1] = nullRow;
            }
            indices[at + kind.tables() - 1] = stochastic ? (long) (1 + place) * rows + b : b;
        }
        return indices;
    }

    /** The timesteps of a chunk, the last repeated to {@code count}. */
    float[] timesteps(Chunk steps, int count) {
        float[] times = new float[count];
        for (int i = 0; i < count; i++) {
            times[i] = plan.step(Math.min(steps.from() + i, steps.to() - 1)).timestep();
        }
        return times;
    }

    /** The weight of guidance in each row of a chunk. */
    float[] guidance(Chunk steps) {
        float[] weights = new float[steps.size() * columns(rows)];
        for (int r = 0; r < weights.length; r++) {
            weights[r] = (float) plan.step(steps.from() + r / columns(rows)).weight();
        }
        return weights;
    }

    /** The coefficients of x, eps, the eps before, and the noise (or the x before), in each row of a chunk. */
    float[] coefficients(Chunk steps) {
        float[] all = new float[steps.size() * columns(rows) * 4];
        for (int r = 0; r < steps.size() * columns(rows); r++) {
            float[] row = coefficients(steps.from() + r / columns(rows));
            System.arraycopy(row, 0, all, r * row.length, row.length);
        }
        return all;
    }

    private float[] coefficients(int i) {
        StepCoefficients own = plan.step(i).requireLinear().coefficients();
        if (own.c() == 0) {
            return SamplingPlan.row(own);
        }
        Step.Memory memory = plan.step(i - 1).requireLinear().memory();
        if (stochastic && memory.x() != 0) {
            throw new IllegalStateException(
                    "a step on the device reads either fresh noise or the sample before, not both");
        }
        return SamplingPlan.row(new StepCoefficients(
                own.a(), own.b(), own.c() * memory.eps(), memory.x() == 0 ? own.d() : own.c() * memory.x()));
    }
}
