"""The options of each command: frozen dataclasses, so that every default stands once.

The command line shows these defaults and checkpoints store the values used.
"""

from dataclasses import dataclass
