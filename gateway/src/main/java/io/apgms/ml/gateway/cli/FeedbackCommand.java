package io.apgms.ml.gateway.cli;

import picocli.CommandLine.Command;

/** Labels in bulk. */
@Command(
    name = "feedback",
    description = "Labels by the file: bring them in, take them out.",
    subcommands = {BackfillCommand.class, ExportCommand.class})
final class FeedbackCommand {}
