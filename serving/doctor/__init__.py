"""`duograph doctor`: whether everything is there that an answer needs, and what to do where it is not."""
