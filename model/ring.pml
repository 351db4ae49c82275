/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A ring and its doorbell, broker/wire.h and broker/bell.h: writers take a
 * place, fill it with a full fence, and look at the bell; the one reader makes
 * his bell odd with a full fence, looks once more, and parks while the bell
 * has not changed.
 *
 * Two writers with one slot each, so never more than two entries are unread,
 * in a ring of two; ENTRIES laps of it.  The reader also wakes for no reason,
 * a few times.  Safety: each entry is read once, in its lap, and with what was
 * written; at most one wake-up a sleep.  Liveness: all is read.
 *
 * A dropped fence shows as the two steps in the other order, which is what a
 * store buffer does.
 *
 * broken: LOOK_FIRST SLEEP_LATE EXPECT_LATE RING_TWICE NO_LAP PLAIN_TAKE
 * pan: -a -f
 */
#define SIZE 2
#define WRITERS 2
#define ENTRIES 2		/* of each writer */
#define SLEEPS 1
#define RING 2

byte lap[SIZE];			/* 0: never written */
byte from[SIZE];
byte place;			/* the writers' */
byte next;			/* the reader's, private */
byte bell;
bool parked;
bool owed;			/* one wake-up, to a reader about to sleep */
bool out[WRITERS];		/* a writer's slot is with the reader */
byte strays;
bool over;

proctype writer(byte me)
{
	byte at, was, n = 0;

	do
	:: n == ENTRIES -> break
	:: else ->
		!out[me];
#ifdef PLAIN_TAKE
		at = place;
		place = at + 1;
#else
		atomic { at = place; place++ };
#endif
		out[me] = true;
#ifdef LOOK_FIRST
		was = bell;
#endif
		d_step { lap[at % SIZE] = at / SIZE + 1; from[at % SIZE] = me };
#ifndef LOOK_FIRST
		was = bell;
#endif
		if
		:: was & SLEEPS ->
#ifdef RING_TWICE
			atomic {
				bell = bell + RING;
				assert(owed);
				owed = false;
				parked = false
			}
#else
			atomic {
				if
				:: bell == was ->
					bell = was - SLEEPS + RING;
					assert(owed);
					owed = false;
					parked = false
				:: else
				fi
			}
#endif
		:: else
		fi;
		n++
	od
}

/* What the reader sees at his place. */
#ifdef NO_LAP
#define THERE (lap[next % SIZE] != 0)
#else
#define THERE (lap[next % SIZE] == next / SIZE + 1)
#endif

proctype reader()
{
	byte expected;

	do
	:: THERE ->
		d_step {
			assert(out[from[next % SIZE]]);
			assert(lap[next % SIZE] == next / SIZE + 1);
			out[from[next % SIZE]] = false;
			next++
		}
	:: !THERE && next == WRITERS * ENTRIES -> break
	:: !THERE && next < WRITERS * ENTRIES ->
#ifdef SLEEP_LATE
		if
		:: THERE -> goto again
		:: else
		fi;
		d_step { bell = bell | SLEEPS; expected = bell; owed = true };
#else
		d_step { bell = bell | SLEEPS; expected = bell; owed = true };
		if
		:: THERE -> goto awake
		:: else
		fi;
#endif
#ifdef EXPECT_LATE
		expected = bell;
#endif
		atomic {
			if
			:: bell == expected -> parked = true
			:: else
			fi
		};
		if
		:: !parked
		:: atomic { parked && strays > 0 -> strays--; parked = false }
		fi;
awake:		skip;
		d_step { bell = bell & ~SLEEPS; expected = 0; owed = false };
again:		skip
	od;
	over = true
}

init
{
	atomic {
		strays = 2;
		run writer(0);
		run writer(1);
		run reader()
	}
}

ltl ends { <> over }
