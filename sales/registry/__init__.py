"""Who is champion, since when and why, and the models themselves. Imports every other room."""
