package org.maskrt.models.weights;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** Names that come out of files are not to be trusted: they may not lead out of the folder that the user named. */
final class SafeFolder {
    private SafeFolder() {}

    /**
     * The file or folder {@code name} directly in {@code folder}.
     *
     * @throws MaskRtException if the name is a path, or a symbolic link that leads out of the folder
     */
    static Path inside(Path folder, String name) {
        Path path = plain(folder, name);
        try {
            if (Files.exists(path) && !path.toRealPath().startsWith(folder.toRealPath())) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        path + ": expected a file in its folder, found a link to outside (" + path.toRealPath()
                                + "); copy the folder with its links followed (cp -rL)");
            }
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    path + ": cannot be read: " + AtomicFiles.reason(e) + "; check the path and its permissions",
                    e);
        }
        return path;
    }

    private static Path plain(Path folder, String name) {
        try {
            Path relative = Path.of(name);
            if (!name.isEmpty()
                    && !relative.isAbsolute()
                    && relative.getNameCount() == 1
                    && !name.contains("/")
                    && !name.contains("\\")
                    && !name.equals(".")
                    && !name.equals("..")) {
                return folder.resolve(relative);
            }
        } catch (InvalidPathException e) {
            // Refused below, as any other name that is none.
        }
        throw new MaskRtException(
                ExitCode.FAILURE,
                folder + ": expected the name of a file in this folder, received " + Text.quote(name)
                        + "; do not use this folder unless you trust its source");
    }
}
