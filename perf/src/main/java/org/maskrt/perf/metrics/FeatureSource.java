package org.maskrt.perf.metrics;

import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.maskrt.models.ops.Tensor;

/** Features of the pictures of a set, in their order. */
interface FeatureSource {
    /** Features of nothing. */
    FeatureSource NONE = new FeatureSource() {
        @Override
        public Set<Feature> has() {
            return Set.of();
        }

        @Override
        public int count() {
            return 0;
        }

        @Override
        public void read(Set<Feature> wanted, Consumer<Map<Feature, Tensor>> sink) {}
    };

    /** What it can give. */
    Set<Feature> has();

    /** The number of pictures. */
    int count();

    /** Hands on all rows of the wanted features, each [n,D], a few pictures at a time. */
    void read(Set<Feature> wanted, Consumer<Map<Feature, Tensor>> sink);
}
