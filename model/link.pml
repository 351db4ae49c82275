/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a link ends, broker/link.c, send.c, serve.c and pump.c.  One message, a
 * call that may pass its deadline or a send, while at any step
 *
 *	- the server dies, or closes the export, or the client the link;
 *	- a server that is no friend writes into the words that both write, and
 *	  hangs up before it dies;
 *	- the client dies.
 *
 * Safety: a message ends once; EPIPE only if it never runs, and an answer only
 * if it did; nobody takes an honest server for a liar; when the server has
 * forgotten the client's memory it does not touch it.  When nothing moves any
 * more the message has ended, unless the client died, and then the server has
 * forgotten him; a slot that an honest server has answered is free.
 *
 * That a client's threads wake by the ring and by a message's own word is in
 * ring.pml and wake.pml.
 *
 * broken: DEAD_LATE NO_ABANDON STARTED_LATE WAKE_ONCE NO_SETTLE NO_ORPHAN ENDS_TWICE SHUT_EPIPE
 * pan: -E
 */
#define FREE 0			/* slot_state */
#define INLINE 1
#define OUT 2
#define ENDING 3
#define ORPHAN 4

#define DONE 1			/* the reply's word */
#define WAITS 2
#define DEAD 4

#define OK 1
#define EPIPE 2
#define EOWNERDEAD 3
#define ETIME 4

/* Shared memory. */
byte word;
bool started;
bool asked;			/* the request is in the ring */
bool told;			/* and that the slot is an orphan */
bool pushed;			/* a completion is in the other ring */

/* The client's. */
bool sync;			/* a call */
byte slot;
byte result;
byte dead;			/* what ends that which is out */
bool parked;
bool late;			/* the deadline has passed, or there is none */
bool left;			/* the sender's thread goes on */
bool client_died, hung_up;

/* The server's. */
bool ran, busy, orphaned;
bool held;			/* a reply is under way */
bool closing, server_died, hostile, forgotten;
bool over;

/* The message is its sender's again. */
inline finish(code)
{
	assert(result == 0);
	assert(code != OK || ran || hostile);
	assert(code != EPIPE || !ran || hostile);
	result = code
}

inline win(to, won)
{
	atomic {
#ifdef ENDS_TWICE
		won = slot == OUT;
	};
	atomic {
		if
		:: won -> slot = to
		:: else
		fi
#else
		if
		:: slot == OUT -> slot = to; won = true
		:: else -> won = false
		fi
#endif
	}
}

/* link_abandon() */
inline abandon(won, code)
{
	win(ENDING, won);
	if
	:: won ->
		code = dead;
		if
		:: word & DONE -> code = OK
		:: else ->
			if
			:: code == EPIPE && started -> code = EOWNERDEAD
			:: else
			fi
		fi;
		d_step { slot = FREE; finish(code); code = 0 }
	:: else
	fi
}

/* wake_slots() */
inline wake_slots(won, code)
{
	d_step { word = word | DEAD; parked = false };
#ifdef NO_ABANDON
	skip
#else
	abandon(won, code)
#endif
}

/* link_die(): once */
inline die(as, won, code)
{
#ifdef DEAD_LATE
	d_step { word = word | DEAD; parked = false };
#endif
	atomic {
		won = dead == 0;
		if
		:: won -> dead = as
		:: else
		fi
	};
	if
	:: won -> wake_slots(won, code)
	:: else
	fi
}

/* server_left(), server_died() */
proctype watcher() provided (!client_died)
{
	bool won;
	byte code;

	hung_up || server_died;
	die(EPIPE, won, code);
	server_died;
#ifndef WAKE_ONCE
	wake_slots(won, code)
#endif
}

/* mp_link_shutdown() */
proctype closer() provided (!client_died)
{
	bool won;
	byte code;

#ifdef SHUT_EPIPE
	die(EPIPE, won, code)
#else
	die(EOWNERDEAD, won, code)
#endif
}

/* call() and sleep_for() */
proctype caller() provided (!client_died)
{
	bool won;
	byte seen, code;

	slot = INLINE;
	asked = true;
	if
	:: word & DONE ->
		d_step { slot = FREE; finish(OK) };
		goto fin
	:: true
	fi;
	slot = OUT;
	do
	:: slot != OUT -> break
	:: else ->
		seen = word;
		if
		:: seen & DONE ->
			win(ENDING, won);
			if
			:: won -> d_step { slot = FREE; finish(OK) }
			:: else
			fi;
			goto again
		:: else
		fi;
		assert(!(seen & DEAD) || dead != 0 || hostile);
		if
		:: dead != 0 -> abandon(won, code); goto again
		:: else
		fi;
		atomic {
			if
			:: word == 0 || word == WAITS -> word = WAITS
			:: else -> goto again
			fi
		};
		atomic {
			if
			:: word == WAITS -> parked = true
			:: else
			fi
		};
		if
		:: !parked
		:: atomic { parked && !late -> late = true; parked = false };
		   win(ORPHAN, won);
		   if
		   :: won -> d_step { told = true; finish(ETIME) }
		   :: else
		   fi
		fi;
again:		skip;
		d_step { seen = 0; won = false }
	od;
fin:	left = true
}

/* send(): from the request on the message may be gone. */
proctype sender() provided (!client_died)
{
	bool won;
	byte code;

	slot = OUT;
	asked = true;
	if
	:: dead != 0 -> abandon(won, code)
	:: else
	fi;
	left = true
}

/* one_done(), by whoever sleeps; a server that lies here is cut off. */
proctype drainer() provided (!client_died)
{
	bool won;

end:	do
	:: pushed ->
		pushed = false;
		win(ENDING, won);
		if
		:: won -> d_step { slot = FREE; finish(OK) }
		:: !won && slot == ORPHAN -> slot = FREE
		:: else -> assert(dead != 0)
		fi;
		won = false
	od
}

/* answer(), of the pump or, when the driver took it, of a worker. */
inline answer(push, was)
{
	atomic { push = orphaned || !sync; busy = false };
	d_step {
		assert(!forgotten);
		was = word;
		word = DONE;
		if
		:: was & WAITS -> parked = false
		:: else
		fi;
		was = 0
	};
	d_step {
		assert(!forgotten);
		if
		:: push -> pushed = true
		:: else
		fi;
		push = false
	}
}

proctype worker() provided (!server_died)
{
	bool push;
	byte was;

end:	held -> answer(push, was);
	held = false
}

inline run_it()
{
	assert(result != EPIPE || hostile);
	ran = true
}

inline begin(push, was)
{
	d_step { asked = false; busy = true };
#ifdef STARTED_LATE
	run_it();
	started = true;
#else
	started = true;
	run_it();
#endif
	if
	:: answer(push, was)
	:: held = true
	fi
}

/* The pump: serves until the end, then waits for what is out. */
proctype pump() provided (!server_died)
{
	bool push;
	byte was;

end:	do
	:: client_died || closing -> break
	:: asked -> begin(push, was)
	:: told && !asked ->
#ifdef NO_ORPHAN
		told = false
#else
		d_step {
			told = false;
			if
			:: busy -> orphaned = true
			:: else -> pushed = true
			fi
		}
#endif
	od;
	!busy;
#ifndef NO_SETTLE
	!held;
#endif
	forgotten = true;
	hung_up = true
}

/* What a server may do to the word, while it lives. */
proctype scribbler() provided (!server_died)
{
	do
	:: word = 0
	:: word = WAITS
	:: break
	od
}

proctype fate()
{
	if
	:: !hostile -> server_died = true
	:: !hostile -> closing = true; server_died = true
	:: !hostile -> closing = true
	:: !hostile -> run closer()
	:: !hostile -> client_died = true
	:: !hostile
	:: hostile -> hung_up = true; server_died = true
	fi;
	if
	:: client_died -> forgotten
	:: else ->
		result != 0 && left;
		server_died || closing || slot == FREE
	fi;
	over = true
}

init
{
	atomic {
		if
		:: hostile = true; run scribbler()
		:: skip
		fi;
		if
		:: sync = true; run caller()
		:: run sender()
		fi;
		if
		:: late = true
		:: skip
		fi;
		run watcher();
		run drainer();
		run worker();
		run pump();
		run fate()
	}
}

/* When nothing moves any more all that was due has come. */
active proctype rest()
{
	timeout;
	assert(over)
}
