package org.maskrt.models.weights;

/** Foreign text in messages. */
final class Text {
    private static final int LONGEST = 120;

    private Text() {}

    /** In quotes, on one line, and not too long. */
    static String quote(String text) {
        return "'" + oneLine(text) + "'";
    }

    static String oneLine(String text) {
        String line = text.replaceAll("[\\p{Cntrl}\\p{Zl}\\p{Zp}\\p{Cf}]+", " ");
        return line.length() <= LONGEST ? line : line.substring(0, LONGEST) + "...";
    }
}
