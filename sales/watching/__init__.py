"""What was served: rows that were answered, what came true of them, and how both are read again.

Imports serving and the rooms below it, as registry does; neither knows the other.
"""
