"""The field's methods on one bench: the same splits for all, skill with intervals, speed and size, one table.

Read ``command.py`` for what is run, ``methods.py`` for the list of methods, ``bench.py`` for how each is judged.
"""
