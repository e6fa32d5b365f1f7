/*
 * The headers and the log of a VHDX file ([MS-VHDX] 2.2 and 2.3), and the replay, as src/portable/vhdx has them:
 * header.ts, log_writer.ts, log_replay.ts, and replayToFile() of vhdx_file.ts.
 *
 * A model says before, in macros: how many pages MOST of one publication are, how many sectors of the log lengthOf(page)
 * takes, and what contentOf(value, sector) of its data sectors holds.
 */

#include "medium.pml"

/* ---- The headers ---- */

/* A header: its number, the identity by which children know the disk, and the log that it names. */
#define HEADER(number, identity, guid) (((number) << 12) + ((identity) << 6) + (guid))
#define guidIn(header) ((header) & 63)
#define identityIn(header) (((header) >> 6) & 63)
#define numberIn(header) ((header) >> 12)

byte current;         /* The slot of the one that counts. */
byte identity;        /* What the next header says. */
byte identities;      /* How many there have been. */
bool writeAnnounced;  /* In this session. */
bool changeAnnounced; /* In this session. */

int value;

/* Writes over the slot that is not current. */
inline putHeader(guid) {
  atomic {
    value = HEADER(numberIn(now.header[current]) + 1, identity, guid);
#ifndef PLANT_CURRENT_SLOT
    current = 1 - current;
#endif
    put(IS_HEADER, current, header[current], true, value);
    say4("@header %d number %d log %d identity %d\n", current, numberIn(value), guid, identity);
    value = 0
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

/* Comes before every write that users of the disk do not see. */
inline beforeWrite() {
  if
  :: !writeAnnounced -> updateHeader(logGuid); writeAnnounced = true
  :: else
  fi;
  isChanging = true
}

/* Comes before every write that changes the disk. */
inline beforeChange() {
  if
  :: !changeAnnounced ->
    d_step { identities++; identity = identities }
    updateHeader(logGuid);
    d_step { writeAnnounced = true; changeAnnounced = true }
  :: else
  fi;
  isChanging = true
}

/* ---- The log ---- */

/* What is known of an entry that was written. A place in the log is said by the sector. */
typedef Entry {
  byte guid;
  byte number;
  short at;
  byte count;         /* Of its pages. */
  short target[MOST]; /* Which pieces they are, */
  short value[MOST];  /* and what they become. */
  byte flushed;       /* How long the file was. */
};
Entry entry[ENTRIES + 1];

byte logGuid, guids; /* That of the open log, and how many there have been. */
short position;
byte number;
byte newest;         /* The entry that was written last. */

/* Pages that wait to be published, in the order in which they were changed first. */
byte waits;
#define NO_PAGE -1
short target[MOST], wanted[MOST];
/* A page as reads see it, with the changes that wait. */
#define waitsAs(nth, page) (target[nth] == (page))
#if MOST == 2
#define read(page) (waitsAs(0, page) * wanted[0] + waitsAs(1, page) * wanted[1] + \
  (!waitsAs(0, page) && !waitsAs(1, page)) * now.piece[page])
#else
#define read(page) (waitsAs(0, page) * wanted[0] + waitsAs(1, page) * wanted[1] + waitsAs(2, page) * wanted[2] + \
  (!waitsAs(0, page) && !waitsAs(1, page) && !waitsAs(2, page)) * now.piece[page])
#endif

/* Within what has no choice in it. */
inline changePage(page, to) {
  i = 0;
  do
  :: i < waits && target[i] != page -> i++
  :: else -> break
  od;
  wanted[i] = to;
  target[i] = page;
  if :: i == waits -> waits++ :: else fi;
  i = 0
}

/* What was published last: the pages before and after. */
byte published;
short whose[MOST], before[MOST], after[MOST];
bool isPublished; /* Whether it is durable. */

hidden short a, b, j, k; /* For what has no choice in it. */

/* How long an entry is, in sectors. */
inline measure(e, into) {
  into = 1;
  for (j : 0 .. MOST - 1) { if :: j < entry[e].count -> into = into + lengthOf(entry[e].target[j]) :: else fi }
}

/* What a data sector of an entry holds; TORN is none of them. */
inline contentAt(e, sector, into) {
  k = (sector - entry[e].at + RING) % RING - 1;
  into = TORN;
  for (j : 0 .. MOST - 1) {
    if
    :: j < entry[e].count && k >= 0 && k < lengthOf(entry[e].target[j]) ->
      into = contentOf(entry[e].target[j], entry[e].value[j], k);
      k = -1
    :: j < entry[e].count && k >= lengthOf(entry[e].target[j]) -> k = k - lengthOf(entry[e].target[j])
    :: else
    fi
  }
}

/* A data sector says the number of its entry, but not of which log: it may be there already. */
inline putSector(sector) {
  put(IS_LOG, sector, log[sector], true, newest);
  d_step {
    if
    :: kept.log[sector] > 0 && kept.log[sector] != newest && entry[kept.log[sector]].number == entry[newest].number ->
      contentAt(kept.log[sector], sector, a);
      contentAt(newest, sector, b);
      if :: a != TORN && a == b -> kept.log[sector] = newest :: else fi
    :: else
    fi;
    a = 0;
    b = 0;
    j = 0;
    k = 0
  }
}

/* Within what has no choice in it. */
inline forget(e) {
  entry[e].guid = 0;
  entry[e].number = 0;
  entry[e].at = 0;
  entry[e].count = 0;
  entry[e].flushed = 0;
  for (i : 0 .. MOST - 1) { entry[e].target[i] = 0; entry[e].value[i] = 0 }
}

short length;

/* Makes an entry of so many pages that wait, and writes it, in two pieces if it goes around. Its tail is itself. */
inline append(howMany) {
  d_step {
    /* What no sector belongs to any more is forgotten. */
    newest = 0;
    for (j : 1 .. ENTRIES) {
      a = 0;
      for (i : 0 .. RING - 1) { if :: now.log[i] == j || kept.log[i] == j -> a = 1 :: else fi }
      if :: a == 0 -> forget(j); newest = (newest == 0 -> j : newest) :: else fi
    }
    assert(newest > 0);
#ifndef PLANT_SAME_NUMBER
    number++;
#endif
    entry[newest].guid = logGuid;
    entry[newest].number = number;
    entry[newest].at = position;
    entry[newest].count = howMany;
    for (i : 0 .. MOST - 1) {
      entry[newest].target[i] = (i < howMany -> target[i] : 0);
      entry[newest].value[i] = (i < howMany -> wanted[i] : 0)
    }
    entry[newest].flushed = now.size;
    measure(newest, length);
    a = 0;
    i = 0;
    j = 0
  }
  atomic {
    for (n : position .. position + length - 1) {
      if :: n < RING -> putSector(n) :: else fi
    }
    n = 0;
    sayEntry(newest)
  }
  mayCrash;
  position = position + length;
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
  position = position % RING;
  length = 0
}

inline sayEntry(e) {
#ifdef SIMULATE
  d_step {
    say3("@log %d number %d size %d", entry[e].at, entry[e].number, entry[e].flushed);
    for (i : 0 .. MOST - 1) {
      if :: i < entry[e].count -> say2(" %d=%d", entry[e].target[i], entry[e].value[i]) :: else fi
    }
    i = 0;
    say("\n")
  }
#else
  skip
#endif
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

byte used, leaving; /* Places, as sets: those that are taken, and those of them that the next publication frees. */
bool isChanging;    /* Whether anything may have been written since the file was opened or closed. */

short m; /* Which page of some, where there is a choice. */

inline putPage(page, to) {
  atomic {
    putPiece(page, to);
    say2("@page %d %d\n", page, to)
  }
  mayCrash
}

inline publish() {
  if :: logGuid == NONE -> openLog() :: else fi;
#ifndef PLANT_NOT_FLUSHED_BEFORE
  flush();
#endif
  d_step {
    published = waits;
    isPublished = false;
    for (i : 0 .. MOST - 1) {
      whose[i] = target[i];
      before[i] = (i < waits -> now.piece[target[i]] : 0);
      after[i] = wanted[i]
    }
    i = 0
  }
  append(waits);
#ifndef PLANT_NOT_FLUSHED_BETWEEN
  flush();
#endif
  do
  :: m < waits ->
    putPage(target[m], wanted[m]);
    m++
  :: else -> break
  od;
  m = 0;
  d_step {
    isPublished = true;
    for (i : 0 .. MOST - 1) {
      target[i] = NO_PAGE;
      wanted[i] = 0;
      before[i] = 0
    }
    i = 0;
    waits = 0;
    used = used & ~leaving;
    leaving = 0
  }
}

/* Leaves the file as a clean close does; what was promised follows from what has been flushed. */
inline closeFile() {
  if :: waits > 0 -> publish() :: else fi;
#ifndef PLANT_CLOSED_BEFORE_FLUSH
  flush();
#endif
  closed();
  if :: isChanging -> updateBothHeaders(NONE); logGuid = NONE :: else fi;
  isChanging = false
}

/* ---- Places ---- */

/* The file has no more room where all places are taken that the model has. */
#define hasRoom ((used | 1) + 1 < bit(PLACES + 1))
#define isFree(place) (!(used & bit(place)))
#define lowestFree (isFree(1) -> 1 : (isFree(2) -> 2 : (isFree(3) -> 3 : (isFree(4) -> 4 : (isFree(5) -> 5 : (isFree(6) -> 6 : 7))))))

/* ---- The reader, and the replay ---- */

hidden byte e;
byte last;        /* The newest entry that is whole. */
bool isReplaying;
hidden short shown[PIECES]; /* What the file holds, as the log leaves it. */
short promised[PIECES];     /* And as it was when a replay was begun. */

#define lies(e, nth) (now.log[(entry[e].at + (nth)) % RING] == (e))
#ifdef PLANT_OLDEST_REPLAYED
#define comesBefore(a, b) (entry[b].number < entry[a].number)
#else
#define comesBefore(a, b) (entry[a].number < entry[b].number)
#endif

/* Whether all sectors of an entry are there. */
inline findWhole(e, into) {
#ifdef PLANT_TORN_ACCEPTED
  into = lies(e, 0);
#else
  measure(e, k);
  into = 1;
  for (j : 0 .. k - 1) { if :: !lies(e, j) -> into = 0 :: else fi }
#endif
}

/* What the log has of a page of an entry: nothing, if a sector is not there. */
inline pageOf(e, page, into) {
  into = entry[e].value[page];
  k = 1;
  for (j : 0 .. MOST - 1) { if :: j < page -> k = k + lengthOf(entry[e].target[j]) :: else fi }
  for (j : k .. k + lengthOf(entry[e].target[page]) - 1) { if :: !lies(e, j) -> into = TORN :: else fi }
}

/* What anybody sees who opens the file now. Within what has no choice in it. */
inline look() {
  assert(now.header[0] != TORN || now.header[1] != TORN);
  if
  :: now.header[0] == TORN -> current = 1
  :: now.header[1] == TORN -> current = 0
  :: else ->
    assert(numberIn(now.header[0]) != numberIn(now.header[1]));
    current = (numberIn(now.header[0]) < numberIn(now.header[1]) -> 1 : 0)
  fi;
  writeAnnounced = false;
  logGuid = guidIn(now.header[current]);
  identity = identityIn(now.header[current]);
  last = 0;
  if
  :: logGuid != NONE ->
    for (i : 0 .. RING - 1) {
      e = (now.log[i] > 0 -> now.log[i] : 0);
      if
      :: e > 0 && entry[e].at == i && entry[e].guid == logGuid ->
        findWhole(e, a);
        if :: a == 1 && (last == 0 || comesBefore(last, e)) -> last = e :: else fi
      :: else
      fi
    }
    /* A log that a header names has an entry. */
    assert(last != 0);
    /* The file is at least as long as it was then, which is all that the entry needs. */
    assert(entry[last].flushed <= now.size)
  :: else
  fi;
  for (i : 0 .. PIECES - 1) { shown[i] = now.piece[i] }
  if
  :: last != 0 ->
    for (i : 0 .. MOST - 1) {
      if
      :: i < entry[last].count -> pageOf(last, i, a); shown[entry[last].target[i]] = a
      :: else
      fi
    }
    /* One more that was begun says that all before it is in its place: it is, or the reader would refuse. */
    measure(last, k);
    i = (entry[last].at + k) % RING;
    e = (now.log[i] > 0 -> now.log[i] : 0);
    if
    :: e > 0 && entry[e].at == i && entry[e].guid == logGuid && entry[e].number == entry[last].number + 1 ->
      for (i : 0 .. PIECES - 1) { assert(shown[i] == now.piece[i]) }
    :: else
    fi
  :: else
  fi;
  /* All pages of a publication, or none; all, once it is durable. */
  if
  :: published > 0 ->
    a = 1;
    b = 1;
    for (i : 0 .. MOST - 1) {
      if
      :: i < published ->
        if :: shown[whose[i]] != before[i] -> a = 0 :: else fi;
        if :: shown[whose[i]] != after[i] -> b = 0 :: else fi
      :: else
      fi
    }
    assert(b == 1 || (!isPublished && a == 1))
  :: else
  fi;
  /* A replay that was interrupted comes to the same end. */
  for (i : 0 .. PIECES - 1) {
    assert(!isReplaying || shown[i] == promised[i]);
    promised[i] = (logGuid != NONE -> shown[i] : 0)
  }
  e = 0;
  a = 0;
  b = 0;
  i = 0;
  j = 0;
  k = 0
}

inline replay() {
  isReplaying = true;
  updateHeader(logGuid);
  /* The last one first. */
  m = entry[last].count;
  do
  :: m > 0 ->
    m--;
    d_step { pageOf(last, m, a); value = a; a = 0; j = 0; k = 0 }
    if
    :: now.piece[entry[last].target[m]] == value -> value = 0
    :: else ->
      atomic {
        putPiece(entry[last].target[m], value);
        say2("@page %d %d\n", entry[last].target[m], value);
        value = 0
      }
      mayCrash
    fi
  :: else -> break
  od;
  m = 0;
#ifndef PLANT_REPLAY_NOT_FLUSHED
  flush();
#endif
  updateBothHeaders(NONE);
  d_step {
    logGuid = NONE;
    isReplaying = false;
    writeAnnounced = true;
    for (i : 0 .. PIECES - 1) { promised[i] = 0 }
    i = 0
  }
}

/* Within what has no choice in it. */
inline startSession() {
  published = 0;
  isPublished = false;
  waits = 0;
  for (i : 0 .. MOST - 1) {
    target[i] = NO_PAGE;
    wanted[i] = 0;
    whose[i] = NO_PAGE;
    before[i] = 0;
    after[i] = 0
  }
  i = 0;
  leaving = 0;
  used = 0;
  changeAnnounced = false;
  isChanging = false;
  position = 0;
  number = 0;
  newest = 0;
  last = 0;
  length = 0;
  m = 0;
  value = 0
}
