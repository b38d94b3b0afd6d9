"""What was served in windows of time, held against the reference of the model that answered."""
