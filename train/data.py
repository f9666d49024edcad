"""Starts the command `osnet_tf.commands.data`: see there, or --help."""

from osnet_tf.commands import command_line, data

if __name__ == "__main__":
    command_line.run(data)
