/*
 * A differencing disk of two blocks of one chunk, as src/portable/vhdx writes it: block_writer.ts,
 * block_table_writer.ts, sector_bitmaps.ts and block_scan.ts.
 *
 * A block has two halves, of which each is this file's or the parent's: so says the sector bitmap of the chunk, which
 * lies in a place of its own. Three pages change through the log: what the table says of the two blocks, what it says of
 * the bitmap, and the bits. Halves and whole blocks are written, blocks are trimmed, the disk is flushed and closed.
 *
 * The errors that are to be found are planted by macros that begin with PLANT_: planted_errors.ts says what each is.
 */

#ifndef RING
#define RING 9 /* Sectors of the log: two of the longest entries, and a spare one. */
#endif
#ifndef START
#define START 7 /* Where a log begins: so that entries go around soon. */
#endif
#ifndef STEPS
#define STEPS 4 /* Things that are done to the disk. */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef ENTRIES
#define ENTRIES 8 /* Of which sectors are in the log at the same time. */
#endif
#ifndef PLACES
#define PLACES 4
#endif

#define BLOCKS 2
#define TABLE 0        /* The page that says where blocks lie, */
#define BITMAP_ENTRY 1 /* and the one that says where the bitmap does. */
#define FIXED 2
#define PARTS 2 /* Halves. The bits are in the first one of their place. */
#define PIECES (FIXED + PARTS * PLACES)
#define MOST 3
#define lengthOf(page) 1
#define contentOf(page, value, sector) (value)

/* What a half holds: what the n-th write puts there, the parent's contents, or zeros, which are 0. */
#define STAMP(n) ((n) % 13 + 1)
#define PARENT 14
#define PAGES_FROM 1024

/* States of a block. */
#define ABSENT 0  /* The parent's. */
#define GONE 1    /* Zeros. */
#define WHOLE 2   /* All of it is in its place. */
#define PARTIAL 3 /* The halves are there whose bits are set. */
/* A page of the table: 5 bits for each block. */
#define entryOf(page, b) (((page) >> (5 * (b))) & 31)
#define stateIn(page, b) (entryOf(page, b) & 3)
#define placeIn(page, b) (entryOf(page, b) >> 2)
#define withEntry(page, b, state, place) \
  (1024 | ((page) & ~(31 << (5 * (b)))) | (((state) + ((place) << 2)) << (5 * (b))))
/* The page with the entry of the bitmap. */
#define AT(place) (2048 + (place))
#define placeOfBitmap(page) ((page) & 7)
/* A page of bits: one for each half of each block. */
#define BITS(set) (4096 + (set))
#define bitsIn(page) ((page) & 15)
#define halves(first, count) ((2 * (count) - 1) << (first))
#define bitsOf(b, set) ((set) << (2 * (b)))

#include "log.pml"

/* What was promised to the user of the disk, half by half. */
byte writes;
#define half(b, h) (2 * (b) + (h))
short holds[4]; /* The newest contents. */
int allowed[4]; /* What a crash may leave, as a set. */

inline makeFile() {
  for (i : 0 .. 3) { allowed[i] = bit(PARENT) }
#ifdef STALE
  /* Another writer may leave bits behind, which mean nothing while no block is in part there. */
  now.piece[BITMAP_ENTRY] = AT(1);
  now.piece[pieceAt(1)] = BITS(15);
  now.size = 1
#endif
}

/* What is known of the part of the block that is to be written. */
byte place;

/* Takes the lowest free place, lengthening the file where there is none; says in `isZero` whether it holds zeros. */
inline takePlace() {
  d_step {
    place = lowestFree;
    used = used | bit(place);
    isZero = place > now.size
  }
  if
  :: now.size < place -> putSize(place)
  :: else
  fi
}
bool isZero;

/* Writes halves of a place, or zeros over them. */
inline putHalves(first, count, stamp) {
  atomic {
    putPiece(pieceAt(place) + first, stamp);
    if
    :: count == 2 -> putPiece(pieceAt(place) + 1, stamp)
    :: else
    fi;
    say3("@data %d %d %d\n", pieceAt(place) + first, count, stamp)
  }
  mayCrash
}

inline clearHalf(h) {
  if
  :: now.piece[pieceAt(place) + h] != 0 -> putHalves(h, 1, 0)
  :: else
  fi
}

/* The rest of the block becomes zeros. */
inline writeNewWhole(b, first, count) {
  takePlace();
#ifndef PLANT_REST_KEPT
  if
  :: !isZero && count == 1 -> clearHalf(1 - first)
  :: else
  fi;
#endif
  putHalves(first, count, STAMP(writes));
  d_step { changePage(TABLE, withEntry(read(TABLE), b, WHOLE, place)) }
}

/* Zeros in a place that nothing names yet. */
inline newBitmap(b) {
  takePlace();
  if
  :: !isZero && (now.piece[pieceAt(place)] != 0 || now.piece[pieceAt(place) + 1] != 0) -> putHalves(0, 2, 0)
  :: else
  fi;
#ifdef PLANT_BITMAP_NAMED_LATER
  bitmapToName = place
#else
  d_step { changePage(BITMAP_ENTRY, AT(place)) }
#endif
}
#ifdef PLANT_BITMAP_NAMED_LATER
byte bitmapToName;
#endif

/* The rest of the block stays the parent's: its bits are clear, whatever the file holds there. */
byte placeOfNew;
inline writeNewPartial(b, first) {
  takePlace();
  putHalves(first, 1, STAMP(writes));
  placeOfNew = place;
  if
  :: placeOfBitmap(read(BITMAP_ENTRY)) == NONE -> newBitmap(b)
  :: else
  fi;
  d_step {
    place = placeOfBitmap(read(BITMAP_ENTRY));
#ifdef PLANT_BITMAP_NAMED_LATER
    place = (bitmapToName != NONE -> bitmapToName : place);
#endif
    value = bitsIn(read(pieceAt(place)));
#ifndef PLANT_BITS_KEPT
    value = value & ~bitsOf(b, 3);
#endif
    value = BITS(value | bitsOf(b, halves(first, 1)));
    changePage(pieceAt(place), value);
    value = 0;
#ifdef PLANT_WHOLE_EARLY
    changePage(TABLE, withEntry(read(TABLE), b, WHOLE, placeOfNew));
#else
    changePage(TABLE, withEntry(read(TABLE), b, PARTIAL, placeOfNew));
#endif
    placeOfNew = 0
  }
#ifdef PLANT_BITMAP_NAMED_LATER
  if
  :: bitmapToName != NONE -> publish(); changePage(BITMAP_ENTRY, AT(bitmapToName)); bitmapToName = NONE
  :: else
  fi
#endif
}

/* Nobody sees what is written to halves whose bits are clear before these are set. */
inline writeIntoPartial(b, first, count) {
  d_step {
    place = placeIn(read(TABLE), b);
    value = (bitsIn(read(pieceAt(placeOfBitmap(read(BITMAP_ENTRY))))) >> (2 * b)) & 3
  }
#ifndef PLANT_DATA_AFTER_BITS
  /* Halves of which one is there and one is not are written one by one. */
  if
  :: count == 2 && value != 3 -> putHalves(0, 1, STAMP(writes)); putHalves(1, 1, STAMP(writes))
  :: else -> putHalves(first, count, STAMP(writes))
  fi;
#endif
  if
  :: (value & halves(first, count)) != halves(first, count) ->
    d_step {
      value = value | halves(first, count);
      place = placeOfBitmap(read(BITMAP_ENTRY))
    }
    if
    :: count == 1 ->
      d_step {
        value = BITS(bitsIn(read(pieceAt(place))) | bitsOf(b, value));
#ifndef PLANT_BITS_PAST_LOG
        changePage(pieceAt(place), value)
#endif
      }
#ifdef PLANT_BITS_PAST_LOG
      putPage(pieceAt(place), value);
#endif
      value = (value >> (2 * b)) & 3
    :: else
    fi;
    if
    :: value == 3 ->
      d_step { changePage(TABLE, withEntry(read(TABLE), b, WHOLE, placeIn(read(TABLE), b))) }
    :: else
    fi
  :: else
  fi;
#ifdef PLANT_DATA_AFTER_BITS
  if :: waits > 0 -> publish() :: else fi;
  place = placeIn(read(TABLE), b);
  putHalves(first, count, STAMP(writes));
#endif
  value = 0
}

inline writeBlock(b, first, count) {
  say4("@do write %d %d %d %d\n", b, first, count, STAMP(writes + 1));
  beforeChange();
  d_step {
    writes++;
    for (i : first .. first + count - 1) {
      holds[half(b, i)] = STAMP(writes);
      allowed[half(b, i)] = allowed[half(b, i)] | bit(STAMP(writes))
    }
    i = 0
  }
  if
  :: stateIn(read(TABLE), b) == WHOLE -> place = placeIn(read(TABLE), b); putHalves(first, count, STAMP(writes))
  :: stateIn(read(TABLE), b) == PARTIAL -> writeIntoPartial(b, first, count)
#ifdef PLANT_GONE_TO_PARTIAL
  :: stateIn(read(TABLE), b) <= GONE && count == 1 -> writeNewPartial(b, first)
  :: stateIn(read(TABLE), b) <= GONE && count == 2 -> writeNewWhole(b, first, count)
#else
  :: stateIn(read(TABLE), b) == ABSENT && count == 1 -> writeNewPartial(b, first)
  :: stateIn(read(TABLE), b) == GONE || (stateIn(read(TABLE), b) == ABSENT && count == 2) -> writeNewWhole(b, first, count)
#endif
  fi;
  place = 0;
  isZero = false
}

inline trimBlock(b) {
  say1("@do trim %d\n", b);
  beforeChange();
  d_step {
    place = placeIn(read(TABLE), b);
    if :: place != NONE -> leaving = leaving | bit(place) :: else fi;
    place = 0;
#ifdef PLANT_TRIMMED_TO_PARENT
    changePage(TABLE, withEntry(read(TABLE), b, ABSENT, NONE));
#else
    changePage(TABLE, withEntry(read(TABLE), b, GONE, NONE));
#endif
    for (i : half(b, 0) .. half(b, 1)) {
      holds[i] = 0;
      allowed[i] = allowed[i] | bit(0)
    }
    i = 0
  }
}

/* What the user has written is there from now on. */
inline closed() {
  d_step {
    for (i : 0 .. 3) { allowed[i] = bit(holds[i]) }
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
  assert(shown[TABLE] != TORN && shown[BITMAP_ENTRY] != TORN);
  /* Where the bitmap lies, and its bits. */
  a = placeOfBitmap(shown[BITMAP_ENTRY]);
  assert(a <= now.size);
  b = 0;
  if
  :: a != NONE ->
    assert(a != placeIn(shown[TABLE], 0) && a != placeIn(shown[TABLE], 1));
    assert(shown[pieceAt(a)] == 0 || shown[pieceAt(a)] >= BITS(0));
    b = bitsIn(shown[pieceAt(a)])
  :: else
  fi;
  assert(placeIn(shown[TABLE], 0) == NONE || placeIn(shown[TABLE], 0) != placeIn(shown[TABLE], 1));
  for (i : 0 .. 3) {
    j = placeIn(shown[TABLE], i / 2);
    assert(j <= now.size);
    if
    :: stateIn(shown[TABLE], i / 2) == ABSENT -> k = PARENT
    :: stateIn(shown[TABLE], i / 2) == GONE -> k = 0
    :: stateIn(shown[TABLE], i / 2) == WHOLE -> assert(j != NONE); k = shown[pieceAt(j) + i % 2]
    :: stateIn(shown[TABLE], i / 2) == PARTIAL ->
      /* A block that is there in part has a bitmap. */
      assert(j != NONE && a != NONE);
      k = (b & bit(i) -> shown[pieceAt(j) + i % 2] : PARENT)
    fi;
    /* What was flushed is there, not what the parent had before; and nothing that was never written. */
    assert(k >= 0 && k <= PARENT);
    assert(allowed[i] & bit(k));
    say2("@sees %d %d\n", i, k);
    holds[i] = k;
    allowed[i] = bit(k)
  }
  a = 0;
  b = 0;
  j = 0;
  k = 0;
  i = 0
}

inline survey() {
  for (i : 0 .. BLOCKS - 1) {
    if :: placeIn(now.piece[TABLE], i) != NONE -> used = used | bit(placeIn(now.piece[TABLE], i)) :: else fi
  }
#ifndef PLANT_BITMAP_FORGOTTEN
  if
  :: placeOfBitmap(now.piece[BITMAP_ENTRY]) != NONE -> used = used | bit(placeOfBitmap(now.piece[BITMAP_ENTRY]))
  :: else
  fi;
#endif
  place = 0;
  isZero = false;
  placeOfNew = 0;
  i = 0
}

/* Places for a block and a bitmap are asked for, whatever the write needs. */
#define hasRoomFor(b) (placeIn(read(TABLE), b) != NONE || \
  (hasRoom && (placeOfBitmap(read(BITMAP_ENTRY)) != NONE || ((used | bit(lowestFree) | 1) + 1 < bit(PLACES + 1)))))
#define isTrimmed(b) (stateIn(read(TABLE), b) == GONE)

inline doSomething() {
  if
  :: hasRoomFor(0) -> writeBlock(0, 0, 1)
  :: hasRoomFor(0) -> writeBlock(0, 1, 1)
  :: hasRoomFor(0) -> writeBlock(0, 0, 2)
  :: hasRoomFor(1) -> writeBlock(1, 1, 1)
#ifdef SIMULATE
  :: hasRoomFor(1) -> writeBlock(1, 0, 1)
#endif
  :: hasRoomFor(1) -> writeBlock(1, 0, 2)
  :: !isTrimmed(0) -> trimBlock(0)
  :: !isTrimmed(1) -> trimBlock(1)
  :: flushDisk()
  :: closeDisk()
  fi
}

#include "machine.pml"
