/*
 * The life of a file: it is opened, something is done to it, and the power fails, at any time while CRASHES allows it.
 *
 * A model says before, as inlines: makeFile(), what a new file holds; check(), what must hold of what anybody sees who
 * opens it; survey(), what the writer knows of it then; and doSomething().
 */

active proctype machine() {
  d_step {
    now.header[0] = HEADER(1, 0, NONE);
    now.header[1] = HEADER(2, 0, NONE);
    makeFile();
    kept.header[0] = now.header[0];
    kept.header[1] = now.header[1];
    for (i : 0 .. PIECES - 1) { kept.piece[i] = now.piece[i] }
    kept.size = now.size;
    i = 0
  }
opened:
  say("@open\n");
  d_step { look(); check() }
  if :: logGuid != NONE -> replay() :: else -> isReplaying = false fi;
  d_step { startSession(); survey() }
  do
  :: steps == STEPS -> break
  :: steps < STEPS ->
    steps++;
#ifdef SIMULATE
    if
    :: crashes == CRASHES
    :: crashes < CRASHES ->
      /* One step in three has the power fail, soon or later. */
      if
      :: true -> fuse = 1 :: true -> fuse = 2 :: true -> fuse = 3 :: true -> fuse = 4
      :: true -> fuse = 5 :: true -> fuse = 6 :: true -> fuse = 7 :: true -> fuse = 9
      :: true -> fuse = 11 :: true -> fuse = 13
      :: true :: true :: true :: true :: true :: true :: true :: true :: true :: true
      :: true :: true :: true :: true :: true :: true :: true :: true :: true :: true
      fi
    fi;
#endif
    doSomething()
  od;
  say("@end\n");
#ifdef SIMULATE
  /* Of all paths, this one is asked for. */
  assert(false);
#endif
  goto done;
crashed:
  loseUnflushed();
#ifdef SIMULATE
  fuse = 0;
  if
  :: crashes == CRASHES
  :: crashes < CRASHES ->
    /* It fails again soon, or not. */
    if :: true -> fuse = 1 :: true -> fuse = 2 :: true -> fuse = 4 :: true -> fuse = 0 :: true -> fuse = 0 :: true -> fuse = 0 fi
  fi;
#endif
  d_step {
    m = 0;
    length = 0;
    value = 0
  }
  goto opened;
done:
  skip
}
