package org.maskrt.models.image;

import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.Raster;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriter;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.FileImageInputStream;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.AtomicFiles;

/** Reading and writing image files. */
public final class Images {
    /** About 13,000 x 13,000: a header that asks for more is damaged, or means harm. */
    private static final long MAX_PIXELS = 178_956_970;

    private static final String PNG_METADATA = "javax_imageio_png_1.0";

    static {
        // Nothing here opens a window; on a desktop the JDK would otherwise look for a display, or show an icon.
        if (System.getProperty("java.awt.headless") == null) {
            System.setProperty("java.awt.headless", "true");
        }
    }

    private Images() {}

    /**
     * Reads a PNG, JPEG, BMP or GIF file. As in Pillow's {@code convert("RGB")}, transparency is dropped, grey levels and RGB values are
     * taken as they are, and colour profiles are ignored. JPEG pixels may differ from another decoder's by a level or two.
     *
     * @throws MaskRtException if the file is missing, damaged, cut short, absurdly large, or of a kind that cannot be read
     */
    public static RgbImage decode(Path file) {
        return rgb(read(file));
    }

    /**
     * How opaque each pixel of an image file is.
     *
     * @return null if the file has no transparency
     * @throws MaskRtException as {@link #decode}
     */
    public static @Nullable Mask decodeAlpha(Path file) {
        BufferedImage image = read(file);
        if (!image.getColorModel().hasAlpha()) {
            return null;
        }
        byte[] values = new byte[image.getWidth() * image.getHeight()];
        int[] row = new int[image.getWidth()];
        for (int y = 0; y < image.getHeight(); y++) {
            image.getRGB(0, y, row.length, 1, row, 0, row.length);
            for (int x = 0; x < row.length; x++) {
                values[y * row.length + x] = (byte) (row[x] >>> 24);
            }
        }
        return new Mask(image.getWidth(), image.getHeight(), values);
    }

    private static BufferedImage read(Path file) {
        List<String> warnings = new ArrayList<>();
        try (ImageInputStream in = new FileImageInputStream(file.toFile())) {
            Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
            if (!readers.hasNext()) {
                throw unreadable(file, "its content is no PNG, JPEG, BMP or GIF", null);
            }
            ImageReader reader = readers.next();
            try {
                reader.setInput(in, true, true);
                reader.addIIOReadWarningListener((source, warning) -> warnings.add(warning));
                long pixels = (long) reader.getWidth(0) * reader.getHeight(0);
                if (pixels > MAX_PIXELS) {
                    throw unreadable(
                            file, "it claims " + pixels + " pixels, at most " + MAX_PIXELS + " are read", null);
                }
                BufferedImage image = reader.read(0);
                // A JPEG that ends early is no error to the reader: it fills the rest with grey and warns.
                for (String warning : warnings) {
                    if (warning.toLowerCase(Locale.ROOT).contains("premature end")) {
                        throw unreadable(file, warning, null);
                    }
                }
                return image;
            } finally {
                reader.dispose();
            }
        } catch (FileNotFoundException e) {
            throw Files.exists(file)
                    ? unreadable(file, "it cannot be opened", e)
                    : new MaskRtException(ExitCode.FAILURE, file + ": there is no such file; check the path", e);
        } catch (MaskRtException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // Damaged files make the JDK's readers throw nearly anything.
            throw unreadable(file, e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage(), e);
        }
    }

    private static MaskRtException unreadable(Path file, String reason, @Nullable Throwable cause) {
        String message = file + ": not a readable image: "
                + reason.replaceAll("\\s+", " ").strip() + "; replace it by a whole PNG or JPEG (grey or RGB)";
        return cause == null
                ? new MaskRtException(ExitCode.FAILURE, message)
                : new MaskRtException(ExitCode.FAILURE, message, cause);
    }

    private static RgbImage rgb(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        RgbImage out = new RgbImage(width, height);
        byte[] pixels = out.pixels();
        Raster raster = image.getRaster();
        if (hasByteChannels(image.getColorModel())) {
            int bands = raster.getNumBands();
            // getRGB would change grey levels, and values under a colour profile.
            int step = image.getColorModel().getNumColorComponents() == 1 ? 0 : 1;
            int[] row = new int[width * bands];
            for (int y = 0; y < height; y++) {
                raster.getPixels(0, y, width, 1, row);
                for (int x = 0; x < width; x++) {
                    for (int c = 0; c < 3; c++) {
                        pixels[(y * width + x) * 3 + c] = (byte) row[x * bands + c * step];
                    }
                }
            }
            return out;
        }
        int[] row = new int[width];
        for (int y = 0; y < height; y++) {
            image.getRGB(0, y, width, 1, row, 0, width);
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < 3; c++) {
                    pixels[(y * width + x) * 3 + c] = (byte) (row[x] >> (16 - 8 * c));
                }
            }
        }
        return out;
    }

    private static boolean hasByteChannels(ColorModel colors) {
        return colors instanceof ComponentColorModel
                && colors.getTransferType() == DataBuffer.TYPE_BYTE
                && (colors.getNumColorComponents() == 1 || colors.getNumColorComponents() == 3)
                && !colors.isAlphaPremultiplied();
    }

    /** Resized bicubically, averaged where it shrinks: Pillow's {@code resize((width, height), BICUBIC)}. */
    public static RgbImage resize(RgbImage image, int width, int height) {
        return Resample.BICUBIC.resize(image, width, height);
    }

    /**
     * The middle square, {@code size} pixels wide: halved by area averaging while the short side is at least twice the size, resized
     * bicubically to the size, cropped. This is {@code center_crop_arr} of guided-diffusion, DiT and MDT, equal to it in every bit given
     * the same decoded pixels (Pillow up to version 12; version 13 may differ by one level).
     */
    public static RgbImage centerCrop(RgbImage image, int size) {
        RgbImage scaled = image;
        while (Math.min(scaled.width(), scaled.height()) >= 2 * size) {
            scaled = Resample.BOX.resize(scaled, scaled.width() / 2, scaled.height() / 2);
        }
        double scale = (double) size / Math.min(scaled.width(), scaled.height());
        scaled = Resample.BICUBIC.resize(
                scaled, (int) Math.rint(scaled.width() * scale), (int) Math.rint(scaled.height() * scale));
        return scaled.crop((scaled.width() - size) / 2, (scaled.height() - size) / 2, size, size);
    }

    /**
     * Writes a PNG file.
     *
     * @param text its tEXt chunks by keyword, such as {@code parameters} with the JSON of what made the picture; characters outside ASCII
     *     are written as JSON escapes
     * @throws MaskRtException if the file cannot be written; nothing half-written stays
     */
    public static void writePng(Path target, RgbImage image, Map<String, String> text) {
        byte[] png = png(image, text);
        AtomicFiles.write(target, channel -> {
            ByteBuffer bytes = ByteBuffer.wrap(png);
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /** The bytes of a PNG file, with text as in {@link #writePng}. */
    public static byte[] png(RgbImage image, Map<String, String> text) {
        BufferedImage buffered = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_3BYTE_BGR);
        int[] row = new int[image.width() * 3];
        for (int y = 0; y < image.height(); y++) {
            for (int i = 0; i < row.length; i++) {
                row[i] = Byte.toUnsignedInt(image.pixels()[y * row.length + i]);
            }
            buffered.getRaster().setPixels(0, y, image.width(), 1, row);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageWriter writer = ImageIO.getImageWritersByFormatName("png").next();
        try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
            IIOMetadata metadata = writer.getDefaultImageMetadata(new ImageTypeSpecifier(buffered), null);
            IIOMetadataNode entries = new IIOMetadataNode("tEXt");
            text.forEach((keyword, value) -> {
                IIOMetadataNode entry = new IIOMetadataNode("tEXtEntry");
                entry.setAttribute("keyword", keyword);
                entry.setAttribute("value", ascii(value));
                entries.appendChild(entry);
            });
            IIOMetadataNode root = new IIOMetadataNode(PNG_METADATA);
            root.appendChild(entries);
            if (!text.isEmpty()) {
                metadata.mergeTree(PNG_METADATA, root);
            }
            writer.setOutput(out);
            writer.write(new IIOImage(buffered, null, metadata));
        } catch (IOException e) {
            throw new IllegalStateException("a PNG could not be made in memory", e);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    private static String ascii(String text) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            out.append(c < 0x7F ? String.valueOf(c) : String.format("\\u%04x", (int) c));
        }
        return out.toString();
    }
}
