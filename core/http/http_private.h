/* SPDX-License-Identifier: Apache-2.0 */
/* The objects behind HTTP: the server, its loops, their connections and requests. */
#ifndef PDB_HTTP_HTTP_PRIVATE_H
#define PDB_HTTP_HTTP_PRIVATE_H

#include <event2/event.h>
#include <event2/http.h>
#include <openssl/ssl.h>
#include <pdb/address.h>
#include <pthread.h>
#include <stdatomic.h>

#include "http/arena.h"
#include "http/guard.h"
#include "http/http.h"
#include "http/proxy.h"
#include "http/route.h"

/*
 * Who owns what. A loop owns its connections; a connection has at most one request at a time, taken
 * from the loop's list when the first byte of it arrives. Everything is touched on the loop's
 * thread alone, but for a request that was handed to a worker: that one is the worker's until it
 * comes back through pdb__loop_post().
 *
 * evhttp never parses a byte that a client sent. The guard takes the input down into the request;
 * when it is complete, evhttp is given one fixed line in its stead, which names the connection's
 * slot, and calls back at once. So there is one parser, and evhttp keeps what it is good at:
 * connections, keep-alive, answers.
 */
#define PDB_PRIME_MAX      40u
#define PDB_PEER_MAX       PDB_ADDRESS_MAX
#define PDB_LOCAL_PATH_MAX 107u

typedef struct pdb_loop pdb_loop;
typedef struct pdb_conn pdb_conn;

/* Where the server listens. The first place is the main one. */
typedef struct pdb_place {
	char *host; /* without brackets; NULL for a local socket */
	int port;
	char *path; /* of a local socket; else NULL */
	pdb_entrance entrance;
	bool secure; /* TLS is spoken there; never changes */
	bool proxied;
	/* of a local socket */
	mode_t mode;
	gid_t group;
	bool has_group;
	bool made; /* the file is ours to remove */
	int lock_fd;
} pdb_place;

#define PDB_PLACES_MAX 2u

/* A listening socket of a loop. */
typedef struct pdb_door {
	pdb_loop *loop;
	pdb_place *place;
	int fd; /* until a listener has it */
	struct evhttp *evhttp;
	struct evhttp_bound_socket *bound;
} pdb_door;

/* What a client's certificate says. */
typedef struct pdb_certificate {
	char fingerprint[65];
	char name[128];
	int64_t expires; /* seconds since 1970 */
} pdb_certificate;

typedef enum pdb_stage {
	PDB_STAGE_FRESH,   /* accepted, no byte yet; the TLS handshake is part of it */
	PDB_STAGE_IDLE,    /* between two requests */
	PDB_STAGE_READING, /* a request has begun */
	PDB_STAGE_WORKING, /* it is complete and not answered */
	PDB_STAGE_ANSWERING,
	PDB_STAGE_LINGERING, /* answered and half closed; what still comes is thrown away */
	PDB_STAGE_CLOSING    /* the end is on its way */
} pdb_stage;

struct pdb_conn {
	pdb_loop *loop;
	const pdb_place *place;
	pdb_conn *next;
	pdb_conn *prev;
	struct bufferevent *bev;
	struct evhttp_connection *evcon; /* NULL until adopted */
	SSL *ssl;                        /* of the bufferevent; NULL without TLS */
	pdb_certificate *certificate;    /* NULL when the client showed none */
	unsigned tls_generation;         /* of the context that has verified it */
	bool certificate_read;
	bool certificate_good;
	pdb_proxy *proxy; /* while its PROXY header is not complete */
	pdb_request *request;
	pdb_guard guard;
	pdb_buf surplus; /* bytes behind the request in work */
	int64_t deadline;
	pdb_stage stage;
	uint32_t slot;
	size_t drained; /* while lingering */
	size_t unsent;  /* of the answer, at the last look */
	bool busy;      /* the input callback is at work; its own changes are not news */
	bool primed;    /* evhttp's line lies in the input */
	bool linger;
	bool close_after;
	char prime[PDB_PRIME_MAX];
	char peer[PDB_PEER_MAX];
};

typedef struct pdb_header {
	const char *name;
	const char *value;
} pdb_header;

/* What is counted; all NULL until pdb_http_measure(). */
typedef struct pdb_http_measures {
	pdb_measure *requests;
	pdb_measure *durations;
	pdb_measure *refusals;
	pdb_measure *abandoned;
	pdb_measure *received;
	pdb_measure *sent;
	pdb_measure *accepted;
	pdb_measure *pauses;
	pdb_measure *shed;
} pdb_http_measures;

#define PDB_HEADERS_MAX 32u
#define PDB_REQUEST_ID  32u

struct pdb_request {
	pdb_loop *loop;
	pdb_conn *conn;                /* NULL when the client has gone; loop thread only */
	struct evhttp_request *evhttp; /* valid while `conn` is */
	pdb_request *next;             /* in a list: free, posted, or waiting for a ticket */
	pdb_request *prev;
	unsigned refs;
	pdb_message message;
	pdb_match match;
	pdb_arena *arena;
	pdb_refusal refusal; /* of the guard; code NULL = none */
	char id[PDB_REQUEST_ID];
	char peer[PDB_PEER_MAX];        /* what gates made of it */
	char socket_peer[PDB_PEER_MAX]; /* whom the connection is with */
	pdb_entrance entrance;
	bool local;              /* over a local socket */
	const char *certificate; /* of the client, verified; else "" */
	const char *certificate_name;

	pdb_role role;
	pdb_slice user;
	const char *key;
	size_t entered; /* gates that have seen it */

	int64_t held;  /* monotonic, since when it waits for its ticket */
	int64_t begun; /* monotonic, when it was complete */
	bool parked;   /* with a worker, or waiting: comes back even when the connection is gone */
	bool on_worker;
	bool answered;
	size_t buffered; /* of its bytes, what is counted */
	uint64_t ticket; /* 0 = not held */
	int status;
	const char *type;
	pdb_buf answer;
	pdb_buf scratch;
	size_t header_count;
	pdb_header headers[PDB_HEADERS_MAX];
};

/* Requests that wait for their ticket, the lowest first. */
typedef struct pdb_waiting {
	pdb_request *first;
	pdb_request *last;
} pdb_waiting;

struct pdb_loop {
	pdb_http *http;
	unsigned index;
	pthread_t thread;
	bool running; /* the thread was started */
	int wake_fd;
	struct event_base *base;
	pdb_door doors[PDB_PLACES_MAX];
	size_t door_count;
	struct event *wake;
	struct event *fresh; /* adopts what was just accepted */
	struct event *tick;
	int64_t ticked; /* monotonic, the last tick */
	int64_t lag;    /* by how much that was late */
	bool paused;    /* its doors are */
	bool closing;
	pdb_conn *conns;
	size_t conn_count;
	size_t fresh_count;
	pdb_conn **slots;
	size_t slot_count;
	uint32_t *vacant; /* slots, as a stack */
	size_t vacant_count;
	pdb_request *free_requests;
	size_t free_count;
	uint64_t next_id;
	pdb_waiting waiting;
	atomic_bool has_waiting;
	atomic_size_t held;   /* how many of them */
	pthread_mutex_t lock; /* guards `posted` */
	pdb_request *posted;
	pdb_request *posted_last;
	atomic_uint_fast64_t requests;
	atomic_uint_fast64_t refused;
};

struct pdb_http {
	pdb_http_settings settings;
	pdb_guard_limits limits;
	const pdb_sockets *sockets;
	pdb_router *router;
	pdb_offload_fn offload;
	void *pool;
	pdb_http_measures measures;
	pdb_place places[PDB_PLACES_MAX];
	size_t place_count;
	pdb_network *proxies; /* who may send a PROXY header; none = anybody */
	size_t proxy_count;
	pdb_loop **loops;
	_Atomic size_t
		loop_count; /* raised when a loop is complete: publish may come at any time */
	uint32_t id_prefix;
	bool secure; /* TLS is on; never changes */
	SSL_CTX *tls;
	pthread_mutex_t tls_lock;   /* guards `tls` */
	atomic_uint tls_generation; /* rises with every new `tls`, under the lock */
	atomic_int certificates_backend;
	atomic_int certificates_admin;
	atomic_bool trace_access;
	_Atomic int64_t trace_slow;
	atomic_uint_fast64_t published;
	atomic_size_t connections;
	atomic_size_t offloaded; /* requests that workers have */
	atomic_size_t buffered;  /* bytes of requests and answers that are counted */
	atomic_bool stopping;
	atomic_bool giving_up;
};

/* -- library --------------------------------------------------------------------------------- */

/* Gives libevent its memory and its log, once. Before any other call into it. */
void pdb__library_prepare(void);

/* -- loop ---------------------------------------------------------------------------------- */

pdb_status pdb__loop_create(pdb_loop **out, pdb_http *http, unsigned index, pdb_err *err);
pdb_status pdb__loop_start(pdb_loop *loop, pdb_err *err);
void pdb__loop_destroy(pdb_loop **loop);
/* Makes the loop look at what was posted, published, or asked. Threads: any. */
void pdb__loop_wake(pdb_loop *loop);
/* Gives a request back from a worker. Threads: any. */
void pdb__loop_post(pdb_loop *loop, pdb_request *request);
/* Answers now, or when the ticket of `request` is published. */
void pdb__loop_finish(pdb_loop *loop, pdb_request *request);
/* Finishes what workers gave back; answers what has become durable. */
void pdb__loop_finish_posted(pdb_loop *loop);
void pdb__loop_answer_due(pdb_loop *loop);
/* Puts back the requests that wait for ever, at the very end. */
void pdb__loop_forget_waiting(pdb_loop *loop);
/* Stops accepting for a while: at the cap, or out of descriptors; `reason` for metrics. */
void pdb__loop_pause(pdb_loop *loop, const char *reason);
/* Accepts again, unless the cap is still reached. */
void pdb__loop_resume(pdb_loop *loop);

/* -- doors ------------------------------------------------------------------------------------- */

/* Remembers the loop of this thread. */
void pdb__loop_is_here(pdb_loop *loop);
pdb_status pdb__doors_open(pdb_loop *loop, pdb_err *err);
/* Lets nobody in any more. */
void pdb__doors_shut(pdb_loop *loop);
void pdb__doors_free(pdb_loop *loop);

/* -- places ------------------------------------------------------------------------------------ */

/* "host:port", or a host alone when `port` is not negative, or "unix:path". `*out` is zeroed but
 * for lock_fd -1. Errors: PDB_EINVAL, PDB_ENOMEM. */
pdb_status pdb__place_parse(pdb_place *out, const char *text, int port, pdb_err *err);
void pdb__place_fini(pdb_place *place);
/* For people. Errors: PDB_ETOOLARGE. */
pdb_status pdb__place_text(const pdb_place *place, char *out, size_t size);

/* Locks the place, removes a file that was left there, and listens. Errors: PDB_EUNAVAILABLE. */
pdb_status pdb__local_open(pdb_place *place, int *fd_out, pdb_err *err);
void pdb__local_close(pdb_place *place);
/* "0660", and a group's name or number. */
bool pdb__local_mode(const char *text, mode_t *mode_out);
bool pdb__local_group(const char *name, gid_t *group_out);

/* -- listening socket ------------------------------------------------------------------------ */

/* Fails when anybody, also another process of ours, listens there already. */
pdb_status pdb__listen_probe(const char *address, int port, pdb_err *err);
/* One of several sockets on the same address; `*port` 0 becomes the one chosen. */
pdb_status pdb__listen_open(const char *address, int *port, int *fd_out, pdb_err *err);

/* -- TLS --------------------------------------------------------------------------------------- */

/* Reads what the settings name. Errors: PDB_EINVAL, PDB_ENOMEM. */
pdb_status pdb__tls_prepare(pdb_http *http, pdb_err *err);
bool pdb__tls_asks_clients(const pdb_http_settings *settings);
/* NULL without memory. Owns: the caller. */
SSL *pdb__tls_session(pdb_http *http, unsigned *generation_out);
/* The client's certificate if it is good just now; NULL without. Borrowed from the connection. */
const pdb_certificate *pdb__conn_certificate(pdb_conn *conn);

/* -- connections ------------------------------------------------------------------------------- */

/* For evhttp_set_bevcb; `arg` is the door. */
struct bufferevent *pdb__conn_accept(struct event_base *base, void *arg);
/* Completes what the accept callback could not know yet. */
void pdb__conn_adopt_all(pdb_loop *loop);
/* For evhttp_set_gencb; `arg` is the loop. */
void pdb__conn_dispatch(struct evhttp_request *evhttp, void *arg);
/* Closes what is past its deadline. */
void pdb__conn_sweep(pdb_loop *loop, int64_t now);
/* Ends what is idle; the others end after their answer. */
void pdb__conn_stop_all(pdb_loop *loop);
/* The answer of `conn` was handed to evhttp. */
void pdb__conn_answering(pdb_conn *conn, bool close);

/* -- counting ---------------------------------------------------------------------------------- */

void pdb__count_accepted(const pdb_http *http);
/* A loop stops accepting; `reason` is constant. */
void pdb__count_pause(const pdb_http *http, const char *reason);
/* A request is refused for want of capacity; `reason` is constant. */
void pdb__count_shed(const pdb_http *http, const char *reason);
/* The answer of `request` is about to leave, or would have if its client were still there. */
void pdb__count_answer(const pdb_request *request);

/* -- memory of bodies -------------------------------------------------------------------------- */

/* Counts what `request` has grown by; false when that is beyond the bound. Threads: its owner. */
bool pdb__buffered_fits(pdb_request *request);
void pdb__buffered_forget(pdb_request *request);
/* Gives back the body and the answer of one that does not fit. */
void pdb__buffered_drop(pdb_request *request);

/* -- overload ---------------------------------------------------------------------------------- */

/* What a write would have to wait for too long, a constant word; NULL when it may come. */
const char *pdb__overload_of(const pdb_request *request);
/* At each tick of the loop, which is due every `period`. */
void pdb__overload_tick(pdb_loop *loop, int64_t period);

/* -- lines about requests ------------------------------------------------------------------------
 */

/* Takes what may change with a reload. */
void pdb__trace_use(pdb_http *http, const pdb_http_settings *settings);
/* As pdb__count_answer. */
void pdb__trace_answer(const pdb_request *request);

/* -- life of a request ---------------------------------------------------------------------------
 */

/* From the loop's list; NULL without memory. */
pdb_request *pdb__request_take(pdb_loop *loop);
/* Drops one reference; the last one puts it back. Loop thread only. */
void pdb__request_release(pdb_request *request);
void pdb__request_free(pdb_request *request);
/* Tells the gates that have seen it of its end. */
void pdb__request_leave(pdb_request *request);
/* Forgets the answer made so far; headers from `keep` on too. */
void pdb__request_unanswer(pdb_request *request, size_t keep);
/* Route, gates, handler; ends in pdb__loop_finish here or from a worker. */
void pdb__request_run(pdb_request *request);

/* -- answers -------------------------------------------------------------------------------------
 */

/* Makes the error answer for `status`, described by `err`. */
void pdb__answer_error(pdb_request *request, pdb_status status, const pdb_err *err);
void pdb__answer_refusal(pdb_request *request, const pdb_refusal *refusal);
/* Sends what was answered; the request may be gone afterwards. */
void pdb__answer_send(pdb_request *request);

#endif
