/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The state word of one message (core/state.h), with everybody who may change
 * it: its sender, who calls or sends, waits for a time, drops, then ends the
 * reply port; a receiver, who replies or forwards; a canceller; and those who
 * close the target and the reply port.  Every compare-and-swap is one step,
 * what happens under a port's lock is not.  A request is in the inbox, under
 * the inner lock, or taken over and linked, under both (core/queue.c).
 *
 * Safety: exactly one completion for an accepted send, or it was dropped; the
 * result is the one that its ender gave; linked exactly while QUEUED, but for
 * an ender; nobody touches the message or the reply port when they may be
 * gone, nor the target when all counts are zero; the cancel hook runs only
 * while the message is out.  Nothing is left asleep: whoever waits for what
 * does not come is an invalid end state.  model/wake.pml has the fairness.
 *
 * broken: PLAIN_WAITING DROP_HELD NO_GATE LATE_TOUCH EARLY_COUNT NO_CLAIM KEEP_WAITING STALE_WAITING NO_TAKE_OVER OPEN_LIMIT
 */
#define IDLE 0
#define ARMED 1
#define QUEUED 2
#define HELD 3
#define ENDING 4
#define REPLIED 5
#define PHASE 7
#define WAITING 8
#define CANCEL 16
#define FORWARD 32

#define phase(s) ((s) & PHASE)
#define to(s, p) (((s) & ~PHASE) | (p))

byte state;
bool linked, rlinked;		/* on the queue of the target, of the reply port */
bool inbox;
bool limit;			/* who sends is to take both locks */
bool lock, put, rlock, gate;
bool closed, rclosed;
byte depth, held, out;
bool sync;			/* a call; else it goes to the reply port */
bool hooked;			/* the target has a cancel hook */
bool inhook;

bool asleep;			/* the sender, in os_park() */
bool listed;			/* the receiver, asleep at the target */
bool gone, rgone, pgone;	/* what nobody may touch any more */
byte ended;			/* completions that the sender has seen */
byte enders;			/* those who gave a result */
byte result;			/* whose */
byte was;			/* of a fault only */
bool accepted, dropped, finished, returned;
byte running;
bool early;			/* the target is closed while it is in use */
bool patient;			/* the sender's wait has no deadline */

/* Values of result. */
#define BY_SERVER 1
#define BY_CANCEL 2
#define BY_CLOSE 3

inline acquire(l) { atomic { !l -> l = true } }
inline release(l) { l = false }

/*
 * By others than the sender: the message has to be there.  A loop of compare-
 * and-swap that looks again after each failure is one step where nothing else
 * is done in between.
 */
inline load(s) { d_step { assert(!gone); s = state } }
inline cas(s, v, ok)
{
	d_step {
		assert(!gone);
		if
		:: state == s -> state = v; ok = true
		:: else -> s = state; ok = false
		fi
	}
}

/* By those for whom the sender keeps it. */
inline try(s, v, ok)
{
	d_step {
		if
		:: state == s -> state = v; ok = true
		:: else -> s = state; ok = false
		fi
	}
}

/* An address only: it touches nothing. */
inline wake() { asleep = false }

inline count_down(n) { d_step { assert(n > 0 && !pgone); n-- } }

/* Under both locks. */
inline take_over()
{
	if
	:: inbox -> inbox = false; linked = true
	:: else
	fi
}

inline take_out()
{
	acquire(lock);
#ifndef NO_TAKE_OVER
	acquire(put);
	take_over();
	release(put);
#endif
	atomic {
		assert(linked && !pgone);
		linked = false;
		depth--;
		release(lock)
	}
}

/*
 * msg_end() and what the reply port does, by the one who has it HELD or ENDING;
 * may_gate is false in the hook, which has the gate already.
 */
inline leave(s, v, ok)
{
	load(s);
	do
	:: assert(phase(s) == HELD || phase(s) == ENDING);
#ifndef NO_GATE
	   if
	   :: (s & CANCEL) && phase(s) == HELD ->
		assert(!pgone);
		!hooked || !gate
	   :: else
	   fi;
#endif
	   atomic {
	   	cas(s, (v == IDLE -> IDLE : to(s, v)), ok);
	   	if
	   	:: ok -> break
	   	:: else
	   	fi
	   }
	od
}

inline end(who, s, ok)
{
	d_step {
		assert(!gone && !pgone);
		enders++;
		assert(enders == 1);
		result = who
	};
#ifdef EARLY_COUNT
	count_down(held);
#endif
	if
	:: sync ->
		leave(s, IDLE, ok);
		if
		:: s & WAITING -> wake()
		:: else
		fi
	:: else ->
		leave(s, ENDING, ok);
#ifdef STALE_WAITING
		was = s;
#endif
		atomic {
			acquire(rlock);
			assert(!rgone);
			out--
		};
		if
		:: rclosed ->
			d_step { assert(!gone); s = state; state = IDLE }
		:: else ->
			rlinked = true;
			atomic { load(s); state = REPLIED | (s & WAITING) }
#ifdef STALE_WAITING
			; s = was
#endif
		fi;
		release(rlock);
		if
		:: s & WAITING -> wake()
		:: else
		fi
	fi;
#ifdef LATE_TOUCH
	load(s);
#endif
#ifndef EARLY_COUNT
	count_down(held)
#endif
}

/* Under the lock: a QUEUED message becomes v and is unlinked, or got is false. */
inline get(v, s, ok, got)
{
	got = false;
	if
	:: !linked && inbox ->
		acquire(put);
		take_over();
		release(put)
	:: else
	fi;
	atomic {
		if
		:: linked ->
			load(s);
			do
			:: phase(s) == QUEUED ->
				atomic {
					cas(s, to(s, v), ok);
					if
					:: ok -> got = true; break
					:: else
					fi
				}
			:: else -> break
			od;
			if
			:: got -> linked = false; depth--
			:: else
			fi
		:: else
		fi
	}
}

/* By the sender: true if nobody has it yet and it is ENDING now, his. */
inline claim(s, add, ok)
{
	ok = false;
	do
#ifdef DROP_HELD
	:: phase(s) == QUEUED || phase(s) == HELD ->
#else
	:: phase(s) == QUEUED ->
#endif
#ifdef NO_CLAIM
		ok = true;
		break
#else
		atomic {
			try(s, to(s | add, ENDING), ok);
			if
			:: ok -> break
			:: else
			fi
		}
#endif
	:: else -> break
	od
}

proctype sender()
{
	byte s;
	bool ok, both = false, timed = patient, left = false;

	/* queue_send() */
	state = ARMED;
	acquire(put);
	if
	:: limit ->
		release(put);
		acquire(lock);
		acquire(put);
		both = true
	:: else -> assert(!closed)
	fi;
	if
	:: closed ->
		release(put);
		release(lock);
		state = IDLE;
		returned = true;
		goto done
	:: else
	fi;
	if
	:: !sync -> out++
	:: else
	fi;
	held++;
	s = state;
	do
	:: s & CANCEL ->
		if
		:: !sync -> out--
		:: else
		fi;
		held--;
		release(put);
		if
		:: both -> release(lock)
		:: else
		fi;
		state = IDLE;
		returned = true;
		goto done
	:: else ->
		atomic {
			cas(s, to(s, QUEUED), ok);
			if
			:: ok -> break
			:: else
			fi
		}
	od;
	atomic {
		depth++;
		accepted = true;
		if
		:: both ->
			linked = true;
			listed = false;
			limit = false;
			release(lock)
		:: else -> inbox = true
		fi;
		release(put);
		returned = true
	};

	/* mp_drop() */
	if
	:: atomic { s = state; claim(s, 0, ok) };
	   if
	   :: ok ->
		take_out();
		if
		:: !sync -> out--
		:: else
		fi;
		leave(s, IDLE, ok);
		count_down(held);
		dropped = true;
		goto done
	   :: else
	   fi
	:: skip
	fi;

	/* mp_wait_until() */
	do
	:: s = state;
	   if
	   :: phase(s) == IDLE -> break
	   :: phase(s) == REPLIED ->
		atomic {
			!rlock;
			if
			:: phase(state) == REPLIED ->
				assert(rlinked);
				rlinked = false;
				state = IDLE
			:: else
			fi
		};
		break
	   :: else
	   fi;
#ifdef PLAIN_WAITING
	   s = s | WAITING;
	   state = s;
#else
	   if
	   :: !(s & WAITING) ->
		cas(s, s | WAITING, ok);
		if
		:: !ok -> goto again
		:: else -> s = s | WAITING
		fi
	   :: else
	   fi;
#endif
	   atomic {
		if
		:: state == s -> asleep = true
		:: else
		fi
	   };
	   if
	   :: !asleep
	   :: !timed && asleep ->
		timed = true;
		asleep = false;
		/* stop_waiting(), then mp_recv() on the reply port */
		s = state;
		left = false;
		do
		:: phase(s) != QUEUED && phase(s) != HELD -> break
		:: else ->
#ifdef KEEP_WAITING
			left = true;
			break
#else
			atomic {
				cas(s, s & ~WAITING, ok);
				if
				:: ok -> left = true; break
				:: else
				fi
			}
#endif
		od;
		if
		:: left && !sync -> goto receive
		:: else
		fi
	   fi;
again:	   skip
	od;
	goto fetched;

receive:
	/* mp_recv(): sleeps in the port's list; null when it is closed. */
	acquire(rlock);
	do
	:: rlinked && state == REPLIED ->
		rlinked = false;
		state = IDLE;
		release(rlock);
		break
	:: (!rlinked || state != REPLIED) && rclosed ->
		release(rlock);
		/* then waits on the message */
		phase(state) == IDLE;
		break
	:: (!rlinked || state != REPLIED) && !rclosed ->
		release(rlock);
		(rlinked && state == REPLIED) || rclosed;
		acquire(rlock)
	od;

fetched:
	skip;
	d_step {
		ended++;
		assert(enders == 1 && result != 0 && !linked && !inbox)
	};
done:
	assert(!(accepted && dropped && enders != 0));
	/* The canceller is told first; then message and reply port go. */
	d_step { assert(!inhook); gone = true };
	out == 0;
	atomic { !rlock -> rgone = true; finished = true };
	d_step {
		s = 0; ok = false; both = false; timed = false; left = false;
		running--
	}
}

proctype server()
{
	byte s;
	bool ok, got;

	/* mp_recv() */
	acquire(lock);
	do
	:: get(HELD, s, ok, got);
	   if
	   :: got -> release(lock); break
	   :: !got && closed -> release(lock); goto done
	   :: else ->
		acquire(put);
		if
		:: inbox -> release(put)
		:: else ->
			limit = true;
			release(put);
			listed = true;
			release(lock);
			!listed;
			acquire(lock)
		fi
	   fi
	od;
	if
	:: skip
	:: /* mp_forward() to a port that keeps it, counted by another */
	   atomic {
		load(s);
		if
		:: s & CANCEL -> goto cancelled
		:: else -> state = s | FORWARD
		fi
	   };
	   held++;
	   atomic { load(s); state = s & ~FORWARD };
	   count_down(held)
	fi;
	end(BY_SERVER, s, ok);
	goto done;
cancelled:
	end(BY_CANCEL, s, ok);
done:	skip;
	d_step { s = 0; ok = false; got = false; running-- }
}

/* His sender keeps the message for him, but sends it no second time. */
proctype canceller()
{
	byte s;
	bool ok;

	do
	:: atomic { s = state; claim(s, CANCEL, ok) };
	   if
	   :: ok ->
		take_out();
		end(BY_CANCEL, s, ok);
		break
	   :: else
	   fi;
	   acquire(gate);
	   s = state;
	   do
	   :: phase(s) == QUEUED -> release(gate); goto again
	   :: phase(s) == ARMED || phase(s) == HELD ->
		try(s, s | CANCEL, ok);
		if
		:: ok && hooked && phase(s) == HELD && !(s & FORWARD) ->
			inhook = true;
			assert(!gone && !pgone);
			assert(enders == 0 || phase(state) != IDLE);
			inhook = false;
			break
		:: ok && !(hooked && phase(s) == HELD && !(s & FORWARD)) ->
			break
		:: !ok
		fi
	   :: else -> break
	   od;
	   release(gate);
	   break;
again:	   skip
	od;
	skip;
	d_step { s = 0; ok = false; running-- }
}

/* mp_port_close(), then mp_port_fini() of the target */
proctype closer()
{
	byte s;
	bool ok, got;

	early || finished;
	acquire(lock);
	acquire(put);
	closed = true;
#ifndef OPEN_LIMIT
	limit = true;
#endif
	take_over();
	release(put);
	listed = false;
	get(ENDING, s, ok, got);
	do
	:: depth == 0 -> break
	:: else -> release(lock); depth == 0; acquire(lock)
	od;
	release(lock);
	if
	:: got -> end(BY_CLOSE, s, ok)
	:: else
	fi;
	returned;
	held == 0;
	atomic { !gate -> pgone = true };
	d_step { s = 0; ok = false; got = false; running-- }
}

proctype reply_closer()
{
	acquire(rlock);
	rclosed = true;
	if
	:: rlinked ->
		rlinked = false;
		d_step {
			assert(phase(state) == REPLIED);
			if
			:: state & WAITING -> asleep = false
			:: else
			fi;
			state = IDLE
		}
	:: else
	fi;
	release(rlock);
	running--
}

init
{
	atomic {
		if
		:: sync = true
		:: sync = false
		fi;
		/* The port has been in use, or not yet. */
		if
		:: limit = true
		:: limit = false
		fi;
		running = 4;
		if
		:: early = true; patient = true; run canceller()
		:: run canceller()
		:: hooked = true; run canceller()
		:: !sync -> early = true; run reply_closer()
		fi;
		run sender();
		run server();
		run closer()
	};
	running == 0;
	assert(finished && (dropped || !accepted || ended == 1))
}
