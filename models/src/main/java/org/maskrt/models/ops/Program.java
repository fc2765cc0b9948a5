package org.maskrt.models.ops;

import java.util.List;

/** A function written against the vocabulary, so that any interpreter can run it. */
@FunctionalInterface
public interface Program {
    /** One output from weights and inputs. A generic method, so an implementation is a class and not a lambda. */
    <T> T apply(Ops<T> ops, Params<T> p, List<T> in);
}
