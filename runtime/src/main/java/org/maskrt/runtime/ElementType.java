package org.maskrt.runtime;

/** What the elements of a graph's input or output are. */
public enum ElementType {
    FP32,
    INT64
}
