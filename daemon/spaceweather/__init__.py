"""Space weather beside the sky: what others measure or forecast, fetched, aged and never taken for something seen.

    feeds (who, where, how often, whose licence) → parse (bytes → readings) → visits (ask politely) → the record

Nothing here decides whether to look, and no look waits for it. ``outlook`` puts the newest readings into words,
``coupling`` computes what drives the aurora, ``omni`` reads NASA's archive files.
"""
