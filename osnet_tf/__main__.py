"""`python -m osnet_tf COMMAND` is `osnet-tf COMMAND`."""

from osnet_tf.commands.console import main

if __name__ == "__main__":
    main()
