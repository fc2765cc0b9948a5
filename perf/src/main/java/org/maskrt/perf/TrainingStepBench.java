package org.maskrt.perf;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.Presets;
import org.maskrt.perf.bench.BenchListener;
import org.maskrt.trainer.SyntheticTraining;

/**
 * Milliseconds of one training step (full and masked pass, backward, AdamW, average), in turn with that of a peer: another program that makes the same
 * step. A peer prints a line about itself, then, for each line that it reads, the milliseconds of one step and its loss.
 */
public final class TrainingStepBench {
    private static final int WARM_UP = 2;
    private static final int INPUT_SIZE = 32;
    private static final long SEED = 1;

    private TrainingStepBench() {}

    /**
     * What is measured.
     *
     * @param preset a name of {@link Presets}, with 32x32 latents
     * @param batch latents in a step
     * @param rounds steps of each
     * @param peer the command of the other program; none for our time alone
     */
    public record Options(String preset, int batch, int rounds, List<String> peer) {
        public Options {
            peer = List.copyOf(peer);
        }
    }

    /**
     * The result.
     *
     * @param parameters trained
     * @param peer the line that the peer printed about itself; null without one
     * @param samples pairs of steps; without a peer each is paired with itself
     * @param residentAtStart bytes resident after the steps that warm up
     * @param residentAtEnd bytes resident after the last step
     */
    public record Report(
            long parameters,
            @Nullable String peer,
            Samples samples,
            OptionalLong residentAtStart,
            OptionalLong residentAtEnd) {}

    /**
     * Measures.
     *
     * @throws MaskRtException (ENVIRONMENT) if the peer does not start or ends early
     */
    public static Report run(Options options, BenchListener listener) {
        try (SyntheticTraining ours =
                        new SyntheticTraining(Presets.of(options.preset(), INPUT_SIZE), options.batch(), SEED);
                Peer peer = options.peer().isEmpty() ? null : Peer.start(options.peer())) {
            for (int i = 0; i < WARM_UP; i++) {
                listener.progress("warm-up", i, WARM_UP);
                ours.step();
                if (peer != null) {
                    peer.step();
                }
            }
            OptionalLong before = PeakMemory.resident();
            List<Samples.Pair> pairs = new ArrayList<>();
            int dropped = 0;
            for (int i = 0; i < options.rounds(); i++) {
                listener.progress(options.preset(), i, options.rounds());
                CorePlacement.Tag placement = CorePlacement.now();
                long began = System.nanoTime();
                ours.step();
                double mine = (System.nanoTime() - began) / 1e6;
                double theirs = peer == null ? mine : peer.step();
                if (CorePlacement.now() == placement) {
                    pairs.add(new Samples.Pair(mine, theirs, placement));
                } else {
                    dropped++;
                }
            }
            return new Report(
                    ours.parameters(),
                    peer == null ? null : peer.about(),
                    new Samples(pairs, dropped),
                    before,
                    PeakMemory.resident());
        }
    }
}
