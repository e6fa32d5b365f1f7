/*
 * The log of a VHDX file ([MS-VHDX] 2.2 and 2.3) as src/portable/vhdx writes and replays it: log_writer.ts,
 * header.ts, space.ts, block_writer.ts, and replayToFile() of vhdx_file.ts.
 *
 * A disk of two blocks. What says where a block lies, or that it lies nowhere, is a page of its own of the table;
 * pages change through the log alone, data in place. Blocks are written and trimmed, the disk is flushed and closed,
 * the file grows, and the power fails at any moment, during the replay too. The medium keeps of what was not flushed
 * each piece as it was, as it was to be, or (of headers, pages and sectors of the log) as neither.
 *
 * What must hold, whatever happens, is in the assertions of recover(). What is done to the file, and what the medium
 * makes of it, is printed in lines that begin with "@": by them the real writer is held to this one.
 *
 * The errors that are to be found are planted by macros that begin with PLANT_: errors.ts says what each is.
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
#define ENTRIES STEPS /* Of all logs together: each takes a change and a flush, and one may open the log before. */
#endif
#ifndef PLACES
#define PLACES 3 /* For blocks, numbered from 1. */
#endif
#define BLOCKS 2 /* And as many pages. */

#define NONE 0
#define TORN -1 /* Neither what was there nor what was written. */

/* A header: its number, and the log that it names. */
#define HEADER(number, guid) ((number) * 64 + (guid))
#define guidIn(header) ((header) & 63)
#define numberIn(header) ((header) >> 6)
/* A page: which publication it got its contents by, and where its block lies. */
#define PAGE(publication, place) ((publication) * 8 + (place))
#define placeIn(page) ((page) & 7)
/* Whether two pages hold the same bytes: a block that was trimmed is told from one that was never there. */
#define isSame(a, b) ((a) == (b) || ((a) != TORN && (b) != TORN && placeIn(a) == placeIn(b) && ((a) != 0) == ((b) != 0)))
/* What the n-th write puts into a block; zeros are 0. */
#define STAMP(n) ((n) % 14 + 1)
#define bit(n) (1 << (n))

#ifdef SIMULATE
#define say(line) printf(line)
#define say1(line, a) printf(line, a)
#define say2(line, a, b) printf(line, a, b)
#define say3(line, a, b, c) printf(line, a, b, c)
#define say4(line, a, b, c, d) printf(line, a, b, c, d)
#else
#define say(line) skip
#define say1(line, a) skip
#define say2(line, a, b) skip
#define say3(line, a, b, c) skip
#define say4(line, a, b, c, d) skip
#endif

/* ---- The medium ---- */

/* Pieces of the file. Those that differ in the two wait to be flushed. */
typedef File {
  short header[2];
  short log[RING];         /* The entry that a sector belongs to. */
  short page[BLOCKS];
  short place[PLACES + 1]; /* What lies there. */
  short size;              /* In places. */
};
File kept; /* What is durable. */
File now;  /* What reads see. */

/* For messages: kinds of pieces. */
#define IS_HEADER 0
#define IS_LOG 1
#define IS_PAGE 2
#define IS_SIZE 3
#define IS_PLACE 4

byte steps, crashes;
#ifdef SIMULATE
byte fuse; /* In so many changes the power fails; 0 is never. */
#define mayCrash if :: fuse == 1 -> goto crashed :: else -> if :: fuse > 1 -> fuse-- :: else fi fi
#else
#define mayCrash if :: crashes < CRASHES -> goto crashed :: true fi
#endif

short n;
hidden short i; /* For what has no choice in it. */

inline flush() {
  d_step {
    kept.header[0] = now.header[0];
    kept.header[1] = now.header[1];
    for (i : 0 .. RING - 1) { kept.log[i] = now.log[i] }
    for (i : 0 .. BLOCKS - 1) { kept.page[i] = now.page[i] }
    for (i : 1 .. PLACES) { kept.place[i] = now.place[i] }
    kept.size = now.size;
    say("@flush\n")
  }
  mayCrash
}

/* What becomes of a piece that waits. */
#define fate(kind, index, piece, mayTear) \
  if \
  :: kept.piece == now.piece \
  :: kept.piece != now.piece -> \
    if \
    :: true -> say2("@fate %d %d old\n", kind, index) \
    :: true -> kept.piece = now.piece; say2("@fate %d %d new\n", kind, index) \
    :: mayTear -> kept.piece = TORN; say2("@fate %d %d torn\n", kind, index) \
    fi \
  fi

/* Writes a piece. One that waits already may have reached the medium meanwhile. */
#define put(kind, index, piece, mayTear, value) fate(kind, index, piece, mayTear); now.piece = value

inline loseUnflushed() {
  atomic {
    say("@crash\n");
    crashes++;
    fate(IS_SIZE, 0, size, false);
    now.size = kept.size;
    for (n : 0 .. 1) { fate(IS_HEADER, n, header[n], true); now.header[n] = kept.header[n] }
    for (n : 0 .. RING - 1) { fate(IS_LOG, n, log[n], true); now.log[n] = kept.log[n] }
    for (n : 0 .. BLOCKS - 1) { fate(IS_PAGE, n, page[n], true); now.page[n] = kept.page[n] }
    for (n : 1 .. PLACES) {
      if
      :: n > kept.size -> kept.place[n] = 0 /* It ended up behind the end of the file. */
      :: else -> fate(IS_PLACE, n, place[n], false)
      fi;
      now.place[n] = kept.place[n]
    }
    n = 0
  }
}

/* The same bytes again change nothing, however little of them is written. */
#define putPageOf(b, value) \
  put(IS_PAGE, b, page[b], true, value); \
  if :: isSame(kept.page[b], now.page[b]) -> kept.page[b] = now.page[b] :: else fi

/* ---- The headers ---- */

byte current;         /* The slot of the one that counts. */
bool changeAnnounced; /* In this session. */

/* Writes over the slot that is not current. */
inline putHeader(guid) {
  atomic {
    value = HEADER(numberIn(now.header[current]) + 1, guid);
#ifndef PLANT_CURRENT_SLOT
    current = 1 - current;
#endif
    put(IS_HEADER, current, header[current], true, value);
    say3("@header %d number %d log %d\n", current, numberIn(value), guid)
  }
  mayCrash
}

inline updateHeader(guid) {
  putHeader(guid);
  flush()
}

inline updateBothHeaders(guid) {
  putHeader(guid);
#ifndef PLANT_HEADERS_TOGETHER
  flush();
#endif
  putHeader(guid);
  flush()
}

/* ---- The log ---- */

typedef Entry {
  byte guid;
  byte number;
  short at;           /* The sector that it begins in. */
  byte pages;         /* Which ones, as a set. */
  byte first;         /* The one that comes first of two. */
  short page[BLOCKS];
  byte flushed;       /* How long the file was. */
};
Entry entry[ENTRIES + 1];
byte entries;

byte logGuid, guids;  /* That of the open log, and how many there have been. */
short position;
byte number;

#define lengthOf(pages) (1 + ((pages) & 1) + ((pages) >> 1))
/* The sector of an entry that a sector of the log is, and the page in it, which is not the first sector. */
#define nth(e, sector) (((sector) - entry[e].at + RING) % RING)
#define pageIn(e, nth) (entry[e].pages == 3 -> ((nth) == 1 -> entry[e].first : 1 - entry[e].first) : entry[e].pages >> 1)
#define isSamePage(a, b, sector) isSame(entry[a].page[pageIn(a, nth(a, sector))], entry[b].page[pageIn(b, nth(b, sector))])
/* A sector with a page says the number of its entry, but not of which log. */
#define isSameSector(a, b, sector) \
  ((a) > 0 && nth(a, sector) > 0 && nth(b, sector) > 0 && entry[a].number == entry[b].number && isSamePage(a, b, sector))
#define putSector(sector) \
  put(IS_LOG, sector, log[sector], true, entries); \
  if :: isSameSector(kept.log[sector], entries, sector) -> kept.log[sector] = entries :: else fi

/* Makes an entry and writes it, in two pieces if it goes around. Its tail is itself: nothing before it is needed. */
inline append(set) {
  d_step {
    entries++;
    assert(entries <= ENTRIES);
#ifndef PLANT_SAME_NUMBER
    number++;
#endif
    entry[entries].guid = logGuid;
    entry[entries].number = number;
    entry[entries].at = position;
    entry[entries].pages = set;
    entry[entries].first = first;
    for (i : 0 .. BLOCKS - 1) { if :: set & bit(i) -> entry[entries].page[i] = after[i] :: else fi }
    entry[entries].flushed = now.size
  }
  atomic {
    for (n : position .. position + lengthOf(entry[entries].pages) - 1) {
      if :: n < RING -> putSector(n) :: else fi
    }
    n = 0;
    say4("@log %d pages %d number %d size %d\n", position, entry[entries].pages, number, now.size)
  }
  mayCrash;
  position = position + lengthOf(entry[entries].pages);
  if
  :: position > RING ->
    atomic {
      for (n : 0 .. position - RING - 1) { putSector(n) }
      n = 0;
      say("@log rest\n")
    }
    mayCrash
  :: else
  fi;
  position = position % RING
}

/* A log of a GUID of its own, with an entry in it before a header names it. */
inline openLog() {
  d_step {
#ifdef PLANT_SAME_GUID
    guids = 0;
#endif
    guids++;
    logGuid = guids;
    position = START;
    number = 0
  }
#ifdef PLANT_NAMED_BEFORE_ENTRY
  updateBothHeaders(logGuid);
#endif
  append(0);
  flush();
#ifndef PLANT_NAMED_BEFORE_ENTRY
  updateBothHeaders(logGuid)
#endif
}

/* ---- The writer ---- */

byte view[BLOCKS];   /* Where a block lies, with the changes that wait. */
byte pending, first; /* Which pages wait, as a set, and which one of them came first. */
byte used, leaving;  /* Places, as sets: those that are taken, and those of them that the next publication frees. */
bool isChanging;     /* Whether anything may have been written since the file was opened or closed. */

/* What was promised to the user of the disk. */
byte writes, publications;
byte holds[BLOCKS];     /* The newest contents. */
short allowed[BLOCKS];  /* What a crash may leave, as a set. */
short before[BLOCKS];   /* Pages without the publication that is under way, */
short after[BLOCKS];    /* and with it. */

short value;

inline beforeChange() {
  if
  :: !changeAnnounced -> updateHeader(logGuid); changeAnnounced = true
  :: else
  fi;
  isChanging = true
}

inline changePage(b, to) {
  if :: pending == 0 -> first = b :: else fi;
  pending = pending | bit(b);
  view[b] = to
}

inline putPage(b) {
  if
  :: pending & bit(b) ->
    atomic {
      putPageOf(b, after[b]);
      say1("@page %d\n", b)
    }
    mayCrash
  :: else
  fi
}

inline publish() {
  if :: logGuid == NONE -> openLog() :: else fi;
#ifndef PLANT_NOT_FLUSHED_BEFORE
  flush();
#endif
  d_step {
    publications++;
    for (i : 0 .. BLOCKS - 1) {
      if :: pending & bit(i) -> after[i] = PAGE(publications, view[i]) :: else fi
    }
    i = 0
  }
  append(pending);
#ifndef PLANT_NOT_FLUSHED_BETWEEN
  flush();
#endif
  if
  :: first == 0 -> putPage(0); putPage(1)
  :: else -> putPage(1); putPage(0)
  fi;
  d_step {
    pending = 0;
    used = used & ~leaving;
    leaving = 0
  }
}

/* What the user has written is there from now on. */
inline promise() {
  d_step {
    for (i : 0 .. BLOCKS - 1) {
      before[i] = after[i];
      allowed[i] = bit(holds[i])
    }
    i = 0
  }
}

#define hasRoom ((used | 1) + 1 < bit(PLACES + 1))
#define lowestFree (used & 2 -> (used & 4 -> (used & 8 -> (used & 16 -> (used & 32 -> (used & 64 -> 7 : 6) : 5) : 4) : 3) : 2) : 1)

inline writeBlock(b) {
  say2("@do write %d %d\n", b, STAMP(writes + 1));
  beforeChange();
  if
  :: view[b] == NONE ->
    d_step {
      value = lowestFree;
      used = used | bit(value);
      changePage(b, value)
    }
    if
    :: now.size < view[b] ->
      atomic {
        put(IS_SIZE, 0, size, false, view[b]);
        say1("@size %d\n", view[b])
      }
      mayCrash
    :: else
    fi
  :: else
  fi;
  d_step {
    writes++;
    holds[b] = STAMP(writes);
    allowed[b] = allowed[b] | bit(holds[b])
  }
  atomic {
    if
    :: view[b] > kept.size -> now.place[view[b]] = holds[b] /* Lost, if the end of the file is. */
    :: else -> put(IS_PLACE, view[b], place[view[b]], false, holds[b])
    fi;
    say2("@place %d stamp %d\n", view[b], holds[b])
  }
  mayCrash
}

inline trimBlock(b) {
  say1("@do trim %d\n", b);
  beforeChange();
  d_step {
#ifdef PLANT_REUSED_EARLY
    used = used & ~bit(view[b]);
#else
    leaving = leaving | bit(view[b]);
#endif
    changePage(b, NONE);
    holds[b] = 0;
    allowed[b] = allowed[b] | bit(0)
  }
}

inline flushDisk() {
  say("@do flush\n");
  if
  :: pending -> publish()
  :: else -> flush()
  fi;
  promise()
}

inline closeDisk() {
  say("@do close\n");
  if :: pending -> publish() :: else fi;
#ifndef PLANT_CLOSED_BEFORE_FLUSH
  flush();
#endif
  promise();
  if :: isChanging -> updateBothHeaders(NONE) :: else fi
}

/* ---- The reader, and the replay ---- */

byte e, last;           /* Entries: one that is looked at, and the newest one that is whole. */
short shown[BLOCKS];    /* Pages, as the log leaves them. */
bool isReplaying;
short promised[BLOCKS]; /* And as they were to be when a replay was interrupted. */

#define lies(e, nth) (now.log[(entry[e].at + (nth)) % RING] == (e))
#ifdef PLANT_TORN_ACCEPTED
#define isWhole(e) lies(e, 0)
#else
#define isWhole(e) (lies(e, 0) && (lengthOf(entry[e].pages) < 2 || lies(e, 1)) && (lengthOf(entry[e].pages) < 3 || lies(e, 2)))
#endif
/* The sector of an entry that holds a page of it. */
#define sectorOf(e, b) (entry[e].pages == 3 && entry[e].first != (b) -> 2 : 1)
#ifdef PLANT_OLDEST_REPLAYED
#define comesBefore(a, b) (entry[b].number < entry[a].number)
#else
#define comesBefore(a, b) (entry[a].number < entry[b].number)
#endif

/* What anybody sees who opens the file now. */
inline look() {
  d_step {
    assert(now.header[0] != TORN || now.header[1] != TORN);
    if
    :: now.header[0] == TORN -> current = 1
    :: now.header[1] == TORN -> current = 0
    :: else ->
      assert(numberIn(now.header[0]) != numberIn(now.header[1]));
      current = (numberIn(now.header[0]) < numberIn(now.header[1]) -> 1 : 0)
    fi;
    logGuid = guidIn(now.header[current]);
    last = 0;
    if
    :: logGuid != NONE ->
      for (i : 0 .. RING - 1) {
        if
        :: now.log[i] > 0 ->
          e = now.log[i];
          if
          :: entry[e].at == i && entry[e].guid == logGuid && isWhole(e) && (last == 0 || comesBefore(last, e)) ->
            last = e
          :: else
          fi
        :: else
        fi
      }
      /* A log that a header names has an entry. */
      assert(last != 0);
      /* The file is at least as long as it was then, which is all that the entry needs. */
      assert(entry[last].flushed <= now.size)
    :: else
    fi;
    for (i : 0 .. BLOCKS - 1) {
      shown[i] = now.page[i];
      if
      :: last != 0 && (entry[last].pages & bit(i)) ->
        shown[i] = (lies(last, sectorOf(last, i)) -> entry[last].page[i] : TORN)
      :: else
      fi
    }
    if
    :: logGuid != NONE ->
      /* One more that was begun says that all before it is in its place: it is, or the reader would refuse. */
      i = (entry[last].at + lengthOf(entry[last].pages)) % RING;
      if
      :: now.log[i] > 0 ->
        e = now.log[i];
        if
        :: entry[e].at == i && entry[e].guid == logGuid && entry[e].number == entry[last].number + 1 ->
          assert(isSame(shown[0], now.page[0]) && isSame(shown[1], now.page[1]))
        :: else
        fi
      :: else
      fi
    :: else
    fi;
    e = 0
  }
}

/* Whatever happened, this holds. */
inline check() {
  d_step {
    /* All pages of a publication, or none. */
    assert((isSame(shown[0], before[0]) && isSame(shown[1], before[1])) ||
      (isSame(shown[0], after[0]) && isSame(shown[1], after[1])));
    /* A replay that was interrupted comes to the same end. */
    assert(!isReplaying || (isSame(shown[0], promised[0]) && isSame(shown[1], promised[1])));
    for (i : 0 .. BLOCKS - 1) {
      value = placeIn(shown[i]);
      assert(value <= now.size);
      value = (value == NONE -> 0 : now.place[value]);
      /* What was flushed is there, and nothing that was never written. */
      assert(allowed[i] & bit(value));
      say3("@sees %d place %d stamp %d\n", i, placeIn(shown[i]), value);
      holds[i] = value;
      allowed[i] = bit(value)
    }
    assert(placeIn(shown[0]) == NONE || placeIn(shown[0]) != placeIn(shown[1]));
    for (i : 0 .. BLOCKS - 1) {
      before[i] = shown[i];
      after[i] = shown[i];
      promised[i] = shown[i]
    }
    i = 0
  }
}

inline replayPage(b) {
  if
  :: !(entry[last].pages & bit(b))
  :: (entry[last].pages & bit(b)) && isSame(now.page[b], shown[b]) ->
    d_step { now.page[b] = shown[b]; kept.page[b] = shown[b] }
  :: (entry[last].pages & bit(b)) && !isSame(now.page[b], shown[b]) ->
    atomic {
      putPageOf(b, shown[b]);
      say1("@page %d\n", b)
    }
    mayCrash
  fi
}

inline replay() {
  isReplaying = true;
  updateHeader(logGuid);
  /* The last one first. */
  if
  :: entry[last].first == 0 -> replayPage(1); replayPage(0)
  :: else -> replayPage(0); replayPage(1)
  fi;
#ifndef PLANT_REPLAY_NOT_FLUSHED
  flush();
#endif
  updateBothHeaders(NONE);
  logGuid = NONE;
  isReplaying = false
}

inline startSession() {
  d_step {
    pending = 0;
    first = 0;
    leaving = 0;
    used = 0;
    for (i : 0 .. BLOCKS - 1) {
      view[i] = placeIn(shown[i]);
      if :: view[i] != NONE -> used = used | bit(view[i]) :: else fi
    }
    changeAnnounced = false;
    isChanging = false;
    position = 0;
    number = 0;
    last = 0;
    value = 0
  }
}

active proctype machine() {
  d_step {
    now.header[0] = HEADER(1, NONE);
    kept.header[0] = HEADER(1, NONE);
    now.header[1] = HEADER(2, NONE);
    kept.header[1] = HEADER(2, NONE);
    allowed[0] = bit(0);
    allowed[1] = bit(0)
  }
opened:
  say("@open\n");
  look();
  check();
  if :: logGuid != NONE -> replay() :: else -> isReplaying = false fi;
  startSession();
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
    if
    :: view[0] != NONE || hasRoom -> writeBlock(0)
    :: view[1] != NONE || hasRoom -> writeBlock(1)
    :: view[0] != NONE -> trimBlock(0)
    :: view[1] != NONE -> trimBlock(1)
#ifndef ENDLESS
    :: flushDisk()
    :: closeDisk(); goto opened
#endif
    fi;
#ifdef ENDLESS
    flushDisk()
#endif
  od;
  say("@end\n");
  goto done;
crashed:
  loseUnflushed();
#ifdef SIMULATE
  fuse = 0;
#endif
  goto opened;
done:
  skip
}
