"""Types that several signatures share."""

import os
from collections.abc import Callable
from typing import Any

#: A tensor of whichever backend Keras runs on, or what it makes one of.
Tensor = Any
#: Where a file or folder lies.
PathLike = str | os.PathLike[str]
#: Told how many pieces of work more are done.
Progress = Callable[[int], Any]
