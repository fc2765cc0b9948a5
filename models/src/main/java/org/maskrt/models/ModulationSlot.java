package org.maskrt.models;

/**
 * Where one adaLN-Zero layer's modulation lies in the vector of all of them.
 *
 * @param path the module that owns {@code adaLN_modulation}, such as {@code blocks.3}
 * @param chunks 6 for a block (shift, scale, gate of attention and of the MLP), 2 for the final layer (shift, scale)
 * @param width of one chunk
 */
public record ModulationSlot(String path, int chunks, int width) {
    public int size() {
        return chunks * width;
    }

    /** Whether chunk {@code i} is a scale; both layouts put it second in each three. */
    public boolean isScale(int i) {
        return i % 3 == 1;
    }
}
