package io.apgms.ml.gateway.cli;

import picocli.CommandLine.Command;

/** Labels in bulk. */
@Command(
    name = "feedback",
    description = "Labels by the file, and pseudonyms for who asks to be forgotten.",
    subcommands = {BackfillCommand.class, ExportCommand.class, RedactCommand.class})
final class FeedbackCommand {}
