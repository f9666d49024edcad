"""Starts the command `osnet_tf.commands.benchmark`: see there, or --help."""

from osnet_tf.commands import benchmark, command_line

if __name__ == "__main__":
    command_line.run(benchmark)
