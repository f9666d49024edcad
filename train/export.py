"""Starts the command `osnet_tf.commands.export`: see there, or --help."""

from osnet_tf.commands import command_line, export

if __name__ == "__main__":
    command_line.run(export)
