/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef STEP_H
#define STEP_H

/*
 * A client and a server, each a process, one of which comes to its end at a
 * point of broker/step.h.  What they and the test tell each other is in a page
 * that all three share.  A word there is awaited with nothing but its change.
 */

#include "../broker/link.h"
#include "../broker/step.h"
#include <msgport/iface_table.h>

#define STEP_POINTS 400
#define STEP_ITEMS 64
#define STEP_CLASS 0x7e

enum step_role {
	STEP_CLIENT,
	STEP_SERVER,
};

enum step_action {
	STEP_NOTHING,
	STEP_KILL,
	STEP_STOP, /* and the survivor kills what is stopped */
	STEP_CLOSE,
	STEP_ACTIONS,
};

/* Of the client's work. */
enum step_phase {
	PHASE_OPEN,
	PHASE_SYNC,
	PHASE_ASYNC,
	PHASE_MORE, /* links come and go beside the first ones */
	PHASE_END,
	PHASES,
};

enum step_port {
	PORT_PLAIN,  /* runs and holds */
	PORT_NARROW, /* a thread, and room for one message more */
	PORT_BLOCK,  /* may block */
	PORT_BRIEF,  /* PLAIN again, until somebody asks it to close */
	PORTS,
};

enum step_op {
	STEP_ECHO = MP_IFACE_OP_FIRST(STEP_CLASS),
	STEP_COPY,    /* adds one to each byte lent */
	STEP_HOLD,    /* until it is cancelled or released */
	STEP_RELEASE, /* all that is held */
	STEP_GATE,    /* until a message has found no room */
	STEP_SHUT,    /* until it is cancelled */
};

struct step_msg {
	struct mp_msg msg;
	struct {
		uint64_t id; /* 0: nobody asks whether it began */
	} in;
	struct {
		uint64_t id; /* and one */
	} out;
	struct mp_buf buf;
};

struct step_page {
	/* What is to happen: the n-th time at this point in this phase. */
	enum step_role victim;
	enum step_action action;
	uint32_t phase_at, point, passage;
	int pid; /* of the victim */

	/* What has; atomic. */
	uint32_t phase;
	uint32_t acted;
	uint32_t killed, closing; /* from here on messages may fail */
	uint32_t started;	  /* by the server, all told */
	uint32_t stalled;	  /* messages have found no room */
	uint32_t gate;
	uint32_t begun[STEP_ITEMS]; /* by the handler */
	uint32_t held[STEP_ITEMS];
	uint32_t reached[PHASES][STEP_POINTS]; /* by the victim */

	/* Awaited. */
	uint32_t ready;	  /* the server is, or is dead */
	uint32_t control; /* one of the next three has changed */
	uint32_t brief;	  /* that export is to close */
	uint32_t quit;
	uint32_t dead;	/* the victim is */
	uint32_t probe; /* the victim is stopped, or has ended */
	uint32_t stopped;
};

struct step_usage {
	uint32_t fds, threads, maps;
	size_t bytes; /* where a sanitizer counts them */
};

extern const struct mp_iface step_iface;
extern const char *const step_name[PORTS];
extern struct step_page *step_page;

/* test/step.c */
void step_post(uint32_t *word);
void step_await(uint32_t *word);
uint32_t step_point(const char *name);
uint32_t step_points(void);
/* In a new process; close is what STEP_CLOSE does, false if it cannot. */
void step_begin(enum step_role, bool (*close)(void));
/* What closes is done. */
void step_end(void);
/* The connected sockets of this process; false if there is none. */
bool step_shut_sockets(void);
struct step_usage step_usage(void);
/* What was in use before is in use; the last trace of a thread may linger. */
void step_check_usage(const struct step_usage *before);
/* A thread of the survivor: probes and kills what is stopped. */
void step_probe_start(void (*probe)(void));
void step_probe_stop(void);

/* test/step_serve.c, test/step_call.c: a process's whole life */
void step_serve(void);
void step_call(void);

#endif
