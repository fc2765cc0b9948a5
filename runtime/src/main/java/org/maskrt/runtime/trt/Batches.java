package org.maskrt.runtime.trt;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * The batches that an engine takes.
 *
 * @param min the smallest
 * @param opt the one that it is fastest with
 * @param max the largest
 */
public record Batches(int min, int opt, int max) {
    private static final Pattern TEXT = Pattern.compile("(\\d{1,4})(?::(\\d{1,4}):(\\d{1,4}))?");

    /** The steps of a generation that a conditioner takes at once at most; more are split. */
    private static final int MOST_STEPS = 64;

    /** The rows of a table for one sample, which is one for each step, at most. */
    private static final int MOST_ROWS = 1000;

    private static final int USUAL_STEPS = 50;

    /** The shapes that an engine is built for. */
    enum Bound {
        MIN,
        OPT,
        MAX
    }

    public Batches {
        if (min < 1 || opt < min || max < opt) {
            throw wrong(min + ":" + opt + ":" + max);
        }
    }

    /**
     * {@code MIN:OPT:MAX}, or one number for a fixed batch.
     *
     * @throws MaskRtException if it is neither
     */
    @JsonCreator
    public static Batches parse(String text) {
        Matcher is = TEXT.matcher(text);
        if (!is.matches()) {
            throw wrong(text);
        }
        int min = Integer.parseInt(is.group(1));
        return is.group(2) == null
                ? new Batches(min, min, min)
                : new Batches(min, Integer.parseInt(is.group(2)), Integer.parseInt(is.group(3)));
    }

    private static MaskRtException wrong(String text) {
        return new MaskRtException(
                ExitCode.USAGE,
                "the batches of an engine: expected MIN:OPT:MAX with 1 <= MIN <= OPT <= MAX, such as 1:2:8, or one number, got '"
                        + text + "'");
    }

    /** Those of a graph that takes the conditions of a batch and the null condition. */
    Batches withNullCondition() {
        return new Batches(min, opt + 1, max + 1);
    }

    /** Whether a run with {@code rows} is among them. */
    public boolean contains(int rows) {
        return min <= rows && rows <= max;
    }

    /**
     * The length of a symbolic dimension.
     *
     * @param dimension its name in the graph
     * @throws MaskRtException if the name is unknown
     */
    int length(String dimension, Bound bound) {
        return switch (dimension) {
            case "batch" -> of(bound, min, opt, max);
            case "steps" -> of(bound, 1, USUAL_STEPS, MOST_STEPS);
            case "rows" -> of(bound, 1, USUAL_STEPS * opt, MOST_ROWS * max);
            case "rows_uncond" -> of(bound, 1, USUAL_STEPS, MOST_ROWS);
            case "rows_noise" -> of(bound, 1, 1, MOST_ROWS * max);
            default ->
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        "a graph for TensorRT: expected the dimensions batch, steps, rows, rows_uncond or rows_noise, got '"
                                + dimension + "'; export again with --target tensorrt");
        };
    }

    private static int of(Bound bound, int least, int usual, int most) {
        return bound == Bound.MIN ? least : bound == Bound.OPT ? usual : most;
    }

    @Override
    @JsonValue
    public String toString() {
        return min + ":" + opt + ":" + max;
    }
}
