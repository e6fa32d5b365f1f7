/*
 * A file on a medium of which the power may fail at any moment. The medium keeps of what was not flushed each piece as
 * it was, as it was to be, or (of headers, pages and sectors of the log) as neither.
 *
 * What is done to the file, and what the medium makes of it, is printed in lines that begin with "@": by them the real
 * writer is held to the models.
 *
 * A model says before, in macros, how many pieces a file has: PIECES, of which FIXED come first that are always there,
 * PARTS of each place that follows. A value of PAGES_FROM or more is that of a page, and can be torn wherever it lies.
 */

#define NONE 0
#define TORN -1 /* Neither what was there nor what was written. */
#define bit(n) (1 << (n))

#ifdef UNCHECKED
#define assert(condition) skip /* A path goes on, whatever a planted error has broken. */
#endif

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

/* Pieces of the file. Those that differ in the two wait to be flushed. */
typedef File {
  int header[2];
  short log[RING];     /* The entry that a sector belongs to. */
  short piece[PIECES]; /* What lies there. */
  short size;          /* In places. */
};
File kept; /* What is durable. */
File now;  /* What reads see. */

/* For messages: kinds of pieces. */
#define IS_HEADER 0
#define IS_LOG 1
#define IS_PIECE 2
#define IS_SIZE 3

/* The first piece of a place, which are numbered from 1, and the place of a piece. */
#define pieceAt(place) (FIXED + ((place) - 1) * PARTS)
#define placeOf(piece) (((piece) - FIXED) / PARTS + 1)
#define isBehind(piece, size) ((piece) >= FIXED && placeOf(piece) > (size))
#define tears(piece, value) ((piece) < FIXED || (value) >= PAGES_FROM)

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
    for (i : 0 .. PIECES - 1) { kept.piece[i] = now.piece[i] }
    kept.size = now.size;
    i = 0;
    say("@flush\n")
  }
  mayCrash
}

/* What becomes of something that waits. */
#define fate(kind, index, what, mayTear) \
  if \
  :: kept.what == now.what \
  :: kept.what != now.what -> \
    if \
    :: true -> say2("@fate %d %d old\n", kind, index) \
    :: true -> kept.what = now.what; say2("@fate %d %d new\n", kind, index) \
    :: mayTear -> kept.what = TORN; say2("@fate %d %d torn\n", kind, index) \
    fi \
  fi

/* Writes something. What waits there already may have reached the medium meanwhile. */
#define put(kind, index, what, mayTear, value) fate(kind, index, what, mayTear); now.what = value

/* Within what is atomic. Behind the end that is durable it is lost, if the end of the file is. */
#define putPiece(index, value) \
  if \
  :: isBehind(index, kept.size) -> now.piece[index] = value \
  :: else -> put(IS_PIECE, index, piece[index], tears(index, now.piece[index]), value) \
  fi

inline putSize(places) {
  atomic {
    fate(IS_SIZE, 0, size, false);
    now.size = places;
    say1("@size %d\n", places)
  }
  mayCrash
}

inline loseUnflushed() {
  atomic {
    say("@crash\n");
    crashes++;
    fate(IS_SIZE, 0, size, false);
    for (n : 0 .. 1) { fate(IS_HEADER, n, header[n], true); now.header[n] = kept.header[n] }
    for (n : 0 .. RING - 1) { fate(IS_LOG, n, log[n], true); now.log[n] = kept.log[n] }
    for (n : 0 .. PIECES - 1) {
      if
      :: isBehind(n, kept.size) -> kept.piece[n] = 0 /* Where the end of the file was lost, or cut off. */
      :: !isBehind(n, kept.size) && !isBehind(n, now.size) ->
        fate(IS_PIECE, n, piece[n], tears(n, now.piece[n]))
      :: else /* Cut off, but not durably: it is as it was. */
      fi;
      now.piece[n] = kept.piece[n]
    }
    now.size = kept.size;
    n = 0
  }
}
