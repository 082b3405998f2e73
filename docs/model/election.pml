/*
 * Election and fencing of one room: who is admin, in which term, for whom.
 *
 * The hub decides on one record by compare-and-set; the workers believe the hub's
 * signed word only. Everything else is adversarial: who is alive, who has evidence
 * against whom, which messages arrive, how late, how often, in which order.
 * README.md says what is modelled, what is not, and what was measured.
 *
 * Each -D of a rule takes that rule away; without any, this is the design.
 * `make model` runs them all.
 */

/* Bounds. Freezes, cuts, departures and hub restarts have none. */
#ifndef ELECTIONS
#define ELECTIONS 3
#endif
#ifndef RESTARTS
#define RESTARTS 2	/* processes that crash and start anew */
#endif
#ifndef DOUBLES
#define DOUBLES 1	/* processes that stand still, are replaced, and go on */
#endif
#ifndef WIPES
#define WIPES 1		/* hubs that come back with an empty store, or with -DRESTORED an old one */
#endif
#define PEERS 3
#define STORES 3

/*
 * A term is one number that sorts by store, then by n; 0 is none. A seat is one
 * number too: peer and incarnation.
 */
#define WIDTH (ELECTIONS + 1)
#ifdef NO_STORE
#define TERM(store, n) (n)
#else
#define TERM(store, n) ((store) * WIDTH + (n))
#endif
#define STORE(term) ((term) / WIDTH)
#define TERMS ((STORES + 1) * WIDTH)
#define SEAT(peer, incarnation) ((peer) * 16 + (incarnation))
#define DEAD 255	/* any seat whose process has ended */
#ifdef NO_INCARNATION
#define SAME(a, b) ((a) / 16 == (b) / 16)
#else
#define SAME(a, b) ((a) == (b))
#endif

/* Zeros that give a fallen assertion its name. */
byte I1_ONE_ADMIN, I2_NEVER_FALLS, ANSWERS, RECOVERY;

/* ---- the hub's record ---- */

byte store = 2;			/* the store's id; a wiped one gets 1, 3 or, if it must rise, 3 */
byte term_store = 2, term_n;	/* of the present tenure, or the last */
byte tenure;			/* whose it is */
bool vacant = 1;
byte seat_number[PEERS];	/* incarnation in a peer's seat, 0 if there is none */
byte seat_process[PEERS];	/* and which process of the peer has it */
byte minted[PEERS];		/* the highest incarnation that a peer ever had */

#define TERM_NOW TERM(term_store, term_n)

/* ---- the workers ---- */

/*
 * Slots 0 to 2 are the newest process of each peer. Slot OLD is a process that
 * stood still for so long that another was started in its place.
 */
#define OLD 3
#define SLOTS 4
byte peer[SLOTS];
byte process[SLOTS];		/* 1, 2, 3… of its peer; 0 if there is none */
byte number[SLOTS];		/* its incarnation, 0 before it registered */
byte accepted[SLOTS];		/* the newest term that it has from the hub */
bool over[SLOTS];		/* and that the hub called vacant */
bool confirmed[SLOTS];		/* the hub confirmed it since the last silence */
bool replaced[SLOTS];		/* the record lists it among the former processes */

#define OWN(p) SEAT(peer[p], number[p])
#define HOLDS(p) (number[p] && !vacant && SAME(tenure, OWN(p)))
#define IS_ADMIN(p) (number[p] && accepted[p] && !over[p] && SAME(certified[accepted[p]], OWN(p)))

/* ---- what was ever said ---- */

/*
 * Certificates are never taken back, so any of them may reach anyone at any time:
 * that is a network which loses, delays, repeats and reorders.
 */
byte certified[TERMS];		/* to which seat */
byte winner[TERMS];		/* and which process had it then */
bool astray[SLOTS];		/* not admin in the record, not once since its last silence */

byte elections = ELECTIONS, restarts = RESTARTS, doubles = DOUBLES, wipes = WIPES;
byte i, k, seat;		/* 0 between the events */

/* ---- what a worker makes of the news ---- */

#define OWN_TERM(p, t) (number[p] && certified[t] && SAME(certified[t], OWN(p)))

/*
 * Fewer states. Of a worker that is not in a term of its own, it matters only which
 * of its terms lie behind it: what else it has accepted, it may as well never have
 * heard, and may hear again (Prove). With no term of its own ahead, nobody sees either
 * whether it is confirmed. -DEXACT keeps it all, to try this on small bounds.
 */
inline settle(p) {
#ifdef EXACT
	skip
#else
	do
	:: accepted[p] && !OWN_TERM(p, accepted[p]) -> accepted[p]--; over[p] = 1
	:: else -> break
	od;
	over[p] = over[p] && accepted[p];
	k = accepted[p] + 1;
	do
	:: k < TERMS && !OWN_TERM(p, k) -> k++
	:: else -> break
	od;
	if
	:: k == TERMS && (over[p] || !accepted[p]) -> confirmed[p] = 1; astray[p] = 0
	:: else
	fi;
	k = 0
#endif
}

inline accept(p, t) {
	assert(t >= accepted[p] || I2_NEVER_FALLS);
	accepted[p] = t; over[p] = 0;
	assert(!IS_ADMIN(p) || winner[t] == process[p] || I1_ONE_ADMIN)
}

/* A silence ends: the process stood still, was cut off, or the hub was away. */
inline doubt(p) {
	astray[p] = !HOLDS(p);
#ifndef NO_CONFIRM
	confirmed[p] = 0;
#endif
	settle(p)
}

/* The hub's answer: the term at which the record stood, and whether it was vacant. */
inline learn(p, term, ended) {
	if
#ifdef ANY_ANSWER
	:: term > accepted[p] && !ended -> accept(p, term)
#else
	:: term > accepted[p] && certified[term] -> accept(p, term)
#endif
	:: else
	fi;
	over[p] = over[p] || term == accepted[p] && ended;
#ifdef ANY_ANSWER
	confirmed[p] = 1;
#else
	confirmed[p] = (term == accepted[p]);
#endif
	settle(p)
}

/* ---- what the hub decides ---- */

inline elect(p) {
	elections--;
	term_store = (store > term_store -> store : term_store);
#ifdef NO_CAS
	term_n = read_n + 1;
#else
	term_n++;
#endif
	tenure = OWN(p); vacant = 0; astray[p] = 0;
	assert(!certified[TERM_NOW] || I1_ONE_ADMIN);
	certified[TERM_NOW] = tenure; winner[TERM_NOW] = process[p]
}

/* A certificate that the record never reached: the store was wiped. */
#define OVERTAKEN(t) (certified[t] && (t > TERM_NOW || t == TERM_NOW && certified[t] != tenure))

/* A process shows its certificate and takes its peer's seat, if it is a newer one. */
inline admit(p) {
	if
#ifndef NO_RAISE
	:: OVERTAKEN(accepted[p]) ->
#ifdef NO_STORE
		term_n = accepted[p];
#else
		store = (STORE(accepted[p]) >= store -> STORE(accepted[p]) + 1 : store);
		term_store = store;
#endif
		vacant = 1
#endif
	:: else
	fi;
	if
	:: seat_process[peer[p]] == process[p]
	:: else ->
		i = (p == OLD -> peer[OLD] : OLD);	/* the peer's other process, if it has two */
		replaced[i] = replaced[i] || peer[i] == peer[p] && seat_process[peer[p]] == process[i];
#ifndef NO_INCARNATION
		vacant = vacant || seat_number[peer[p]] && tenure == SEAT(peer[p], seat_number[peer[p]]);
#endif
		i = 0;
		minted[peer[p]]++;
		seat_number[peer[p]] = minted[peer[p]];
		seat_process[peer[p]] = process[p]
	fi;
	number[p] = seat_number[peer[p]];
	assert(TERM_NOW >= accepted[p] || !certified[accepted[p]] || RECOVERY);
	learn(p, TERM_NOW, vacant)
}

/* ---- what may happen ---- */

/* Peers are alike: they first register in their order. */
#define IN_TURN(p) (p == 0 || p == OLD || number[p] || number[p - 1])

/* A registration; its answer was lost if the process does nothing with it. */
inline Register(p) { d_step {
	process[p] && IN_TURN(p) && !replaced[p] && (OVERTAKEN(accepted[p]) || seat_process[peer[p]] != process[p]) ->
	printf("register %d\n", p);
	admit(p)
} }

/* A claim that the hub grants, rightly or not: the holder is gone, or it is not. */
inline Claim(p) { d_step {
	elections && number[p] && seat_number[peer[p]] == number[p] && !HOLDS(p) ->
	printf("claim %d\n", p);
	elect(p)
} }

/* The holder said goodbye, or the hub takes it for crashed or silent. */
inline Depart() { d_step { !vacant -> printf("depart\n"); vacant = 1 } }

/* The hub's announcement, in order with its answers: both come over one connection. */
inline Announce(p) { d_step {
	process[p] && !vacant && TERM_NOW > accepted[p] ->
	printf("announce %d\n", p);
	accept(p, TERM_NOW);
	settle(p)
} }

/* A member shows a certificate, however old. It confirms nothing. */
inline Show(p, t) { d_step {
#ifdef NO_FENCE
	process[p] && certified[t] ->
#else
	process[p] && certified[t] && t > accepted[p] ->
#endif
	printf("show %d: %d/%d\n", p, t / WIDTH, t % WIDTH);
	accept(p, t);
#ifndef HEARSAY
	confirmed[p] = 0;
#endif
	settle(p)
} }

/* The same, and then it registers with it. */
inline Prove(p, t) { d_step {
	process[p] && !replaced[p] && t > accepted[p] && OVERTAKEN(t) ->
	printf("prove %d: %d/%d\n", p, t / WIDTH, t % WIDTH);
	accept(p, t);
	confirmed[p] = 0;
	admit(p)
} }

/* A question and the hub's answer. */
inline Ask(p) { d_step { process[p] && !confirmed[p] -> printf("ask %d\n", p); learn(p, TERM_NOW, vacant) } }

inline Silence(p) { d_step { process[p] && confirmed[p] -> printf("silence %d\n", p); doubt(p) } }

/* A client asks; who lost the seat in a silence must not answer as admin. */
inline Query(p) { d_step {
	confirmed[p] && IS_ADMIN(p) && astray[p] ->
	printf("query %d\n", p);
	assert(ANSWERS)
} }

/* Another process of the peer in the slot. */
inline start(p) {
	process[p]++; number[p] = 0; accepted[p] = 0; over[p] = 0; replaced[p] = 0; astray[p] = 0; confirmed[p] = 1;
	admit(p)
}

/* The process has crashed; what it was, nobody else will ever be. */
inline Restart(p) { d_step {
	restarts && number[p] ->
	printf("restart %d\n", p);
	restarts--;
#if !defined NO_INCARNATION && !defined NO_DISK
	seat = OWN(p);
	for (k : 0 .. TERMS - 1) {
		if
		:: certified[k] == seat -> certified[k] = DEAD; winner[k] = 0
		:: else
		fi
	}
	vacant = vacant || tenure == seat;
	tenure = (tenure == seat -> DEAD : tenure);
	seat = 0; k = 0;
#endif
	start(p)
} }

/* The process stands still and is replaced; it will go on one day. */
inline Double(p) { d_step {
	doubles && number[p] ->
	printf("double %d\n", p);
	doubles--;
	peer[OLD] = p; process[OLD] = process[p]; number[OLD] = number[p]; accepted[OLD] = accepted[p];
	over[OLD] = over[p];
	start(p);
	doubt(OLD)
} }

/* The hub comes back with nothing. Its clock may be behind the old store's time. */
inline Wipe(id) { d_step {
	wipes && term_n ->
	printf("wipe %d\n", id);
	wipes--; store = id;
	term_store = store; term_n = 0; tenure = 0; vacant = 1;
	for (i : 0 .. PEERS - 1) {
		seat_number[i] = 0; seat_process[i] = 0;
#ifdef NO_DISK
		minted[i] = 0
#endif
	}
	for (i : 0 .. SLOTS - 1) {
		replaced[i] = 0;
		if
		:: process[i] -> doubt(i)
		:: else
		fi
	}
	i = 0
} }

#ifdef NO_CAS
byte read_n;
/* A second hub decides on the record as it was when it read it. */
inline Read() { d_step { read_n != term_n -> printf("read\n"); read_n = term_n } }
#endif

#ifdef LATE_ANSWER
byte late_term, late_for = OLD;
bool late_ended;
/* An answer of the hub stays under way while its reader stands still. */
inline Hold(p) { d_step { late_for == OLD && number[p] -> printf("hold %d\n", p); late_for = p; late_term = TERM_NOW; late_ended = vacant } }
inline Late(p) { d_step { late_for == p -> printf("late %d\n", p); learn(p, late_term, late_ended); late_for = OLD } }
#endif

#ifdef MEMBERS_TERM
/* A member elects itself on the mesh: the others take the term from it. */
inline Usurp(p) { d_step {
	number[p] && accepted[p] && accepted[p] % WIDTH < ELECTIONS && !IS_ADMIN(p) ->
	printf("usurp %d\n", p);
	k = accepted[p] + 1;
	assert(!certified[k] || certified[k] == OWN(p) || I1_ONE_ADMIN);
	certified[k] = OWN(p); winner[k] = process[p];
	accept(p, k);
	k = 0
} }
#endif

#define peers(event) :: event(0) :: event(1) :: event(2)
#define each(event) peers(event) :: event(OLD)
#define shown(t) :: Show(0, t) :: Show(1, t) :: Show(2, t) :: Show(OLD, t) \
	:: Prove(0, t) :: Prove(1, t) :: Prove(2, t) :: Prove(OLD, t)

active proctype room() {
	d_step { for (i : 0 .. PEERS - 1) { process[i] = 1; peer[i] = i } peer[OLD] = OLD; i = 0 }
	do
	each(Register)
	each(Claim)
	:: Depart()
	each(Announce)
	shown(TERM(1, 1)) shown(TERM(2, 1)) shown(TERM(3, 1))
#if ELECTIONS > 1
	shown(TERM(1, 2)) shown(TERM(2, 2)) shown(TERM(3, 2))
#endif
#if ELECTIONS > 2
	shown(TERM(1, 3)) shown(TERM(2, 3)) shown(TERM(3, 3))
#endif
	each(Ask)
	each(Silence)
	each(Query)
	peers(Restart)
	peers(Double)
	:: Wipe(1)
	:: Wipe(3)
#ifdef NO_CAS
	:: Read()
#endif
#ifdef LATE_ANSWER
	peers(Hold)
	peers(Late)
#endif
#ifdef MEMBERS_TERM
	each(Usurp)
#endif
	od
}
