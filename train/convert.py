"""Starts the command `osnet_tf.commands.convert`: see there, or --help."""

from osnet_tf.commands import command_line, convert

if __name__ == "__main__":
    command_line.run(convert)
