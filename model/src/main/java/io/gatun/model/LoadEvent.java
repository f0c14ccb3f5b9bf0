package io.gatun.model;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** The opening of a model as Flight Recorder sees it. */
@Name("io.gatun.Load")
@Label("Load model")
@Category("Gatun")
@StackTrace(false)
final class LoadEvent extends Event {
    @Label("Folder")
    String folder;

    @Label("Tensors")
    int tensors;
}
