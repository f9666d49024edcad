"""Files: there as a whole or not at all, read with care, and used by one process at a time."""

from osnet_tf.files.jsons import read_json, write_json
from osnet_tf.files.kinds import as_file_name, check_regular_file, printable
from osnet_tf.files.locks import locked
from osnet_tf.files.tables import check_texts, read_arrays, table_writer
from osnet_tf.files.whole import own_folder, whole_file, whole_folder

__all__ = [
    "as_file_name",
    "check_regular_file",
    "check_texts",
    "locked",
    "own_folder",
    "printable",
    "read_arrays",
    "read_json",
    "table_writer",
    "whole_file",
    "whole_folder",
    "write_json",
]
