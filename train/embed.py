"""Starts the command `osnet_tf.commands.embed`: see there, or --help."""

from osnet_tf.commands import command_line, embed

if __name__ == "__main__":
    command_line.run(embed)
