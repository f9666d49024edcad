"""Starts the command `osnet_tf.commands.visualize`: see there, or --help."""

from osnet_tf.commands import command_line, visualize

if __name__ == "__main__":
    command_line.run(visualize)
