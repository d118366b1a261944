"""Scripts of the guard and of the far side of the wall: standard library only, run with `-I -S -B`."""
