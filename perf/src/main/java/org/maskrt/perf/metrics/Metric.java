package org.maskrt.perf.metrics;

import java.util.Locale;

/** What an evaluation measures. */
public enum Metric {
    /** Fréchet distance of pool features (Heusel et al., 2017); less is better. */
    FID("FID", false),
    /** Fréchet distance of spatial features (Nash et al., 2021); less is better. */
    SFID("sFID", false),
    /** Inception Score of the samples (Salimans et al., 2016); more is better. */
    INCEPTION_SCORE("Inception Score", false),
    /** Share of samples within the manifold of the reference (Kynkäänniemi et al., 2019). */
    PRECISION("precision", false),
    /** Share of the reference within the manifold of the samples (Kynkäänniemi et al., 2019). */
    RECALL("recall", false),
    /** Structural similarity of pairs (Wang et al., 2004); 1 for equal ones. */
    SSIM("SSIM", true),
    /** Peak signal-to-noise ratio of pairs in decibels. */
    PSNR("PSNR", true),
    /** Distance of pairs by a network that the user gives (Zhang et al., 2018); less is better. */
    LPIPS("LPIPS", true),
    /** Cosine similarity of the features of pairs by an encoder that the user gives; 1 for equal ones. */
    DINO("DINO score", true);

    private final String title;
    private final boolean paired;

    Metric(String title, boolean paired) {
        this.title = title;
        this.paired = paired;
    }

    /** As papers write it. */
    public String title() {
        return title;
    }

    /** As options and JSON write it, such as {@code inception_score}. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether it compares picture with picture. */
    public boolean isPaired() {
        return paired;
    }
}
