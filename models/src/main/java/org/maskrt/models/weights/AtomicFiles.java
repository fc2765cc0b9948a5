package org.maskrt.models.weights;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** Files that are there whole or not at all: written beside their place, then moved into it. */
public final class AtomicFiles {
    /** Writes the content of a file. */
    @FunctionalInterface
    public interface Body {
        void write(FileChannel channel) throws IOException;
    }

    private AtomicFiles() {}

    /**
     * Writes {@code target}, replacing what was there; folders above it are made. Whatever ends the writing, no half-written file stays, and
     * the old one stays as it was.
     *
     * @throws MaskRtException if the file cannot be written: no space, no permission
     */
    public static void write(Path target, Body body) {
        Path place = target.toAbsolutePath();
        Path folder = place.getParent();
        if (folder == null) {
            throw new MaskRtException(
                    ExitCode.FAILURE, target + ": cannot be written: it names no file; name a file in a folder");
        }
        Path beside = folder.resolve("." + place.getFileName() + "." + UUID.randomUUID() + ".tmp");
        try {
            Files.createDirectories(folder);
            // An interrupted program runs no finally block, but does delete these.
            beside.toFile().deleteOnExit();
            try (FileChannel channel =
                    FileChannel.open(beside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                body.write(channel);
                channel.force(true);
            }
            Files.move(beside, place, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    target + ": cannot be written: " + reason(e) + free(folder)
                            + "; make room, or name a folder that you may write to",
                    e);
        } finally {
            delete(beside);
        }
    }

    /** Writes {@code target} as {@link #write} does, with this text in UTF-8. */
    public static void writeString(Path target, String text) {
        write(target, channel -> {
            var bytes = StandardCharsets.UTF_8.encode(text);
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /** What went wrong, in words: the exceptions of {@link Files} have only the path as their message. */
    static String reason(IOException e) {
        if (e instanceof NoSuchFileException) {
            return "there is no such file";
        }
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (e instanceof FileAlreadyExistsException) {
            return "a file is where a folder is needed";
        }
        String text = e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.getMessage();
        return text == null ? e.getClass().getSimpleName() : Text.oneLine(text);
    }

    private static String free(Path folder) {
        try {
            return " (" + Files.getFileStore(folder).getUsableSpace() / (1 << 20) + " MiB free there)";
        } catch (IOException e) {
            return "";
        }
    }

    private static void delete(Path file) {
        try {
            if (Files.exists(file)) {
                Files.delete(file);
            }
        } catch (IOException e) {
            System.getLogger(AtomicFiles.class.getName())
                    .log(System.Logger.Level.WARNING, file + " could not be removed: " + reason(e));
        }
    }
}
