package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.maskrt.models.emd3c.Placement;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Grid;
import org.maskrt.models.image.RgbImage;

/** An overview of objects drawn into scenes: object, scene with the box's frame, result, and the true picture where there is one. */
public final class CustomizationTable {
    private static final int SHORT_FRAME = 64;

    private CustomizationTable() {}

    /**
     * The table, a row for each result, of the squares that the model sees.
     *
     * @param truths scenes that hold their objects already, one for each result; or none
     * @param most rows at the most
     */
    public static RgbImage of(CustomizationResult result, List<RgbImage> truths, int most) {
        int count = Math.min(most, result.images().size());
        List<String> columns = new ArrayList<>(List.of("source", "scene + box", "result"));
        if (!truths.isEmpty()) {
            columns.add("truth");
        }
        int size = result.squares().get(0).width();
        List<RgbImage> cells = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Customization pair = result.request().pairs().get(i);
            Placement placement = pair.placement();
            cells.add(Placement.object(pair.object(), pair.mask(), size));
            cells.add(framed(placement.target(pair.scene(), size), placement, size));
            cells.add(placement.target(result.images().get(i), size));
            if (!truths.isEmpty()) {
                cells.add(placement.target(truths.get(i), size));
            }
        }
        List<String> rows =
                IntStream.range(0, count).mapToObj(Integer::toString).toList();
        return new Grid(rows, columns, cells).draw();
    }

    /** A white frame with a black one around it is seen on any ground. */
    private static RgbImage framed(RgbImage square, Placement placement, int size) {
        Box box = placement.scaled(size);
        int width = Math.max(1, size / (2 * SHORT_FRAME));
        frame(square, grown(box, width), width, 0);
        frame(square, box, width, 255);
        return square;
    }

    private static Box grown(Box box, int by) {
        return new Box(box.x() - by, box.y() - by, box.width() + 2 * by, box.height() + 2 * by);
    }

    private static void frame(RgbImage image, Box box, int width, int grey) {
        for (Box side : List.of(
                new Box(box.x(), box.y(), box.width(), width),
                new Box(box.x(), box.y() + box.height() - width, box.width(), width),
                new Box(box.x(), box.y(), width, box.height()),
                new Box(box.x() + box.width() - width, box.y(), width, box.height()))) {
            int left = Math.max(0, side.x());
            int top = Math.max(0, side.y());
            int right = Math.min(image.width(), side.x() + side.width());
            int bottom = Math.min(image.height(), side.y() + side.height());
            if (left < right && top < bottom) {
                image.fill(left, top, right - left, bottom - top, grey);
            }
        }
    }
}
