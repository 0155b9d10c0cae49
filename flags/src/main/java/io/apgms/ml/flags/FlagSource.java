package io.apgms.ml.flags;
/** x. */ public interface FlagSource extends AutoCloseable { @Override void close(); }
