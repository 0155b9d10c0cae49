package io.apgms.ml.gateway.cli;

import picocli.CommandLine.Command;

/** Labels in bulk. */
@Command(
    name = "feedback",
    description = "Bring labels in from a file.",
    subcommands = {BackfillCommand.class})
final class FeedbackCommand {}
