"""Starts the command `osnet_tf.commands.sweep`: see there, or --help."""

from osnet_tf.commands import command_line, sweep

if __name__ == "__main__":
    command_line.run(sweep)
