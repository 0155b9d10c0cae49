package io.apgms.ml.flags;
/** x. */ public final class UnleashFlags { private UnleashFlags() {} /** x. */ public static FlagSource start(String u, String t, java.nio.file.Path p, DecisionModes m) { return () -> {}; } }
