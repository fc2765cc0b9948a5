package org.maskrt.models;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.maskdit.MaskDitConfig;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;

/**
 * The published model sizes by name, such as {@code DiT-XL/2}, {@code MDT-S/2} and {@code MDTv2-B/2}, {@code _} for {@code -} and {@code /} too; and
 * {@code emd3c-512} and {@code emd3c-small}, whose latents have the one size that belongs to them.
 */
public final class Presets {
    static final String HINT =
            "known are DiT-{S,B,L,XL}/{2,4,8}, MDT-{S,B,L,XL}/2, MDTv2-{S,B,L,XL}/2, MaskDiT-{S,B,L,XL}/2, emd3c-512 and emd3c-small";

    private static final Pattern NAME =
            Pattern.compile("(dit|mdt|mdtv1|mdtv2|maskdit)[-_](s|b|l|xl)[-_/](\\d+)", Pattern.CASE_INSENSITIVE);
    private static final Map<String, Emd3cConfig> EMD3C =
            Map.of("emd3c-512", Emd3cConfig.emd3c512(), "emd3c-small", Emd3cConfig.small());
    private static final int IMAGENET_CLASSES = 1000;

    private Presets() {}

    /** Every preset's name. */
    public static List<String> names() {
        List<String> names = new ArrayList<>();
        for (ModelSize size : ModelSize.values()) {
            for (int patch : DitConfig.PATCH_SIZES) {
                names.add("DiT-" + size + "/" + patch);
            }
            names.add("MDT-" + size + "/2");
            names.add("MDTv2-" + size + "/2");
            names.add("MaskDiT-" + size + "/2");
        }
        names.addAll(new TreeSet<>(EMD3C.keySet()));
        return names;
    }

    /** Whether {@code name} has the form of a preset's name. */
    public static boolean isName(String name) {
        return NAME.matcher(name).matches() || EMD3C.containsKey(name.toLowerCase(Locale.ROOT));
    }

    /**
     * The preset for latents of {@code inputSize} x {@code inputSize} with 1000 classes.
     *
     * @throws MaskRtException (USAGE) if there is none of that name
     */
    public static Denoiser of(String name, int inputSize) {
        Emd3cConfig emd3c = EMD3C.get(name.toLowerCase(Locale.ROOT));
        if (emd3c != null) {
            return new Emd3c(emd3c);
        }
        Matcher m = NAME.matcher(name);
        if (!m.matches()) {
            throw new MaskRtException(ExitCode.USAGE, "there is no preset '" + name + "'; " + HINT);
        }
        ModelSize size = ModelSize.of(m.group(2), name);
        int patch = Integer.parseInt(m.group(3));
        boolean dit = m.group(1).equalsIgnoreCase("dit");
        if (dit ? !DitConfig.PATCH_SIZES.contains(patch) : patch != MdtConfig.PATCH_SIZE) {
            throw new MaskRtException(
                    ExitCode.USAGE, "there is no preset '" + name + "' with patch " + patch + "; " + HINT);
        }
        if (dit) {
            return new Dit(DitConfig.of(size, patch, inputSize, IMAGENET_CLASSES));
        }
        if (m.group(1).equalsIgnoreCase("maskdit")) {
            return new MaskDit(MaskDitConfig.of(size, inputSize, IMAGENET_CLASSES));
        }
        int version = m.group(1).equalsIgnoreCase("mdtv2") ? 2 : 1;
        return new Mdt(MdtConfig.of(version, size, inputSize, IMAGENET_CLASSES));
    }
}
