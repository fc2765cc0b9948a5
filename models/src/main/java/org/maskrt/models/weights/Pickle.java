package org.maskrt.models.weights;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A reader of the pickles that {@code torch.save} writes (protocol 2, and what protocols 3 and 4 write for the same objects). A pickle is a program;
 * this one knows no function but the few that rebuild tensors and dictionaries, and calls nothing: every other name is refused where it stands.
 *
 * <p>Results are {@code null}, {@link Boolean}, {@link Long}, {@link Double}, {@link String}, {@link List}, {@link Map} and {@link TensorRecord}.
 */
final class Pickle {
    private static final int MAX_DEPTH = 1000;
    private static final int MAX_OBJECTS = 4_000_000;
    private static final int TENSOR_ARGUMENTS = 6;

    private final ByteBuffer in;
    private final List<Object> memo = new ArrayList<>();
    private final Map<Integer, Object> memoAt = new HashMap<>();
    private final Deque<List<Object>> marks = new ArrayDeque<>();
    private List<Object> stack = new ArrayList<>();
    private int objects;

    private Pickle(byte[] bytes) {
        this.in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A pickle that is not one of a checkpoint; the message says what was found. */
    static final class Refused extends Exception {
        private static final long serialVersionUID = 1;

        Refused(String message) {
            super(message);
        }
    }

    /** A storage as the pickle names it. */
    record StorageRecord(String type, String key, long elements) {}

    /** A tensor as the pickle describes it: nothing of it is checked against the data. */
    record TensorRecord(StorageRecord storage, long offset, long[] dims, long[] strides) {}

    /** A name that a pickle may use. */
    private enum Global {
        ORDERED_DICT("collections.OrderedDict"),
        NAMESPACE("argparse.Namespace"),
        REBUILD_TENSOR("torch._utils._rebuild_tensor_v2"),
        REBUILD_PARAMETER("torch._utils._rebuild_parameter");

        private final String path;

        Global(String path) {
            this.path = path;
        }
    }

    private record StorageType(String name) {}

    private record Mapping(Map<Object, Object> map) {}

    /** Stands for None, which a list cannot tell from an absent value. */
    private static final Object NONE = new Object();

    /** The object that a pickle describes. */
    static @Nullable Object read(byte[] bytes) throws Refused {
        Pickle pickle = new Pickle(bytes);
        try {
            Object result = pickle.run();
            pickle.objects = 0;
            return pickle.plain(result, 0);
        } catch (BufferUnderflowException e) {
            throw new Refused("a pickle that ends within an instruction");
        } catch (IndexOutOfBoundsException e) {
            throw new Refused("a pickle that takes more from its stack than there is");
        }
    }

    private Object run() throws Refused {
        while (true) {
            if (++objects > MAX_OBJECTS) {
                throw new Refused("a pickle of more than " + MAX_OBJECTS + " instructions");
            }
            int op = in.get() & 0xff;
            switch (op) {
                case 0x80 -> {
                    int protocol = in.get() & 0xff;
                    if (protocol < 2 || protocol > 5) {
                        throw new Refused("a pickle of protocol " + protocol);
                    }
                }
                case 0x95 -> in.getLong();
                case '.' -> {
                    return pop();
                }
                case '(' -> {
                    if (marks.size() >= MAX_DEPTH) {
                        throw new Refused("a pickle nested deeper than " + MAX_DEPTH);
                    }
                    marks.push(stack);
                    stack = new ArrayList<>();
                }
                case '}' -> push(new Mapping(new LinkedHashMap<>()));
                case ']' -> push(new ArrayList<>());
                case ')' -> push(List.of());
                case 'N' -> push(NONE);
                case 0x88 -> push(true);
                case 0x89 -> push(false);
                case 'J' -> push((long) in.getInt());
                case 'K' -> push((long) (in.get() & 0xff));
                case 'M' -> push((long) (in.getShort() & 0xffff));
                case 0x8a -> push(longOf(in.get() & 0xff));
                case 'G' -> push(in.duplicate().order(ByteOrder.BIG_ENDIAN).getDouble(advance(8)));
                case 'X' -> push(text(in.getInt()));
                case 0x8c -> push(text(in.get() & 0xff));
                case 0x85 -> push(tuple(1));
                case 0x86 -> push(tuple(2));
                case 0x87 -> push(tuple(3));
                case 't' -> push(List.copyOf(popMark()));
                case 'l' -> push(new ArrayList<>(popMark()));
                case 'd' -> {
                    Mapping mapping = new Mapping(new LinkedHashMap<>());
                    putAll(mapping, popMark());
                    push(mapping);
                }
                case 'a' -> {
                    Object value = pop();
                    list(peek()).add(value);
                }
                case 'e' -> {
                    List<Object> values = popMark();
                    list(peek()).addAll(values);
                }
                case 's' -> {
                    Object value = pop();
                    Object key = pop();
                    put(mapping(peek()), key, value);
                }
                case 'u' -> {
                    List<Object> pairs = popMark();
                    putAll(mapping(peek()), pairs);
                }
                case 'q' -> memoAt.put(in.get() & 0xff, peek());
                case 'r' -> memoAt.put(in.getInt(), peek());
                case 0x94 -> {
                    memoAt.put(memo.size(), peek());
                    memo.add(NONE);
                }
                case 'h' -> push(recall(in.get() & 0xff));
                case 'j' -> push(recall(in.getInt()));
                case '0' -> pop();
                case 'c' -> push(global(line(), line()));
                case 0x93 -> {
                    Object name = pop();
                    Object module = pop();
                    push(global(String.valueOf(module), String.valueOf(name)));
                }
                case 'Q' -> push(storage(pop()));
                case 'R' -> {
                    Object arguments = pop();
                    Object function = pop();
                    push(apply(function, arguments));
                }
                case 0x81 -> {
                    Object arguments = pop();
                    Object type = pop();
                    push(apply(type, arguments));
                }
                case 'b' -> {
                    Object state = pop();
                    // An OrderedDict's attributes (_metadata) say nothing of the weights; a Namespace is its state.
                    if (peek() instanceof Mapping target && target.map.isEmpty() && state instanceof Mapping given) {
                        target.map.putAll(given.map);
                    }
                }
                default -> throw new Refused(String.format("the pickle instruction 0x%02x", op));
            }
        }
    }

    private void push(Object value) {
        stack.add(value);
    }

    private Object pop() {
        return stack.remove(stack.size() - 1);
    }

    private Object peek() {
        return stack.get(stack.size() - 1);
    }

    private List<Object> popMark() throws Refused {
        List<Object> values = stack;
        if (marks.isEmpty()) {
            throw new Refused("a pickle without the mark that it goes back to");
        }
        stack = marks.pop();
        return values;
    }

    private List<Object> tuple(int size) {
        List<Object> top = stack.subList(stack.size() - size, stack.size());
        List<Object> values = List.copyOf(top);
        top.clear();
        return values;
    }

    private Object recall(int index) throws Refused {
        Object value = memoAt.get(index);
        if (value == null) {
            throw new Refused("a pickle that recalls what it has not stored");
        }
        return value;
    }

    private int advance(int bytes) {
        int at = in.position();
        if (in.remaining() < bytes) {
            throw new BufferUnderflowException();
        }
        in.position(at + bytes);
        return at;
    }

    private String text(int length) throws Refused {
        if (length < 0 || length > in.remaining()) {
            throw new Refused("a pickle with a text longer than itself");
        }
        int at = advance(length);
        return new String(in.array(), at, length, StandardCharsets.UTF_8);
    }

    private String line() {
        int at = in.position();
        while (in.get() != '\n') {
            // to the end of the line
        }
        return new String(in.array(), at, in.position() - at - 1, StandardCharsets.UTF_8);
    }

    private long longOf(int length) throws Refused {
        if (length > Long.BYTES) {
            throw new Refused("a pickle with an integer of " + length + " bytes");
        }
        long value = 0;
        for (int i = 0; i < length; i++) {
            value |= (in.get() & 0xffL) << (8 * i);
        }
        int unused = Long.SIZE - 8 * length;
        return length == 0 ? 0 : value << unused >> unused;
    }

    private static List<Object> list(Object target) throws Refused {
        if (target instanceof ArrayList<?> found) {
            @SuppressWarnings("unchecked")
            List<Object> list = (List<Object>) found;
            return list;
        }
        throw new Refused("a pickle that appends to what is no list");
    }

    private static Mapping mapping(Object target) throws Refused {
        if (target instanceof Mapping found) {
            return found;
        }
        throw new Refused("a pickle that puts pairs into what is no dictionary");
    }

    private static void putAll(Mapping target, List<Object> pairs) throws Refused {
        if (pairs.size() % 2 != 0) {
            throw new Refused("a pickle with a key without a value");
        }
        for (int i = 0; i < pairs.size(); i += 2) {
            put(target, pairs.get(i), pairs.get(i + 1));
        }
    }

    private static void put(Mapping target, Object key, Object value) throws Refused {
        if (!(key instanceof String) && !(key instanceof Long)) {
            throw new Refused("a dictionary whose keys are neither texts nor numbers");
        }
        target.map.put(key, value);
    }

    private static Object global(String module, String name) throws Refused {
        String path = module + "." + name;
        for (Global known : Global.values()) {
            if (known.path.equals(path)) {
                return known;
            }
        }
        if (module.equals("torch") && name.matches("[A-Z][A-Za-z0-9]{1,20}Storage")) {
            return new StorageType(name);
        }
        throw new Refused("the name " + Text.quote(path) + ", which no weights need");
    }

    private static Object storage(Object id) throws Refused {
        if (id instanceof List<?> parts
                && parts.size() == 5
                && "storage".equals(parts.get(0))
                && parts.get(1) instanceof StorageType type
                && parts.get(2) instanceof String key
                && parts.get(4) instanceof Long elements) {
            return new StorageRecord(type.name, key, elements);
        }
        throw new Refused("a persistent object that is no storage");
    }

    private static Object apply(Object function, Object arguments) throws Refused {
        if (!(arguments instanceof List<?> list) || !(function instanceof Global global)) {
            throw new Refused("a call of what is no function");
        }
        return switch (global) {
            case ORDERED_DICT -> {
                Mapping mapping = new Mapping(new LinkedHashMap<>());
                // Python 2 and old checkpoints give the pairs as a list of lists
                if (!list.isEmpty() && list.get(0) instanceof List<?> pairs) {
                    for (Object pair : pairs) {
                        if (!(pair instanceof List<?> both) || both.size() != 2) {
                            throw new Refused("a dictionary of something else than pairs");
                        }
                        put(mapping, both.get(0), both.get(1));
                    }
                }
                yield mapping;
            }
            case NAMESPACE -> new Mapping(new LinkedHashMap<>());
            case REBUILD_TENSOR -> tensor(list);
            case REBUILD_PARAMETER -> {
                if (list.isEmpty() || !(list.get(0) instanceof TensorRecord)) {
                    throw new Refused("a parameter without a tensor");
                }
                yield list.get(0);
            }
        };
    }

    private static TensorRecord tensor(List<?> arguments) throws Refused {
        if (arguments.size() < TENSOR_ARGUMENTS
                || !(arguments.get(0) instanceof StorageRecord storage)
                || !(arguments.get(1) instanceof Long offset)
                || !(arguments.get(2) instanceof List<?> dims)
                || !(arguments.get(3) instanceof List<?> strides)
                || dims.size() != strides.size()) {
            throw new Refused("a tensor that is not described as torch.save does");
        }
        return new TensorRecord(storage, offset, longs(dims), longs(strides));
    }

    private static long[] longs(List<?> values) throws Refused {
        long[] out = new long[values.size()];
        for (int i = 0; i < out.length; i++) {
            if (!(values.get(i) instanceof Long value)) {
                throw new Refused("a tensor whose sizes are no integers");
            }
            out[i] = value;
        }
        return out;
    }

    /** Counted, because objects that are used many times within each other are few in the pickle and many in the result. */
    private @Nullable Object plain(Object value, int depth) throws Refused {
        if (++objects > MAX_OBJECTS) {
            throw new Refused("a pickle of more than " + MAX_OBJECTS + " objects");
        }
        if (depth > MAX_DEPTH / 10) {
            throw new Refused("a pickle that contains itself, or nests deeper than " + MAX_DEPTH / 10);
        }
        if (value == NONE || value instanceof Global || value instanceof StorageType) {
            return null;
        }
        if (value instanceof Mapping mapping) {
            Map<String, Object> out = new LinkedHashMap<>();
            for (Map.Entry<Object, Object> e : mapping.map.entrySet()) {
                Object plain = plain(e.getValue(), depth + 1);
                if (e.getKey() instanceof String key && plain != null) {
                    out.put(key, plain);
                }
            }
            return out;
        }
        if (value instanceof List<?> list) {
            List<Object> out = new ArrayList<>();
            for (Object each : list) {
                Object plain = plain(each, depth + 1);
                if (plain != null) {
                    out.add(plain);
                }
            }
            return out;
        }
        return value;
    }
}
