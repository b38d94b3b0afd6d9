"""A challenger on trial against the champion, by truths as they come in: what they tell so far."""
