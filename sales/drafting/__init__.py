"""From a file nobody has described to a draft of params.yaml: guesses, each with its reason.

What a table holds is counted over all its rows as they stream by (`profile`), what its columns have
to do with one another is guessed from drawn rows (`relations`, `giveaways`) and held against all of
them again (`confirm`). Nothing that a file says is executed. Imports data and below.
"""
