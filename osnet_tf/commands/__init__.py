"""The commands: each parses its flags, calls the library and prints what came back.

A command is a module with `define_flags()` and `main(_)`; the files of the same names in `train/`
start them. Nothing in the library imports them.
"""
