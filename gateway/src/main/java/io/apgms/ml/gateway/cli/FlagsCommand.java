package io.apgms.ml.gateway.cli;

import picocli.CommandLine.Command;

/** The flag service. */
@Command(
    name = "flags",
    description = "The flag service that says whether decisions are acted upon.",
    subcommands = {FlagsSetupCommand.class})
final class FlagsCommand {}
