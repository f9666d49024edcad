"""Starts the command `osnet_tf.commands.search`: see there, or --help."""

from osnet_tf.commands import command_line, search

if __name__ == "__main__":
    command_line.run(search)
