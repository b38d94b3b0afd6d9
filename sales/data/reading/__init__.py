"""What reads each kind of file: CSV however it is written, workbooks, JSON lines, Feather."""
