/*
 * The metadata of a differencing disk, as src/portable/vhdx changes them: metadata.ts, and rebase() of
 * writable_image.ts.
 *
 * There is an item of a user, which may be absent, so long that it takes two publications, and the parent locator. For
 * each there are two slots, of which the table names one at most; a new value goes to the other one, and the table
 * follows. The item is set and deleted; the disk is given another parent, or the same one at another place; it is
 * flushed and closed. All but flushing is durable when it returns.
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
#define STEPS 6 /* Things that are done to the disk. */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef ENTRIES
#define ENTRIES 8 /* Of which sectors are in the log at the same time. */
#endif
#ifndef FIRST_SECTORS
#define FIRST_SECTORS 1 /* Of the log, for the first part of the item, */
#define REST_SECTORS 1  /* and for the rest of it. */
#endif

/* The page of the table, that of both slots of the locator, and two parts of each slot of the item. */
#define TABLE 0
#define LOCATORS 1
#define firstOf(slot) (2 * (slot))
#define restOf(slot) (2 * (slot) + 1)
#define FIXED 6
#define PARTS 1
#define PIECES FIXED
#define PLACES 0
#define PAGES_FROM 1
#define MOST 2
#define isFirst(page) ((page) == 2 || (page) == 4)
#define isRest(page) ((page) == 3 || (page) == 5)
#define lengthOf(page) (1 + isFirst(page) * (FIRST_SECTORS - 1) + isRest(page) * (REST_SECTORS - 1))
#define contentOf(page, value, sector) (value)

/* What the n-th change makes the item; 0 is that it is absent. */
#define STAMP(n) ((n) % 14 + 1)
/* The table: which slot the item is in, 1 or 2, or 0; and the locator, 0 or 1. */
#define NAMES(item, locator) (64 + (item) + 4 * (locator))
#define itemIn(page) ((page) & 3)
#define slotIn(page) (((page) >> 2) & 1)
/* A locator: which parent, from 1, and where. */
#define LINK(parent, path) (8 * (parent) + (path))
#define parentIn(link) ((link) >> 3)
#define pathIn(link) ((link) & 7)
#define linkIn(page, slot) (((page) >> (6 * (slot))) & 63)
#define withLink(page, slot, link) (((page) & ~(63 << (6 * (slot)))) | ((link) << (6 * (slot))))
#define NO_LINKS 8192

#include "log.pml"

/* What was promised to the user of the disk: this or that. */
byte changes;
byte oldItem, newItem;
byte oldLink, newLink;
byte wasItem, wasParent; /* When the disk was opened, */
byte known;              /* by this identity. */

inline makeFile() {
  now.piece[TABLE] = NAMES(0, 0);
  oldLink = LINK(1, 0);
  newLink = LINK(1, 0);
  now.piece[LOCATORS] = withLink(NO_LINKS, 0, LINK(1, 0));
  wasParent = 1
}

byte slot;

inline settle() {
  d_step {
    oldItem = newItem;
    oldLink = newLink
  }
}

inline setItem() {
  say1("@do set %d\n", STAMP(changes + 1));
  d_step {
    changes++;
    newItem = STAMP(changes);
    slot = (itemIn(now.piece[TABLE]) == 1 -> 2 : 1);
#ifdef PLANT_SAME_PLACE
    slot = (itemIn(now.piece[TABLE]) > 0 -> 3 - slot : 1)
#endif
  }
#ifndef PLANT_ANNOUNCED_AFTER
  beforeChange();
#endif
  d_step {
    changePage(firstOf(slot), newItem);
#ifdef PLANT_TABLE_FIRST
    changePage(TABLE, NAMES(slot, slotIn(now.piece[TABLE])))
#endif
  }
  publish();
  d_step {
    changePage(restOf(slot), newItem);
    changePage(TABLE, NAMES(slot, slotIn(now.piece[TABLE])));
    slot = 0
  }
  publish();
#ifdef PLANT_ANNOUNCED_AFTER
  beforeChange();
#endif
  settle()
}

inline deleteItem() {
  say("@do delete\n");
  newItem = 0;
  beforeChange();
  d_step { changePage(TABLE, NAMES(0, slotIn(now.piece[TABLE]))) }
  publish();
  settle()
}

inline putLocator() {
  d_step {
    slot = 1 - slotIn(now.piece[TABLE]);
#ifdef PLANT_LOCATOR_PAST_LOG
    slot = 1 - slot;
#endif
    value = withLink(now.piece[LOCATORS], slot, newLink)
  }
#ifdef PLANT_LOCATOR_PAST_LOG
  putPage(LOCATORS, value);
  flush();
  d_step {
    value = 0;
    slot = 0
  }
#else
  d_step {
#ifndef PLANT_LOCATOR_NAMED_FIRST
    changePage(LOCATORS, value);
#endif
    changePage(TABLE, NAMES(itemIn(now.piece[TABLE]), slot));
    slot = 0
  }
#ifdef PLANT_LOCATOR_NAMED_FIRST
  publish();
  d_step { changePage(LOCATORS, value) }
#endif
  value = 0;
  publish();
#endif
  settle()
}

/* Another disk: children of this one no longer know it. */
inline rebase() {
  d_step {
    newLink = LINK(parentIn(oldLink) % 7 + 1, pathIn(oldLink));
    say2("@do rebase %d %d\n", parentIn(newLink), pathIn(newLink))
  }
#ifdef PLANT_PARENT_NOT_ANNOUNCED
  beforeWrite();
#else
  beforeChange();
#endif
  putLocator()
}

/* The same disk at another place. */
inline move() {
  d_step {
    newLink = LINK(parentIn(oldLink), (pathIn(oldLink) + 1) % 8);
    say2("@do move %d %d\n", parentIn(newLink), pathIn(newLink))
  }
  beforeWrite();
  putLocator()
}

inline closed() {
  skip
}

inline closeDisk() {
  say("@do close\n");
  closeFile();
  goto opened
}

/* Whatever happened, this holds. */
inline check() {
  assert(shown[TABLE] != TORN);
  a = itemIn(shown[TABLE]);
  if
  :: a > 0 ->
    /* All of it, not the half of one value and the half of another. */
    assert(shown[firstOf(a)] == shown[restOf(a)]);
    a = shown[firstOf(a)]
  :: else
  fi;
  assert(a == oldItem || a == newItem);
  b = linkIn(shown[LOCATORS], slotIn(shown[TABLE]));
  assert(shown[LOCATORS] != TORN && (b == oldLink || b == newLink));
  /* A disk that children know has what they know, and the parent. */
  assert(identity != known || (a == wasItem && parentIn(b) == wasParent));
  say3("@sees %d %d %d\n", a, parentIn(b), pathIn(b));
  oldItem = a;
  newItem = a;
  oldLink = b;
  newLink = b;
  wasItem = a;
  wasParent = parentIn(b);
  known = identity;
  a = 0;
  b = 0
}

inline survey() {
  slot = 0
}

inline doSomething() {
  if
  :: setItem()
  :: itemIn(now.piece[TABLE]) > 0 -> deleteItem()
  :: rebase()
  :: move()
#ifdef SIMULATE
  :: say("@do flush\n"); flush()
#endif
  :: closeDisk()
  fi
}

#include "machine.pml"
