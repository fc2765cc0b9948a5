package org.maskrt.trainer;

import ai.djl.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * The devices on which a run trains: each has a copy of the parameters and computes a part of every batch.
 *
 * @param names {@code cpu} or {@code cuda:N}, one or more; the first one holds the optimiser
 */
public record Devices(List<String> names) {
    private static final Pattern NAME = Pattern.compile("cpu|cuda:(\\d{1,3})");

    /** @throws MaskRtException (USAGE) for a name that is none, or a GPU that is named twice */
    public Devices {
        names = List.copyOf(names);
        for (String name : names) {
            boolean again = name.startsWith("cuda") && names.indexOf(name) != names.lastIndexOf(name);
            if (!NAME.matcher(name).matches() || again) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        "--devices: expected cpu, cpu,cpu, cuda:0 or cuda:0,cuda:1 and so on, received "
                                + String.join(",", names) + (again ? " with " + name + " twice" : "")
                                + "; name each device once");
            }
        }
        if (names.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE, "--devices: expected one or more devices, received none; name cpu or cuda:0");
        }
    }

    /** The processor alone. */
    public static Devices cpu() {
        return new Devices(List.of("cpu"));
    }

    /** @param text names, with commas between them */
    public static Devices parse(String text) {
        return new Devices(List.of(text.split(",", -1)));
    }

    /**
     * The engine's devices.
     *
     * @param gpus how many GPUs the engine sees
     * @throws MaskRtException (ENVIRONMENT) if there is no such GPU
     */
    List<Device> of(int gpus) {
        List<Device> devices = new ArrayList<>();
        for (String name : names) {
            Matcher matcher = NAME.matcher(name);
            if (!matcher.matches() || matcher.group(1) == null) {
                devices.add(Device.cpu());
                continue;
            }
            int index = Integer.parseInt(matcher.group(1));
            if (index >= gpus) {
                throw new MaskRtException(
                        ExitCode.ENVIRONMENT,
                        "--devices: expected a GPU for " + name + ", PyTorch sees " + gpus
                                + "; build with -Pgpu-train on a machine with an NVIDIA driver and libcudart, or train on cpu");
            }
            devices.add(Device.gpu(index));
        }
        return devices;
    }
}
