/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Sleeping and waking, both ways of core/:
 *
 * - by the word itself (core/wait.c): the waiter sets WAITING by compare-and-
 *   swap and parks while the word has that value; the completer's exchange
 *   tells him whether to wake;
 * - by a list (core/port.c, core/queue.c): a receiver that finds nothing sets
 *   the limit under the inner lock too, enters itself under the port's lock and
 *   parks on a word on its stack; a sender who has the inner lock and finds the
 *   limit reached takes both, takes one sleeper off the list, marks it under
 *   the lock, wakes it afterwards.
 *
 * Two receivers, two senders and a close at the end; each sender waits for its
 * message.  Sleepers also wake for no reason, a few times.  Safety: a sleeper
 * that left is not marked, no wake-up without a sleeper.  Liveness: all end.
 *
 * broken: PLAIN_WAITING NO_VALUE LOOK_OUTSIDE WAKE_FIRST WAKE_NONE STAY_LISTED NO_LIMIT
 * pan: -a -f
 */
#define RECEIVERS 2
#define SENDERS 2
#define NOBODY 9

/* A message's word. */
#define OUT 0
#define OVER 1
#define WAITING 2

byte state[SENDERS];
bool queued[SENDERS];
bool asleep[SENDERS];		/* parked on the word */
bool lock, put, closed;
bool limit;			/* who sends is to take both */
bool listed[RECEIVERS];		/* in the port's list */
bool woken[RECEIVERS];		/* the word on its stack */
bool parked[RECEIVERS];
bool away[RECEIVERS];		/* the stack is used for something else */
byte pending, running, strays;
bool over;

inline acquire(l) { atomic { !l -> l = true } }
inline release(l) { l = false }

/* Under the lock: any of the list, or NOBODY. */
inline pop(who)
{
	atomic {
		if
		:: listed[0] -> who = 0
		:: listed[1] -> who = 1
		:: !listed[0] && !listed[1] -> who = NOBODY
		fi;
		if
		:: who != NOBODY ->
			listed[who] = false;
			assert(!woken[who] && !away[who]);
			woken[who] = true
		:: else
		fi
	}
}

inline wake(who)
{
	d_step {
		if
		:: who != NOBODY -> parked[who] = false
		:: else
		fi;
		who = NOBODY
	}
}

proctype sender(byte me)
{
	byte who = NOBODY, s;

	acquire(put);
	if
	:: !limit ->
		d_step { queued[me] = true; pending++ };
		release(put)
	:: else ->
		release(put);
		acquire(lock);
#ifdef WAKE_FIRST
		pop(who);
		release(lock);
		wake(who);
		acquire(lock);
#endif
		acquire(put);
		d_step { queued[me] = true; pending++ };
#ifndef WAKE_FIRST
		pop(who);
#endif
		limit = listed[0] || listed[1];
		release(put);
		release(lock);
		wake(who)
	fi;

	do
	:: s = state[me];
	   if
	   :: s & OVER -> break
	   :: else
	   fi;
#ifdef PLAIN_WAITING
	   state[me] = s | WAITING;
#else
	   atomic {
		if
		:: state[me] == s -> state[me] = s | WAITING
		:: else -> goto again
		fi
	   };
#endif
	   atomic {
#ifdef NO_VALUE
		asleep[me] = true
#else
		if
		:: state[me] == (s | WAITING) -> asleep[me] = true
		:: else
		fi
#endif
	   };
	   if
	   :: !asleep[me]
	   :: atomic { asleep[me] && strays > 0 -> strays--; asleep[me] = false }
	   fi;
again:	   skip
	od;
	skip;
	d_step { s = 0; running-- }
}

/* Under the lock: got, or NOBODY. */
inline get(got)
{
	d_step {
		if
		:: queued[0] -> got = 0
		:: !queued[0] && queued[1] -> got = 1
		:: else -> got = NOBODY
		fi;
		if
		:: got != NOBODY -> queued[got] = false; pending--
		:: else
		fi
	}
}

inline reply(got)
{
	byte was;

	d_step { was = state[got]; state[got] = OVER };
	if
#ifdef WAKE_NONE
	:: was & WAITING -> asleep[got] = asleep[got]
#else
	:: was & WAITING -> asleep[got] = false
#endif
	:: else
	fi;
	d_step { was = 0; got = NOBODY }
}

proctype receiver(byte me)
{
	byte got = NOBODY;

	do
	:: acquire(lock);
	   atomic { !put -> get(got) };
	   if
	   :: got == NOBODY && closed -> release(lock); break
	   :: got != NOBODY -> release(lock); reply(got); goto again
	   :: else
	   fi;
	   acquire(put);
	   if
	   :: queued[0] || queued[1] ->
		release(put);
		release(lock);
		goto again
	   :: else
	   fi;
#ifndef NO_LIMIT
	   limit = true;
#endif
	   release(put);
#ifdef LOOK_OUTSIDE
	   release(lock);
	   acquire(lock);
#endif
	   d_step {
		woken[me] = false;
		away[me] = false;
		listed[me] = true;
		lock = false
	   };
	   do
	   :: woken[me] -> break
	   :: atomic {
		if
		:: !woken[me] -> parked[me] = true
		:: else -> break
		fi
	      };
	      if
	      :: !parked[me]
	      :: atomic {
			parked[me] && strays > 0 -> strays--; parked[me] = false
		 };
		/* as on a deadline: it takes itself off, if nobody has */
		acquire(lock);
#ifndef STAY_LISTED
		listed[me] = false;
#endif
		d_step { woken[me] = false; away[me] = true; lock = false };
		goto again
	      fi
	   od;
	   atomic { woken[me] = false; away[me] = true };
again:	   skip
	od;
	skip;
	d_step { assert(!listed[me]); running-- }
}

/* The port is closed when the senders are served. */
init
{
	byte who = NOBODY;

	atomic {
		strays = 1;
		limit = true;
		away[0] = true;
		away[1] = true;
		running = SENDERS + RECEIVERS;
		run sender(0);
		run sender(1);
		run receiver(0);
		run receiver(1)
	};
	running == RECEIVERS;
	acquire(lock);
	closed = true;
	do
	:: pop(who);
	   if
	   :: who == NOBODY -> break
	   :: else -> wake(who)
	   fi
	od;
	release(lock);
	running == 0;
	assert(pending == 0);
	over = true
}

/* Assertions count as long as this is not yet true. */
ltl ends { <> over }
