/*
 * A disk that grows and shrinks, as src/portable/vhdx does it: resize.ts, and moveRegion() and cutOff() of vhdx_file.ts.
 *
 * The smaller disk is the first half of block A, the larger one all of it, and the first half of block B, for which the
 * table is too short: it gets another place, with room for two pages, which the two region tables name then, and last
 * of all the page with the size says that the disk is larger. The disk is written, trimmed, flushed and closed, too.
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
#define CRASHES 1
#endif
#ifndef ENTRIES
#define ENTRIES 8 /* Of which sectors are in the log at the same time. */
#endif
#ifndef PLACES
#define PLACES 5
#endif
#ifndef TABLE_SECTORS
#define TABLE_SECTORS 1 /* Of the log, for a region table. All but the first one hold zeros. */
#endif

/* The two region tables come first, then the page with the size. */
#define SIZE 2
#define FIXED 3
#define PARTS 2 /* Halves. A page of the table is in the first one of its place. */
#define PIECES (FIXED + PARTS * PLACES)
#define MOST 2
#define lengthOf(page) (1 + ((page) < SIZE) * (TABLE_SECTORS - 1))
#define contentOf(page, value, sector) ((value) * ((sector) == 0))

/* What a half holds: what the n-th write puts there, or zeros, which are 0. */
#define STAMP(n) ((n) % 14 + 1)
/* A page of the table is zeros, or says where its block lies; one that was trimmed is told from one never there. */
#define PAGES_FROM 64
#define PAGE(place) (64 + (place) + 8 * ((place) == NONE))
#define placeIn(page) ((page) & 7)
/* A region table: where the table begins, and whether it has room for two pages. */
#define TABLE_AT(place, isLong) (128 + (place) + 8 * (isLong))
#define tableIn(page) ((page) & 7)
#define isLongIn(page) (((page) >> 3) & 1)
#define SMALL 256
#define LARGE 257

#include "log.pml"

byte tableAt;  /* Where the table is now. */
#define entryPage(b) pieceAt(tableAt + (b))
#define placeOfBlock(b) placeIn(read(entryPage(b)))
#define isLarge (now.piece[SIZE] == LARGE)

/* What was promised to the user of the disk: of the halves of A, and the first one of B. */
byte writes;
short holds[3];   /* The newest contents. */
short allowed[3]; /* What a crash may leave, as a set. */
byte sizes;       /* Which sizes it may leave, as a set. */
#define half(b, h) (2 * (b) + (h))

inline makeFile() {
  for (i : 0 .. 2) { allowed[i] = bit(0) }
  now.piece[0] = TABLE_AT(1, 0);
  now.piece[1] = TABLE_AT(1, 0);
  now.piece[SIZE] = SMALL;
  sizes = bit(0);
  now.size = 1;
#ifdef STALE
  /* A crash may leave places that nothing names, with whatever was written there. */
  now.size = 3;
  now.piece[pieceAt(2)] = 13;
  now.piece[pieceAt(2) + 1] = 13;
  now.piece[pieceAt(3)] = 14;
  now.piece[pieceAt(3) + 1] = 14;
#endif
  tableAt = 1
}

/* Writes halves of a place, or zeros over them. */
inline putHalves(place, first, count, stamp) {
  atomic {
    putPiece(pieceAt(place) + first, stamp);
    if
    :: count == 2 -> putPiece(pieceAt(place) + 1, 0)
    :: else
    fi;
    say3("@data %d %d %d\n", pieceAt(place) + first, count, stamp)
  }
  mayCrash
}

byte at; /* A place that is being looked at. */

inline writeBlock(b, h) {
  say3("@do write %d %d %d\n", b, h, STAMP(writes + 1));
  beforeChange();
  d_step {
    writes++;
    holds[half(b, h)] = STAMP(writes);
    allowed[half(b, h)] = allowed[half(b, h)] | bit(STAMP(writes));
    at = placeOfBlock(b)
  }
  if
  :: at == NONE ->
    d_step {
      at = lowestFree;
      used = used | bit(at);
      changePage(entryPage(b), PAGE(at))
    }
    if
    :: now.size < at -> putSize(at)
    :: now.size >= at && now.piece[pieceAt(at) + 1 - h] != 0 -> putHalves(at, 1 - h, 1, 0)
    :: else
    fi
  :: else
  fi;
  putHalves(at, h, 1, STAMP(writes));
  at = 0
}

inline trimBlock(b) {
  say1("@do trim %d\n", b);
  beforeChange();
  d_step {
    leaving = leaving | bit(placeOfBlock(b));
    changePage(entryPage(b), PAGE(NONE));
    for (i : half(b, 0) .. (b == 0 -> 1 : 2)) {
      holds[i] = 0;
      allowed[i] = allowed[i] | bit(0)
    }
    i = 0
  }
}

/* Gives the table another place. The old one is not used again in this session. */
#define pairIsFree(place) (!(used & (3 << (place))))
#define lowestPair (pairIsFree(1) -> 1 : (pairIsFree(2) -> 2 : (pairIsFree(3) -> 3 : (pairIsFree(4) -> 4 : (pairIsFree(5) -> 5 : (pairIsFree(6) -> 6 : 7))))))

inline clearPlace(place) {
  if
  :: now.piece[pieceAt(place)] != 0 || now.piece[pieceAt(place) + 1] != 0 -> putHalves(place, 0, 2, 0)
  :: else
  fi
}

inline moveTable() {
  d_step {
    at = lowestPair;
    used = used | (3 << at);
    value = at + 1
  }
  if
  :: now.size < at -> putSize(value) /* What the file is lengthened by is zeros. */
  :: now.size >= at ->
    if
    :: now.size < value -> putSize(value)
    :: else
    fi;
#ifndef PLANT_PLACE_NOT_CLEARED
    clearPlace(at);
    clearPlace(value)
#endif
  fi;
  value = now.piece[entryPage(0)];
#ifndef PLANT_NOT_COPIED
  if
  :: value != 0 -> putHalves(at, 0, 2, value)
  :: else
  fi;
#endif
  d_step {
    tableAt = at;
    at = 0;
    value = TABLE_AT(tableAt, 1);
    changePage(0, value);
#ifndef PLANT_ONE_REGION_TABLE
    changePage(1, value);
#endif
    value = 0
  }
  publish()
}

/* Clears the entry of B, whatever it is: nobody looks at it while the disk has the smaller size. */
inline clearEntryBehind() {
  if
  :: isLongIn(now.piece[0]) && read(entryPage(1)) != 0 -> d_step { changePage(entryPage(1), 0) }
  :: else
  fi
}

inline setSize(howLarge) {
#ifdef PLANT_SIZE_PAST_LOG
  flush();
  putPage(SIZE, howLarge);
  flush();
#else
  d_step { changePage(SIZE, howLarge) }
  publish();
#endif
  d_step {
    sizes = bit(howLarge - SMALL);
    if
    :: howLarge == SMALL ->
      for (i : 1 .. 2) {
        holds[i] = 0;
        allowed[i] = bit(0)
      }
      i = 0
    :: else
    fi
  }
}

inline reopen() {
  d_step {
    startSession();
    writeAnnounced = false;
    survey()
  }
}

inline growDisk() {
  say("@do grow\n");
  closeFile();
  reopen();
  beforeChange();
  sizes = 3;
#ifdef PLANT_SIZE_FIRST
  setSize(LARGE);
#endif
  if
  :: !isLongIn(now.piece[0]) -> moveTable()
  :: else
  fi;
#ifndef PLANT_ENTRIES_KEPT
  clearEntryBehind();
#endif
#ifndef PLANT_TAIL_KEPT
  /* What A holds behind the end of the disk is whatever was there before. */
  at = placeOfBlock(0);
  if
  :: at != NONE && now.piece[pieceAt(at) + 1] != 0 -> putHalves(at, 1, 1, 0)
  :: else
  fi;
  at = 0;
#endif
  if :: waits > 0 -> publish() :: else fi;
#ifndef PLANT_SIZE_FIRST
  setSize(LARGE);
#endif
  closeFile();
  goto opened
}

/* Takes away what lies behind everything in use. */
inline cutOff() {
  d_step {
    at = PLACES;
    do
    :: !(used & bit(at)) -> at--
    :: else -> break
    od
  }
  if
  :: at < now.size ->
    beforeWrite();
    atomic {
      fate(IS_SIZE, 0, size, false);
      now.size = at;
      for (n : 0 .. PIECES - 1) { if :: isBehind(n, at) -> now.piece[n] = 0 :: else fi }
      n = 0;
      say1("@size %d\n", at)
    }
    mayCrash;
    flush()
  :: else
  fi;
  at = 0
}

inline shrinkDisk() {
  say("@do shrink\n");
  closeFile();
  reopen();
  beforeChange();
  sizes = 3;
#ifdef PLANT_CLEARED_BEFORE_SIZE
  clearEntryBehind();
  if :: waits > 0 -> publish() :: else fi;
#endif
  setSize(SMALL);
  clearEntryBehind();
#ifdef PLANT_CUT_EARLY
  d_step { used = 0; survey() }
  cutOff();
#endif
  closeFile();
  reopen();
  cutOff();
  goto opened
}

/* What the user has written is there from now on. */
inline closed() {
  d_step {
    for (i : 0 .. 2) { allowed[i] = bit(holds[i]) }
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
  for (i : 0 .. SIZE) { assert(shown[i] != TORN) }
  /* The two region tables agree. */
  assert(shown[0] == shown[1]);
  tableAt = tableIn(shown[0]);
  assert(tableAt + isLongIn(shown[0]) <= now.size);
  /* The disk has the old size or the new one; the table has an entry for each of its blocks. */
  a = shown[SIZE] - SMALL;
  assert(sizes & bit(a));
  assert(isLongIn(shown[0]) >= a);
  sizes = bit(a);
  say1("@sees size %d\n", a);
  for (i : 0 .. 2) {
    if
    :: i == 0 || a == 1 ->
      b = shown[entryPage(i / 2)];
      assert(b == 0 || (b >= PAGES_FROM && b <= PAGE(NONE)));
      b = placeIn(b);
      assert(b <= now.size && (b == NONE || (b != tableAt && b != tableAt + isLongIn(shown[0]))));
      assert(b == NONE || i < 2 || b != placeIn(shown[entryPage(0)]));
      k = (b == NONE -> 0 : shown[pieceAt(b) + i % 2]);
      /* What was flushed is there, and nothing that was never written; zeros are what the disk grew by. */
      assert(k >= 0 && k < 16);
      assert(allowed[i] & bit(k));
      say2("@sees %d %d\n", i, k)
    :: else -> k = 0
    fi;
    holds[i] = k;
    allowed[i] = bit(k)
  }
  a = 0;
  b = 0;
  k = 0;
  i = 0
}

inline survey() {
  tableAt = tableIn(now.piece[0]);
  used = bit(tableAt) | bit(tableAt + isLongIn(now.piece[0]));
  for (i : 0 .. 1) {
    if
    :: (i == 0 || isLarge) && placeIn(now.piece[entryPage(i)]) != NONE ->
      used = used | bit(placeIn(now.piece[entryPage(i)]))
    :: else
    fi
  }
  at = 0;
  i = 0
}

/* Two places in a row, with all that waits in place. */
#define hasRoomForTable (isLongIn(now.piece[0]) || lowestPair < PLACES)

inline doSomething() {
  if
  :: placeOfBlock(0) != NONE || hasRoom -> writeBlock(0, 0)
  :: isLarge && (placeOfBlock(0) != NONE || hasRoom) -> writeBlock(0, 1)
  :: isLarge && (placeOfBlock(1) != NONE || hasRoom) -> writeBlock(1, 0)
  :: placeOfBlock(0) != NONE -> trimBlock(0)
  :: isLarge && placeOfBlock(1) != NONE -> trimBlock(1)
  :: !isLarge && hasRoomForTable -> growDisk()
  :: isLarge -> shrinkDisk()
  :: flushDisk()
  :: closeDisk()
  fi
}

#include "machine.pml"
