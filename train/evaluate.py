"""Starts the command `osnet_tf.commands.evaluate`: see there, or --help."""

from osnet_tf.commands import command_line, evaluate

if __name__ == "__main__":
    command_line.run(evaluate)
