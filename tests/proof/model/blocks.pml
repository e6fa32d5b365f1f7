/*
 * A disk of two blocks, as src/portable/vhdx writes it: block_writer.ts, space.ts, and LoggedPages of log_writer.ts.
 *
 * What says where a block lies, or that it lies nowhere, is a page of its own of the table; pages change through the log
 * alone, data in place. Blocks are written and trimmed, the disk is flushed and closed, and the file grows.
 *
 * The errors that are to be found are planted by macros that begin with PLANT_: planted_errors.ts says what each is.
 */

#ifndef RING
#define RING 7 /* Sectors of the log: two of the longest entries, and a spare one. */
#endif
#ifndef START
#define START 5 /* Where a log begins: so that entries go around soon. */
#endif
#ifndef STEPS
#define STEPS 5 /* Things that are done to the disk. */
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef ENTRIES
#define ENTRIES 8 /* Of which sectors are in the log at the same time. */
#endif
#ifndef PLACES
#define PLACES 3
#endif

#define BLOCKS 2
#define FIXED BLOCKS /* The pages of the table. */
#define PARTS 1
#define PIECES (FIXED + PLACES)
#define MOST BLOCKS
#define lengthOf(page) 1
#define contentOf(page, value, sector) (value)

/* A page is zeros, or says where its block lies; a block that was trimmed is told from one that was never there. */
#define PAGES_FROM 16
#define PAGE(place) (16 + (place) + 8 * ((place) == NONE))
#define placeIn(page) ((page) & 7)
/* What the n-th write puts into a block; zeros are 0. */
#define STAMP(n) ((n) % 14 + 1)

#include "log.pml"

/* What was promised to the user of the disk. */
byte writes;
short holds[BLOCKS];   /* The newest contents. */
short allowed[BLOCKS]; /* What a crash may leave, as a set. */
short was[BLOCKS];     /* When the disk was opened, */
byte known;            /* by this identity. */

inline makeFile() {
  allowed[0] = bit(0);
  allowed[1] = bit(0)
}

#define placeOfBlock(b) placeIn(read(b))

inline writeBlock(b) {
  say2("@do write %d %d\n", b, STAMP(writes + 1));
  beforeChange();
  if
  :: placeOfBlock(b) == NONE ->
    d_step {
      value = lowestFree;
      used = used | bit(value);
      changePage(b, PAGE(value))
    }
    if
    :: now.size < value -> putSize(value)
    :: else
    fi;
    value = 0
  :: else
  fi;
  d_step {
    writes++;
    holds[b] = STAMP(writes);
    allowed[b] = allowed[b] | bit(holds[b])
  }
  atomic {
    putPiece(pieceAt(placeOfBlock(b)), holds[b]);
    say2("@data %d 1 %d\n", pieceAt(placeOfBlock(b)), holds[b])
  }
  mayCrash
}

inline trimBlock(b) {
  say1("@do trim %d\n", b);
  beforeChange();
  d_step {
#ifdef PLANT_REUSED_EARLY
    used = used & ~bit(placeOfBlock(b));
#else
    leaving = leaving | bit(placeOfBlock(b));
#endif
    changePage(b, PAGE(NONE));
    holds[b] = 0;
    allowed[b] = allowed[b] | bit(0)
  }
}

/* What the user has written is there from now on. */
inline closed() {
  d_step {
    for (i : 0 .. BLOCKS - 1) { allowed[i] = bit(holds[i]) }
    i = 0
  }
}

inline flushDisk() {
  say("@do flush\n");
  if
  :: waits > 0 -> publish()
  :: else -> flush()
  fi;
  closed()
}

inline closeDisk() {
  say("@do close\n");
  closeFile();
  goto opened
}

/* Whatever happened, this holds. */
inline check() {
  for (i : 0 .. BLOCKS - 1) {
    assert(shown[i] != TORN);
    k = placeIn(shown[i]);
    assert(k <= now.size);
    k = (k == NONE -> 0 : shown[pieceAt(k)]);
    /* What was flushed is there, and nothing that was never written. */
    assert(allowed[i] & bit(k));
    /* A disk that children know holds what they know. */
    assert(identity != known || k == was[i]);
    say2("@sees %d %d\n", i, k);
    holds[i] = k;
    was[i] = k;
    allowed[i] = bit(k)
  }
  known = identity;
  assert(placeIn(shown[0]) == NONE || placeIn(shown[0]) != placeIn(shown[1]));
  k = 0;
  i = 0
}

inline survey() {
  for (i : 0 .. BLOCKS - 1) {
    if :: placeIn(now.piece[i]) != NONE -> used = used | bit(placeIn(now.piece[i])) :: else fi
  }
  i = 0
}

inline doSomething() {
  if
  :: placeOfBlock(0) != NONE || hasRoom -> writeBlock(0)
  :: placeOfBlock(1) != NONE || hasRoom -> writeBlock(1)
  :: placeOfBlock(0) != NONE -> trimBlock(0)
  :: placeOfBlock(1) != NONE -> trimBlock(1)
#ifndef ENDLESS
  :: flushDisk()
  :: closeDisk()
#endif
  fi;
#ifdef ENDLESS
  flushDisk()
#endif
}

#include "machine.pml"
