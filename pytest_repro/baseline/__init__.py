"""What a test gave, kept as text in the repository, and compared with what it gives today.

``names`` says where a test's baseline lies, ``digests`` stand for values that are too big to be kept
as text, ``entries`` is the text form of recorded values, ``document`` the whole file with its
environments, ``objects`` the store for elements, ``checking`` compares a run with a baseline,
``updating`` writes and removes files, ``recordings`` are the files of ``--repro-record``.

Stored data is never trusted: nothing is executed or unpickled, and no name in a file is used as a path.
"""
