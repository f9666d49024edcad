"""Starts the command `osnet_tf.commands.identities`: see there, or --help."""

from osnet_tf.commands import command_line, identities

if __name__ == "__main__":
    command_line.run(identities)
