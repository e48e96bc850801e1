"""``python -m daemon.cli``: the command without its installed name."""

from daemon.cli import main

main(prog_name="aurorad")
