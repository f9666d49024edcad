"""Starts the command `osnet_tf.commands.web_demo`: see there, or --help."""

from osnet_tf.commands import command_line, web_demo

if __name__ == "__main__":
    command_line.run(web_demo)
