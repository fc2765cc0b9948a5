package org.maskrt.models;

import java.util.Locale;

/** The sizes S, B, L and XL, which DiT and MDT share (DiT, table 1). */
public enum ModelSize {
    S(12, 384, 6),
    B(12, 768, 12),
    L(24, 1024, 16),
    XL(28, 1152, 16);

    private final int depth;
    private final int width;
    private final int heads;

    ModelSize(int depth, int width, int heads) {
        this.depth = depth;
        this.width = width;
        this.heads = heads;
    }

    public int depth() {
        return depth;
    }

    public int width() {
        return width;
    }

    public int heads() {
        return heads;
    }

    /** @throws MaskRtException (USAGE) for another name */
    static ModelSize of(String name, String preset) {
        for (ModelSize size : values()) {
            if (size.name().equals(name.toUpperCase(Locale.ROOT))) {
                return size;
            }
        }
        throw new MaskRtException(
                ExitCode.USAGE,
                "preset '" + preset + "': the size must be S, B, L or XL, got '" + name + "'; " + Presets.HINT);
    }
}
