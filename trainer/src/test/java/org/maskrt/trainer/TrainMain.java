package org.maskrt.trainer;

import java.nio.file.Path;
import java.util.Map;

/** Trains from the command line until the cli module does: {@code TrainMain config.yaml out}. */
public final class TrainMain {
    private TrainMain() {}

    public static void main(String[] args) {
        long[] last = {System.nanoTime(), 0};
        Training.run(
                TrainConfig.read(Path.of(args[0])),
                Path.of(args[1]),
                new TrainListener() {
                    @Override
                    public void stage(String name, long done, long total) {
                        System.out.printf("%s: %d of %d%n", name, done, total);
                        last[0] = System.nanoTime();
                        last[1] = done;
                    }

                    @Override
                    public void progress(long done, Map<String, Float> metrics) {
                        if (System.nanoTime() - last[0] > 5e9) {
                            double millis = (System.nanoTime() - last[0]) / 1e6 / Math.max(1, done - last[1]);
                            System.out.printf("  %d %s %.1f ms each%n", done, metrics, millis);
                            last[0] = System.nanoTime();
                            last[1] = done;
                        }
                    }

                    @Override
                    public void note(String line) {
                        System.out.println(line);
                    }
                },
                () -> false);
    }
}
