package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.device.CpuDevice;

@Timeout(value = 60, unit = TimeUnit.SECONDS)
class LanesTest {
    private final CpuDevice device = new CpuDevice(1 << 20);
    private final Lanes lanes = new Lanes(1, () -> new Lane(device, () -> {}));

    @Test
    void whoWaitsLongestIsNext() throws InterruptedException {
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = new ArrayList<>();
        try (Lanes.Lease held = lanes.take()) {
            assertEquals(0, held.lane().arena(100).address() % 256);
            for (int i = 0; i < 5; i++) {
                int number = i;
                Thread thread = new Thread(() -> {
                    try (Lanes.Lease lease = lanes.take()) {
                        order.add(number);
                        lease.lane().stream().synchronize();
                    }
                });
                threads.add(thread);
                thread.start();
                while (thread.getState() != Thread.State.WAITING) {
                    Thread.onSpinWait();
                }
            }
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(List.of(0, 1, 2, 3, 4), order);
        assertEquals(1, device.count("stream"));
        lanes.close();
        assertEquals(0, device.open());
    }

    @Test
    void whoIsInterruptedStopsWaiting() {
        try (Lanes.Lease held = lanes.take()) {
            assertEquals(0, held.lane().arena(1).bytes() % 256);
            Thread.currentThread().interrupt();
            MaskRtException e = assertThrows(MaskRtException.class, lanes::take);
            assertEquals(ExitCode.INTERRUPTED, e.code());
            assertEquals("interrupted while waiting for the device; start the generation again", e.getMessage());
            assertTrue(Thread.interrupted());
        }
        lanes.close();
    }

    @Test
    void aDeviceWithoutMemoryGivesTheLaneBack() {
        assertThrows(MaskRtException.class, () -> {
            try (Lanes.Lease lease = lanes.take()) {
                lease.lane().arena(1 << 21);
            }
        });
        try (Lanes.Lease lease = lanes.take()) {
            assertEquals(512, lease.lane().arena(512).bytes());
        }
        lanes.close();
        assertEquals(0, device.open());
    }
}
