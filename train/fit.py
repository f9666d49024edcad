"""Starts the command `osnet_tf.commands.fit`: see there, or --help."""

from osnet_tf.commands import command_line, fit

if __name__ == "__main__":
    command_line.run(fit)
